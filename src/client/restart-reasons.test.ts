// Why a job on a cluster is tried again: G2, and how often the cluster is asked.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RestartReasons } from './restart-reasons.ts';
import type { JobExceptionsAnswer } from './rest-answers.ts';

/** The newest first, as the cluster answers. */
function failures(...texts: readonly string[]): JobExceptionsAnswer {
  const entries = texts.map((text) => ({ stacktrace: `millrace.USER_CODE: ${text}\n\tat x` }));
  return { exceptionHistory: { entries } };
}

class Rig {
  readonly reasons = new RestartReasons();
  answer: JobExceptionsAnswer | undefined = failures();
  asked = 0;

  next(state: string, restarted: number): Promise<readonly string[]> {
    return this.reasons.next({ state, timestamps: { RESTARTING: restarted } }, async () => {
      this.asked += 1;
      return this.answer;
    });
  }
}

test('G2: each reason once, the oldest first; without a restart nothing is asked', async () => {
  const rig = new Rig();
  assert.deepEqual(await rig.next('RUNNING', 0), []);
  assert.equal(rig.asked, 0);
  rig.answer = failures('second', 'first', 'first');
  assert.deepEqual(await rig.next('RESTARTING', 5), ['first', 'second']);
  assert.deepEqual(await rig.next('RUNNING', 5), []);
  assert.equal(rig.asked, 1);
  rig.answer = failures('third', 'second', 'first');
  assert.deepEqual(await rig.next('RUNNING', 9), ['third']);
});

test('a cluster that did not answer is asked again', async () => {
  const rig = new Rig();
  rig.answer = undefined;
  assert.deepEqual(await rig.next('RESTARTING', 5), []);
  rig.answer = failures('first');
  assert.deepEqual(await rig.next('RESTARTING', 5), ['first']);
});

test('G2: what ends the job is left to its result', async () => {
  const rig = new Rig();
  rig.answer = failures('last');
  for (const state of ['FAILING', 'FAILED', 'CANCELLING', 'CANCELED']) {
    assert.deepEqual(await rig.next(state, 5), []);
  }
  assert.equal(rig.asked, 0);
});
