// executeAndCollect on real threads: all records, once, also after a restart; failure and
// cancellation.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { executeAndCollectBy } from '../api/execute-and-collect.ts';
import { isEngineError } from '../base/errors.ts';
import { localExecution } from './local-execution.ts';
import { endless, many, squares, stumbles } from './local-execution-jobs.test-kit.ts';
import { clusterEnv } from './cluster-env.test-kit.ts';

const execution = localExecution(clusterEnv());

test('records come back typed, from every collected stream', async () => {
  const options = { params: { most: 4 }, exportName: 'squares' };
  const { squares: rows, parities } = await executeAndCollectBy(execution, squares, options);
  assert.deepEqual(rows, [
    { n: 1, square: 1 },
    { n: 2, square: 4 },
    { n: 3, square: 9 },
    { n: 4, square: 16 },
  ]);
  assert.deepEqual(
    parities.filter(({ key }) => key),
    [
      { key: true, value: 1 },
      { key: true, value: 2 },
    ],
  );
});

test('all of many records, from several subtasks', async () => {
  const configuration = { 'parallelism.default': '2' };
  const rows = await executeAndCollectBy(execution, many, { configuration, exportName: 'many' });
  assert.equal(rows.length, 200_000);
  assert.equal(new Set(rows).size, 200_000);
});

test('X1: after a restart in the middle every record is there once', async () => {
  const configuration = {
    'restart-strategy.type': 'fixed-delay',
    'restart-strategy.fixed-delay.delay': '10 ms',
  };
  const options = { configuration, exportName: 'stumbles' };
  const rows = await executeAndCollectBy(execution, stumbles, options);
  assert.deepEqual(
    rows,
    Array.from({ length: 50_000 }, (_, i) => i + 1),
  );
});

test('a failure is thrown as it was, a cancelled job as cancelled', async () => {
  await assert.rejects(
    () => executeAndCollectBy(execution, stumbles, { exportName: 'stumbles' }),
    (error) => isEngineError(error, 'IO_FAILED') && error.message.includes('stumbled'),
  );
  const controller = new AbortController();
  const running = executeAndCollectBy(execution, endless, {
    exportName: 'endless',
    signal: controller.signal,
  });
  controller.abort();
  await assert.rejects(
    () => running,
    (error) => isEngineError(error, 'JOB_CANCELED'),
  );
});
