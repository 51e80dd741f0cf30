/** Checks options of connectors when a job is built. */
import { EngineError } from '../../base/errors.ts';

/** @throws EngineError API_INVALID_ARGUMENT for anything but a whole number above 0 */
export function requirePositive(call: string, name: string, value: number | undefined): void {
  if (value === undefined || (Number.isSafeInteger(value) && value > 0)) return;
  const reason = `${name} is a whole number above 0, not ${String(value)}`;
  throw new EngineError('API_INVALID_ARGUMENT', { call, reason });
}
