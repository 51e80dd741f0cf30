import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EngineError } from '../base/errors.ts';
import type { FailureInfo } from '../protocol/execution-graph-info.ts';
import { FailureHistory } from './failure-history.ts';

function failure(taskName: string, length: number): FailureInfo {
  const error = new EngineError('INTERNAL', { message: taskName });
  error.stack = `${taskName}${'s'.repeat(length)}`;
  const where = { endpoint: undefined, taskManagerId: undefined, concurrent: [] };
  return { error: error.toData(), timestamp: 0, taskName, ...where };
}

test('N3: the last failures stay, and as many that came with each, these in short', () => {
  const history = new FailureHistory(2);
  for (const name of ['a', 'b', 'c']) history.add(failure(name, 30_000));
  for (const name of ['d', 'e', 'f']) history.addConcurrent(failure(name, 30_000));
  assert.deepEqual(
    [history.all.map(({ taskName }) => taskName), history.truncated],
    [['b', 'c'], true],
  );
  const [b, c] = history.all;
  assert.deepEqual(
    [b!.concurrent, c!.concurrent.map(({ taskName }) => taskName)],
    [[], ['d', 'e']],
  );
  assert.equal(c!.error.stack?.length, 30_001);
  for (const { error } of c!.concurrent) assert.ok(error.stack!.length <= 8192);
});

test('the same failure reported in two ways is told once, however long it is', () => {
  const history = new FailureHistory(2);
  history.add(failure('a', 100_000));
  history.addConcurrent(failure('a', 100_000));
  assert.deepEqual(history.all[0]!.concurrent, []);
});
