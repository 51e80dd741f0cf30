/**
 * What goes wrong in functions that users wrote is theirs, and says which function of which
 * operator it was. The stack stays the user's: it is mapped to the TypeScript source where it was
 * thrown.
 */
import { EngineError, isEngineError, messageOf } from '../base/errors.ts';

const FROZEN =
  /read only property|object is not extensible|Cannot delete property|Cannot define property/;

/**
 * The error for what a user's function threw; engine errors that passed through it stay themselves.
 */
export function userCodeFailure(role: string, operator: string, thrown: unknown): EngineError {
  if (isEngineError(thrown)) return thrown;
  if (isOurAssertion(thrown)) throw thrown;
  if (thrown instanceof TypeError && FROZEN.test(thrown.message)) {
    const field = /property '?([^',]+)/.exec(thrown.message)?.[1] ?? 'a field';
    return keepStack(new EngineError('USER_CODE_MUTATION', { role, operator, field }), thrown);
  }
  const error = new EngineError('USER_CODE_FAILED', { role, operator, message: messageOf(thrown) });
  return keepStack(error, thrown);
}

/** Those of node:assert have the same name, and a code; they are the user's. */
function isOurAssertion(thrown: unknown): boolean {
  return thrown instanceof Error && thrown.name === 'AssertionError' && !('code' in thrown);
}

/** @throws EngineError USER_CODE_ASYNC if `result` is a promise or anything else with a `then`. */
export function refusePromise(result: unknown, role: string, operator: string): void {
  if (typeof result !== 'object' || result === null) return;
  if (result instanceof Promise) {
    // Its failure would otherwise end the worker as an unhandled rejection and hide this error.
    result.catch(() => undefined);
    throw new EngineError('USER_CODE_ASYNC', { role, operator });
  }
  if ('then' in result && typeof result.then === 'function') {
    throw new EngineError('USER_CODE_ASYNC', { role, operator });
  }
}

/**
 * What a function of the user has made of an accumulator, which is a value: `undefined` would pass
 * for none.
 * @throws EngineError USER_CODE_ASYNC, USER_CODE_NO_ACCUMULATOR
 */
export function accumulatorOf(returned: unknown, role: string, operator: string): unknown {
  if (typeof returned === 'object') refusePromise(returned, role, operator);
  else if (returned === undefined) {
    throw new EngineError('USER_CODE_NO_ACCUMULATOR', { role, operator });
  }
  return returned;
}

function keepStack(error: EngineError, thrown: unknown): EngineError {
  if (thrown instanceof Error && thrown.stack !== undefined) error.stack = thrown.stack;
  return error;
}
