/** Whether checkpoints stay when their job has ended. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EngineError } from '../base/errors.ts';
import { checkpointsStay } from './checkpoints-stay.ts';

const NONE = 'NO_EXTERNALIZED_CHECKPOINTS';
const lost = new EngineError('FILE_OUTPUT_LOST', { file: 'part-1', reason: 'it is not there' });
const END = { failure: undefined, isStuck: false };

test('of a job that could not be restored all stay, whatever is set', () => {
  const failure = new EngineError('JOB_COORDINATOR_DIED', { reason: 'see the cause' });
  assert.equal(checkpointsStay(NONE, 'FAILED', { ...END, failure }), false);
  assert.equal(checkpointsStay(NONE, 'FAILED', { ...END, failure: lost }), true);
  const wrapped = new EngineError('JOB_COORDINATOR_DIED', { reason: 'it' }, { cause: lost });
  assert.equal(checkpointsStay(NONE, 'FAILED', { ...END, failure: wrapped }), true);
});

test('what a job was given to go on from stays until it has come further', () => {
  assert.equal(checkpointsStay(NONE, 'FAILED', { ...END, isStuck: true }), true);
  assert.equal(checkpointsStay(NONE, 'CANCELED', { ...END, isStuck: true }), false);
  assert.equal(checkpointsStay(NONE, 'FINISHED', { ...END, isStuck: true }), false);
});

test('retention decides otherwise', () => {
  assert.equal(checkpointsStay(NONE, 'FAILED', END), false);
  assert.equal(checkpointsStay('DELETE_ON_CANCELLATION', 'FAILED', END), true);
  assert.equal(checkpointsStay('DELETE_ON_CANCELLATION', 'CANCELED', END), false);
  assert.equal(checkpointsStay('RETAIN_ON_CANCELLATION', 'CANCELED', END), true);
  assert.equal(checkpointsStay('RETAIN_ON_CANCELLATION', 'FINISHED', END), false);
});
