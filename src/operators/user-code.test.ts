/** Whose fault it is, what a user's function threw. */
import nodeAssert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assert } from '../base/assert.ts';
import { EngineError } from '../base/errors.ts';
import { userCodeFailure } from './user-code.ts';

function thrownBy(body: () => void): unknown {
  try {
    body();
  } catch (thrown) {
    return thrown;
  }
  return undefined;
}

describe('what a user function throws', () => {
  it('is the failure of that function', () => {
    const failure = userCodeFailure('map', 'sums', new RangeError('too far'));
    nodeAssert.equal(failure.code, 'USER_CODE_FAILED');
    nodeAssert.match(failure.message, /map.*sums.*too far/);
  });

  it('is so too where it asserts something by node:assert', () => {
    const thrown = thrownBy(() => nodeAssert.equal(1, 2, 'totals differ'));
    nodeAssert.equal(userCodeFailure('map', 'sums', thrown).code, 'USER_CODE_FAILED');
  });

  it('is ours where it is an assert of the engine, or an error of the engine that went through', () => {
    const ours = thrownBy(() => assert(false, 'X1: broken'));
    nodeAssert.throws(() => userCodeFailure('map', 'sums', ours), { message: 'X1: broken' });
    const error = new EngineError('STATE_VALUE_INVALID');
    nodeAssert.equal(userCodeFailure('map', 'sums', error), error);
  });
});
