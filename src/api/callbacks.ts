/**
 * The types of users' callbacks, and the checks that the types cannot make for users of plain
 * JavaScript: what is called per record is a function, and a synchronous one.
 */
import { EngineError } from '../base/errors.ts';

/**
 * The result of a callback that is called synchronously. A promise does not fit: work that must
 * wait belongs in `asyncMap`.
 */
export type Synchronous<R> = R extends PromiseLike<unknown> ? NotSynchronous : R;

declare const notSynchronous: unique symbol;

/** Shown by the compiler where a callback returns a promise. */
export interface NotSynchronous {
  readonly [notSynchronous]: 'This function must not be async: use asyncMap for work that must wait.';
}

/** @throws EngineError API_NOT_A_FUNCTION, USER_CODE_ASYNC */
export function requireSynchronous(callback: unknown, call: string): void {
  if (typeof callback !== 'function') {
    throw new EngineError('API_INVALID_ARGUMENT', {
      call,
      reason: `it takes a function, not ${kindOf(callback)}`,
    });
  }
  const kind = Object.prototype.toString.call(callback);
  if (kind === '[object AsyncFunction]' || kind === '[object AsyncGeneratorFunction]') {
    // `process.onWindow` is the onWindow function of process.
    const dot = call.lastIndexOf('.');
    const operator = dot < 0 ? call : call.slice(0, dot);
    throw new EngineError('USER_CODE_ASYNC', { role: call.slice(dot + 1), operator });
  }
}

/**
 * Checks the methods that a function object must have, and that none of those given is async, but
 * `open` and `close`.
 */
export function requireFunctionObject(
  object: object,
  call: string,
  required: readonly string[],
  optional: readonly string[] = [],
): void {
  if (typeof object !== 'object' || object === null) {
    throw new EngineError('API_INVALID_ARGUMENT', {
      call,
      reason: `it takes an object with ${required.join(', ')}`,
    });
  }
  const methods = object as Readonly<Record<string, unknown>>;
  for (const name of required) requireSynchronous(methods[name], `${call}.${name}`);
  for (const name of optional) {
    if (methods[name] !== undefined) requireSynchronous(methods[name], `${call}.${name}`);
  }
}

/** @throws EngineError API_INVALID_ARGUMENT unless it has the parts of a schema. */
export function requireSchema(schema: unknown, call: string): void {
  const is = typeof schema === 'object' && schema !== null && 'description' in schema;
  if (!is) {
    throw new EngineError('API_INVALID_ARGUMENT', {
      call,
      reason: `it takes a schema such as t.string, not ${kindOf(schema)}`,
    });
  }
}

/** @throws EngineError API_INVALID_ARGUMENT unless it is a whole number from 1 to `most`. */
export function requireCount(value: number, call: string, most: number): void {
  if (!Number.isInteger(value) || value < 1 || value > most) {
    throw new EngineError('API_INVALID_ARGUMENT', {
      call,
      reason: `it takes a whole number from 1 to ${most}, not ${String(value)}`,
    });
  }
}

/** @throws EngineError API_INVALID_ARGUMENT unless it is a text that is not empty. */
export function requireText(value: string, call: string): void {
  if (typeof value !== 'string' || value.trim() === '') {
    throw new EngineError('API_INVALID_ARGUMENT', {
      call,
      reason: 'it takes a text that is not empty',
    });
  }
}

function kindOf(value: unknown): string {
  return value === undefined ? 'nothing' : value === null ? 'null' : typeof value;
}
