/** What a watermark strategy must be, for users of plain JavaScript and for values out of range. */
import { EngineError } from '../base/errors.ts';
import type { WatermarkStrategy } from '../functions/watermark-strategy.ts';
import { requireSynchronous } from './callbacks.ts';

/** @throws EngineError API_INVALID_ARGUMENT, USER_CODE_ASYNC */
export function requireStrategy(strategy: WatermarkStrategy<never>, call: string): void {
  const refuse = (reason: string): never => {
    throw new EngineError('API_INVALID_ARGUMENT', { call, reason });
  };
  if (typeof strategy !== 'object' || strategy === null) {
    refuse('it takes a strategy, e.g. { timestamp: (order) => order.at, outOfOrder: seconds(5) }');
  }
  const { timestamp, outOfOrder, generator, idleAfter } = strategy;
  if (timestamp !== undefined && timestamp !== 'ingestion') {
    requireSynchronous(timestamp, `${call}.timestamp`);
  }
  if (generator !== undefined) requireSynchronous(generator, `${call}.generator`);
  if (generator !== undefined && outOfOrder !== undefined) {
    refuse('outOfOrder makes watermarks, and so does generator: give one of them');
  }
  if (outOfOrder !== undefined && !(isDuration(outOfOrder) && outOfOrder >= 0)) {
    refuse(`outOfOrder is a duration of at least 0, not ${String(outOfOrder)}`);
  }
  if (idleAfter !== undefined && !(isDuration(idleAfter) && idleAfter > 0)) {
    refuse(`idleAfter is a duration above 0, e.g. minutes(1), not ${String(idleAfter)}`);
  }
  requireAlignment(strategy, refuse);
}

function requireAlignment(
  { alignment }: WatermarkStrategy<never>,
  refuse: (reason: string) => never,
): void {
  if (alignment === undefined) return;
  if (typeof alignment !== 'object' || alignment === null) {
    refuse("alignment is e.g. { group: 'orders', maxDrift: seconds(30) }");
  }
  const { group, maxDrift, updateInterval } = alignment;
  if (typeof group !== 'string' || group === '') refuse('alignment.group is a name');
  if (!isDuration(maxDrift) || maxDrift < 0) {
    refuse(`alignment.maxDrift is a duration of at least 0, not ${String(maxDrift)}`);
  }
  if (updateInterval !== undefined && !(isDuration(updateInterval) && updateInterval > 0)) {
    refuse(`alignment.updateInterval is a duration above 0, not ${String(updateInterval)}`);
  }
}

function isDuration(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}
