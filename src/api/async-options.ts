/** The checks of `asyncMap`'s arguments. */
import { EngineError } from '../base/errors.ts';
import type { AsyncCall, AsyncFunction, AsyncOptions } from '../functions/async-function.ts';

/** A plain function is the `call` of a function object. */
export function asyncFunctionOf<T, R>(
  call: ((value: T, call: AsyncCall) => Promise<R>) | AsyncFunction<T, R>,
): AsyncFunction<T, R> {
  if (typeof call === 'function') return { call };
  if (typeof call === 'object' && call !== null && typeof call.call === 'function') return call;
  return refuse('it takes a function, or an object with call');
}

/** @throws EngineError API_INVALID_ARGUMENT */
export function requireAsyncOptions(options: AsyncOptions): void {
  const { order, timeout, capacity, retry } = options;
  if (order !== undefined && order !== 'ordered' && order !== 'unordered') {
    refuse(`order is "ordered" or "unordered", not ${JSON.stringify(order)}`);
  }
  if (!(timeout > 0)) refuse(`timeout must be longer than nothing, not ${String(timeout)}`);
  if (capacity !== undefined && (!Number.isInteger(capacity) || capacity < 1)) {
    refuse(`capacity is a whole number of at least 1, not ${String(capacity)}`);
  }
  if (retry === undefined) return;
  if (!Number.isInteger(retry.attempts) || retry.attempts < 1) {
    refuse(`retry.attempts is a whole number of at least 1, not ${String(retry.attempts)}`);
  }
  if (retry.kind === 'fixed') {
    if (!(retry.delay >= 0)) refuse('retry.delay must not be negative');
  } else if (!(retry.initialDelay >= 0 && retry.maxDelay >= retry.initialDelay)) {
    refuse('retry.maxDelay must be at least retry.initialDelay');
  } else if (!(retry.multiplier >= 1)) {
    refuse('retry.multiplier must be at least 1');
  }
}

function refuse(reason: string): never {
  throw new EngineError('API_INVALID_ARGUMENT', { call: 'asyncMap', reason });
}
