/** Checks of what the constructors of windows, triggers and evictors are given. */
import { EngineError } from '../base/errors.ts';

/** @throws EngineError API_INVALID_ARGUMENT unless it is a whole number of milliseconds above 0. */
export function requireSpan(value: number, call: string, what: string): void {
  requireWhole(value, call, what);
  if (value <= 0) refuse(call, `its ${what} is ${value} ms, and must be above 0`);
}

/** @throws EngineError API_INVALID_ARGUMENT unless it is a whole number of milliseconds. */
export function requireWhole(value: number, call: string, what: string): void {
  if (Number.isSafeInteger(value)) return;
  const given = typeof value === 'number' ? `${value} ms` : kindOf(value);
  refuse(call, `its ${what} is ${given}, and must be a whole number of milliseconds`);
}

/** @throws EngineError API_INVALID_ARGUMENT unless it is a whole number from 1 on. */
export function requirePositiveCount(value: number, call: string, what: string): void {
  if (Number.isSafeInteger(value) && value >= 1) return;
  refuse(call, `its ${what} is ${shown(value)}, and must be a whole number from 1 on`);
}

/** @throws EngineError API_INVALID_ARGUMENT unless it is a number, finite, and not below 0. */
export function requireThreshold(value: number, call: string): void {
  if (Number.isFinite(value) && value >= 0) return;
  refuse(call, `its threshold is ${shown(value)}, and must be a number from 0 on`);
}

/** @throws EngineError API_INVALID_ARGUMENT */
export function requireFunction(value: unknown, call: string, what: string): void {
  if (typeof value !== 'function') refuse(call, `its ${what} is ${kindOf(value)}, not a function`);
}

/** @throws EngineError API_INVALID_ARGUMENT */
export function requireMethod(object: object, call: string, method: string): void {
  requireFunction((object as Readonly<Record<string, unknown>>)[method], call, method);
}

/** @throws EngineError API_INVALID_ARGUMENT */
export function requireOneOf(
  value: string,
  call: string,
  what: string,
  allowed: readonly string[],
): void {
  if (!allowed.includes(value)) {
    refuse(call, `its ${what} is ${shown(value)}, and must be ${allowed.join(' or ')}`);
  }
}

export function refuse(call: string, reason: string): never {
  throw new EngineError('API_INVALID_ARGUMENT', { call, reason });
}

function shown(value: unknown): string {
  return typeof value === 'number' || typeof value === 'string' ? String(value) : kindOf(value);
}

function kindOf(value: unknown): string {
  return value === undefined ? 'nothing' : value === null ? 'null' : `a ${typeof value}`;
}
