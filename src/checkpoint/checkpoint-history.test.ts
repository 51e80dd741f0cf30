// What is told of checkpoints follows what happens to them: S1 and S2 of checkpoint-history.ts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EngineError } from '../base/errors.ts';
import { milliseconds } from '../base/units.ts';
import type { Timestamp } from '../base/units.ts';
import { Configuration } from '../config/configuration.ts';
import type { SubtaskCheckpointMetrics } from '../protocol/checkpoint.ts';
import { checkpointConfigOf } from './checkpoint-config.ts';
import { CheckpointHistory } from './checkpoint-history.ts';
import type { Acknowledgement, PendingCheckpoint } from './coordinator-state.ts';
import { BROKEN, NO_METRICS, NOTHING } from './coordinator.test-kit.ts';
import { ValueDistribution } from './value-distribution.ts';

const VERTICES = [
  { id: 'source', parallelism: 1 },
  { id: 'window', parallelism: 2 },
];

function history(limit = 10): CheckpointHistory {
  const options = { 'execution.checkpointing.interval': '2 s' };
  const config = checkpointConfigOf(Configuration.parse(options));
  return new CheckpointHistory({ config, vertices: VERTICES, limit });
}

function acknowledgement(at: number, metrics: Partial<SubtaskCheckpointMetrics>): Acknowledgement {
  return { snapshot: NOTHING, metrics: { ...NO_METRICS, ...metrics }, at: at as Timestamp };
}

function pending(id: number, more: Partial<PendingCheckpoint> = {}): PendingCheckpoint {
  return {
    ...{ checkpointId: id, phase: 'acknowledging', location: '/c', latestComplete: 0, full: true },
    request: { requestId: 0, full: false, savepoint: undefined },
    ...{ triggeredAt: 1000 as Timestamp, beganAt: milliseconds(0), sources: [] },
    plan: { trigger: [0], participants: [0, 1, 2] },
    acknowledged: new Map(),
    ...more,
  };
}

const ANSWERED = new Map([
  [0, acknowledgement(1010, { writtenBytes: 10, stateBytes: 10 })],
  [1, acknowledgement(1040, { writtenBytes: 5, stateBytes: 50, processedBytes: 7 })],
  [2, acknowledgement(1030, { writtenBytes: 6, stateBytes: 60, inFlightBytes: 3 })],
]);

test('S1: a checkpoint counts once, in progress, then completed or failed', () => {
  const known = history();
  known.progressed(pending(1));
  known.progressed(pending(1, { acknowledged: ANSWERED }));
  known.progressed(pending(2));
  assert.deepEqual(known.statistics().counts, {
    ...{ restored: 0, total: 2, inProgress: 2, completed: 0, failed: 0 },
  });
  known.completed(pending(1, { acknowledged: ANSWERED }), '/c/chk-1', 99);
  known.failed(pending(2), BROKEN, 1500 as Timestamp);
  assert.deepEqual(known.statistics().counts, {
    ...{ restored: 0, total: 2, inProgress: 0, completed: 1, failed: 1 },
  });
  assert.throws(() => known.completed(pending(1), '/c/chk-1', 99), { name: /Assertion/ });
});

test('a record adds up what its subtasks have said, and takes as long as the last of them', () => {
  const known = history();
  known.progressed(pending(1));
  known.completed(pending(1, { acknowledged: ANSWERED }), '/c/chk-1', 99);
  const { latestCompleted, summary } = known.statistics();
  assert.ok(latestCompleted !== undefined);
  const { writtenBytes, stateBytes, processedBytes, inFlightBytes } = latestCompleted;
  assert.deepEqual([writtenBytes, stateBytes, processedBytes, inFlightBytes], [21, 120, 7, 3]);
  assert.equal(latestCompleted.durationMillis, 40);
  assert.deepEqual([latestCompleted.subtasks, latestCompleted.acknowledged], [3, 3]);
  const subtasks = latestCompleted.tasks.map((task) => [
    task.vertex,
    task.subtasks.map((one) => one?.stateBytes),
  ]);
  assert.deepEqual(subtasks, [
    ['source', [10]],
    ['window', [50, 60]],
  ]);
  assert.deepEqual([summary.stateBytes.min, summary.stateBytes.p99], [120, 120]);
});

test('savepoints and failures have places of their own, and what is discarded says so', () => {
  const known = history();
  const savepoint = { directory: '/s', format: 'canonical', stop: undefined } as const;
  const request = { requestId: 3, full: true, savepoint };
  known.progressed(pending(1));
  known.completed(pending(1, { acknowledged: ANSWERED }), '/c/chk-1', 9);
  known.progressed(pending(2, { request }));
  known.completed(pending(2, { request, acknowledged: ANSWERED }), '/s/savepoint-1', 9);
  known.progressed(pending(3));
  known.failed(pending(3), BROKEN, 1700 as Timestamp);
  known.discarded(1);
  const told = known.statistics();
  assert.equal(told.latestCompleted?.checkpointId, 1);
  assert.equal(told.latestCompleted.discarded, true);
  assert.deepEqual(
    [told.latestSavepoint?.checkpointId, told.latestSavepoint?.format],
    [2, 'canonical'],
  );
  assert.equal(told.latestSavepoint?.discarded, false);
  assert.equal(told.latestFailed?.failure?.at, 1700);
  assert.match(told.latestFailed.failure.message, /no space/);
  assert.deepEqual(
    told.history.map(({ checkpointId }) => checkpointId),
    [3, 2, 1],
  );
});

test('S2: of those that have ended the last ones are kept', () => {
  const known = history(2);
  for (const id of [1, 2, 3, 4]) {
    known.progressed(pending(id));
    known.completed(pending(id, { acknowledged: ANSWERED }), `/c/chk-${id}`, 9);
  }
  known.progressed(pending(5));
  const told = known.statistics();
  assert.deepEqual(
    told.history.map(({ checkpointId }) => checkpointId),
    [5, 4, 3],
  );
  assert.equal(told.counts.total, 5);
});

test('a distribution tells least, greatest and mean of all, and quantiles', () => {
  const values = new ValueDistribution();
  assert.deepEqual([values.get().min, values.get().mean, values.get().p50], [0, 0, NaN]);
  for (let value = 1; value <= 100; value += 1) values.add(value);
  const { count, min, max, mean, p50, p90, p99, p999 } = values.get();
  assert.deepEqual(
    [count, min, max, mean, p50, p90, p99, p999],
    [100, 1, 100, 50.5, 50, 90, 99, 100],
  );
});

test('S3: those that were given up since the newest complete one are failing, by their last', () => {
  const known = history();
  const aborted = new EngineError('CHECKPOINT_ABORTED', { checkpointId: 1, reason: 'it ends' });
  const begun = (id: number, more?: Partial<PendingCheckpoint>): PendingCheckpoint => {
    known.progressed(pending(id, more));
    return pending(id, more);
  };
  const failing = (): unknown => known.statistics().failing;
  known.failed(begun(1), aborted, 1 as Timestamp);
  assert.equal(failing(), undefined, 'by nobody');
  const savepoint = { format: 'canonical', directory: '/s', stop: undefined } as const;
  const asked = { requestId: 1, full: true, savepoint };
  known.failed(begun(2, { request: asked }), BROKEN, 2 as Timestamp);
  assert.equal(failing(), undefined, 'whoever asked for a savepoint is told');
  known.failed(begun(3), BROKEN, 3 as Timestamp);
  known.failed(begun(4), BROKEN, 4 as Timestamp);
  known.failed(begun(5), aborted, 5 as Timestamp);
  assert.deepEqual(failing(), { count: 2, message: BROKEN.message });
  known.completed(begun(6, { acknowledged: ANSWERED }), '/c/6', 1);
  assert.equal(failing(), undefined);
});
