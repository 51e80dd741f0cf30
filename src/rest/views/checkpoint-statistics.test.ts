// The statistics of checkpoints have the fields and words that Flink's REST interface has for them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type {
  CheckpointRecord,
  CheckpointStatistics,
  Distribution,
} from '../../protocol/checkpoint-statistics.ts';
import { checkpointConfigInfo, checkpointConfigOf } from './checkpoint-config-info.ts';
import { vertexCheckpoint, vertexCheckpointOf } from './checkpoint-of-vertex.ts';
import {
  checkpointInfo,
  checkpointInfoOf,
  checkpointingStatistics,
  checkpointingStatisticsOf,
} from './checkpoint-statistics.ts';

const SPREAD: Distribution = {
  ...{ count: 3, min: 15, max: 145, mean: 37.6 },
  ...{ p50: 34, p90: 61, p95: 80.5, p99: 145, p999: 145 },
};

const SUBTASK = {
  ...{ acknowledgedAt: 1022, durationMillis: 22, startDelayMillis: 1.4, alignmentMillis: 2.6 },
  ...{ syncMillis: 0.4, asyncMillis: 7.5, writtenBytes: 100, stateBytes: 400 },
  ...{ processedBytes: 328, inFlightBytes: 0, unaligned: false },
};

const RECORD: CheckpointRecord = {
  ...{ checkpointId: 64, status: 'COMPLETED', purpose: 'checkpoint', format: undefined },
  ...{ stop: undefined, triggeredAt: 1000, latestAcknowledgedAt: 1022, subtasks: 3 },
  ...{ acknowledged: 3, externalPath: 'file:/c/chk-64', metadataBytes: 9, discarded: false },
  ...{ failure: undefined, writtenBytes: 9422, stateBytes: 9500, durationMillis: 22 },
  ...{ processedBytes: 328, inFlightBytes: 0 },
  tasks: [{ vertex: 'v', subtasks: [SUBTASK, undefined, { ...SUBTASK, stateBytes: 600 }] }],
};

const STATISTICS: CheckpointStatistics = {
  settings: {
    ...{ mode: 'exactly-once', interval: 2000, timeout: 600_000, minPause: 0, maxConcurrent: 1 },
    ...{ tolerableFailures: Infinity, retention: 'RETAIN_ON_CANCELLATION', unaligned: true },
    ...{ alignedTimeout: 0, afterTasksFinish: true, stateBackend: 'hashmap', directory: 'file:/c' },
    ...{ savepointDirectory: undefined },
  },
  counts: { restored: 1, total: 65, inProgress: 0, completed: 64, failed: 1 },
  summary: {
    ...{ writtenBytes: SPREAD, stateBytes: SPREAD, durationMillis: SPREAD },
    ...{ processedBytes: SPREAD, inFlightBytes: SPREAD },
  },
  latestCompleted: RECORD,
  latestSavepoint: undefined,
  latestFailed: undefined,
  failing: undefined,
  latestRestored: {
    ...{ checkpointId: 12, restoredAt: 900, isSavepoint: true, externalPath: 'file:/s' },
  },
  history: [RECORD],
};

test('what a completed checkpoint is told as', () => {
  const told = checkpointInfoOf(RECORD);
  assert.equal(checkpointInfo.problem(told, ''), undefined);
  assert.deepEqual(
    { ...told, tasks: {} },
    {
      ...{ className: 'completed', id: 64, status: 'COMPLETED', is_savepoint: false },
      ...{ savepointFormat: null, trigger_timestamp: 1000, latest_ack_timestamp: 1022 },
      ...{ checkpointed_size: 9422, state_size: 9500, end_to_end_duration: 22 },
      ...{ alignment_buffered: 0, processed_data: 328, persisted_data: 0, num_subtasks: 3 },
      ...{ num_acknowledged_subtasks: 3, checkpoint_type: 'CHECKPOINT', tasks: {} },
      ...{ external_path: 'file:/c/chk-64', discarded: false },
    },
  );
  assert.deepEqual(told.tasks['v']?.state_size, 1000);
  assert.deepEqual(told.tasks['v']?.num_acknowledged_subtasks, 2);
});

test('a failed one says when and why, one under way has neither path nor reason', () => {
  const failed = checkpointInfoOf({
    ...RECORD,
    ...{ status: 'FAILED', failure: { at: 1500, message: 'no space' }, externalPath: undefined },
  });
  assert.deepEqual(
    [failed.className, failed.failure_timestamp, failed.failure_message, failed.external_path],
    ['failed', 1500, 'no space', undefined],
  );
  const open = checkpointInfoOf({ ...RECORD, status: 'IN_PROGRESS', externalPath: undefined });
  assert.equal(open.className, 'in_progress');
  assert.ok(!('external_path' in open) && !('failure_message' in open));
});

test('each kind of checkpoint has its word', () => {
  const typeOf = (more: Partial<CheckpointRecord>): string =>
    checkpointInfoOf({ ...RECORD, ...more }).checkpoint_type;
  const tasks = [{ vertex: 'v', subtasks: [{ ...SUBTASK, unaligned: true }] }];
  assert.equal(typeOf({}), 'CHECKPOINT');
  assert.equal(typeOf({ tasks }), 'UNALIGNED_CHECKPOINT');
  assert.equal(typeOf({ purpose: 'savepoint', format: 'canonical' }), 'SAVEPOINT');
  assert.equal(typeOf({ purpose: 'savepoint', stop: 'drain' }), 'SYNC_SAVEPOINT');
});

test('the overview has whole numbers where Flink has, and no tasks in its history', () => {
  const told = checkpointingStatisticsOf(STATISTICS);
  assert.equal(checkpointingStatistics.problem(told, ''), undefined);
  assert.equal(told.counts.in_progress, 0);
  assert.deepEqual(told.summary.end_to_end_duration, {
    ...{ min: 15, max: 145, avg: 38, p50: 34, p90: 61, p95: 80.5, p99: 145, p999: 145 },
  });
  assert.deepEqual(told.history[0]?.tasks, {});
  assert.deepEqual(told.latest.restored, {
    ...{ id: 12, restore_timestamp: 900, is_savepoint: true, external_path: 'file:/s' },
  });
});

test('the part of a vertex tells each subtask, also those that have not answered', () => {
  const told = vertexCheckpointOf(RECORD, RECORD.tasks[0]!);
  assert.equal(vertexCheckpoint.problem(told, ''), undefined);
  assert.deepEqual(
    told.subtasks.map(({ index, status }) => [index, status]),
    [
      [0, 'completed'],
      [1, 'pending_or_failed'],
      [2, 'completed'],
    ],
  );
  assert.deepEqual(told.summary.state_size, { min: 400, max: 600, avg: 500 });
  assert.deepEqual(told.subtasks[0]?.checkpoint, { sync: 0, async: 8 });
});

test('how a job takes checkpoints is told in words of Flink', () => {
  const told = checkpointConfigOf(STATISTICS.settings);
  assert.equal(checkpointConfigInfo.problem(told, ''), undefined);
  assert.deepEqual(
    [told.mode, told.interval, told.tolerable_failed_checkpoints, told.checkpoint_storage],
    ['exactly_once', 2000, 2 ** 31 - 1, 'FileSystemCheckpointStorage'],
  );
  assert.deepEqual(told.externalization, { enabled: true, delete_on_cancellation: false });
  const onDemand = checkpointConfigOf({ ...STATISTICS.settings, interval: -1 });
  assert.equal(onDemand.interval, 2n ** 63n - 1n);
});
