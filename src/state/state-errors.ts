/** Errors about what users put into state, which all kinds of state report alike. */
import { EngineError, messageOf } from '../base/errors.ts';

export interface StateNames {
  readonly operator: string;
  readonly state: string;
}

/** A value that is not of the declared schema. */
export function valueInvalid(names: StateNames, value: unknown, wanted: string): EngineError {
  return new EngineError('STATE_VALUE_INVALID', { ...names, value: shown(value), wanted });
}

/** A value that its codec refused, at a snapshot; `key` tells which. */
export function notSerializable(names: StateNames, key: unknown, error: unknown): EngineError {
  const reason = messageOf(error);
  return new EngineError(
    'STATE_NOT_SERIALIZABLE',
    { ...names, key: shown(key), reason },
    { cause: error },
  );
}

/** @throws EngineError USER_CODE_ASYNC if `answer` is a promise or anything else with a `then` */
export function refusePromise(answer: object, role: string, operator: string): void {
  if (!('then' in answer) || typeof answer.then !== 'function') return;
  // Its failure would otherwise end the worker as an unhandled rejection and hide this error.
  if (answer instanceof Promise) answer.catch(() => undefined);
  throw new EngineError('USER_CODE_ASYNC', { role, operator });
}

/** For messages: short, and of any value. */
export function shown(value: unknown): string {
  if (typeof value === 'string') {
    return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}...` : value);
  }
  if (Array.isArray(value)) return `[${value.slice(0, 10).map(shown).join(', ')}]`;
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}
