/** Statistics of checkpoints in Flink's shape, and what they are for a job that takes none. */
import type {
  CheckpointRecord,
  CheckpointStatistics,
  Distribution,
  RestoredCheckpoint,
  SubtaskCheckpoint,
  VertexCheckpoint,
} from '../../protocol/checkpoint-statistics.ts';
import {
  boolean,
  choice,
  integer,
  list,
  named,
  nullable,
  number,
  object,
  optional,
  record,
  text,
} from '../shape.ts';
import type { Shape } from '../shape.ts';

type Whole = number | bigint;

const distribution: Shape<DistributionInfo> = named(
  'StatsSummaryDto',
  object({
    ...{ min: integer, max: integer, avg: integer },
    ...{ p50: number, p90: number, p95: number, p99: number, p999: number },
  }),
);

type DistributionInfo = Readonly<Record<'min' | 'max' | 'avg', Whole>> &
  Readonly<Record<'p50' | 'p90' | 'p95' | 'p99' | 'p999', number>>;

type Counts = Readonly<
  Record<'restored' | 'total' | 'in_progress' | 'completed' | 'failed', Whole>
>;

type Measures<T> = Readonly<
  Record<
    | 'checkpointed_size'
    | 'state_size'
    | 'end_to_end_duration'
    | 'alignment_buffered'
    | 'processed_data'
    | 'persisted_data',
    T
  >
>;

const STATUS = ['IN_PROGRESS', 'COMPLETED', 'FAILED'] as const;
const TYPES = ['CHECKPOINT', 'UNALIGNED_CHECKPOINT', 'SAVEPOINT', 'SYNC_SAVEPOINT'] as const;

type Status = (typeof STATUS)[number];

interface Acknowledged extends Measures<Whole> {
  readonly id: Whole;
  readonly status: Status;
  readonly latest_ack_timestamp: Whole;
  readonly num_subtasks: Whole;
  readonly num_acknowledged_subtasks: Whole;
}

export interface CheckpointInfo extends Acknowledged {
  readonly className: 'in_progress' | 'completed' | 'failed';
  readonly is_savepoint: boolean;
  readonly savepointFormat: string | null;
  readonly trigger_timestamp: Whole;
  readonly checkpoint_type: (typeof TYPES)[number];
  readonly tasks: Readonly<Record<string, Acknowledged>>;
  readonly external_path?: string | undefined;
  readonly discarded?: boolean | undefined;
  readonly failure_timestamp?: Whole | undefined;
  readonly failure_message?: string | undefined;
}

interface RestoredInfo {
  readonly id: Whole;
  readonly restore_timestamp: Whole;
  readonly is_savepoint: boolean;
  readonly external_path: string;
}

const measures = {
  ...{ checkpointed_size: integer, state_size: integer, end_to_end_duration: integer },
  ...{ alignment_buffered: integer, processed_data: integer, persisted_data: integer },
};

const acknowledged = {
  ...{ id: integer, status: choice(STATUS), latest_ack_timestamp: integer, ...measures },
  ...{ num_subtasks: integer, num_acknowledged_subtasks: integer },
};

export const checkpointInfo: Shape<CheckpointInfo> = named(
  'CheckpointStatistics',
  object({
    className: choice(['in_progress', 'completed', 'failed']),
    ...acknowledged,
    is_savepoint: boolean,
    savepointFormat: nullable(text),
    trigger_timestamp: integer,
    checkpoint_type: choice(TYPES),
    tasks: record(named('TaskCheckpointStatistics', object(acknowledged))),
    external_path: optional(text),
    discarded: optional(boolean),
    failure_timestamp: optional(integer),
    failure_message: optional(text),
  }),
);

export interface CheckpointingStatistics {
  readonly counts: Counts;
  readonly summary: Measures<DistributionInfo>;
  readonly latest: {
    readonly completed: CheckpointInfo | null;
    readonly savepoint: CheckpointInfo | null;
    readonly failed: CheckpointInfo | null;
    readonly restored: RestoredInfo | null;
  };
  readonly history: readonly CheckpointInfo[];
}

export const checkpointingStatistics: Shape<CheckpointingStatistics> = named(
  'CheckpointingStatistics',
  object({
    counts: object({
      ...{ restored: integer, total: integer, in_progress: integer },
      ...{ completed: integer, failed: integer },
    }),
    summary: object({
      checkpointed_size: distribution,
      state_size: distribution,
      end_to_end_duration: distribution,
      alignment_buffered: distribution,
      processed_data: distribution,
      persisted_data: distribution,
    }),
    latest: object({
      completed: nullable(checkpointInfo),
      savepoint: nullable(checkpointInfo),
      failed: nullable(checkpointInfo),
      restored: nullable(
        object({
          ...{ id: integer, restore_timestamp: integer },
          ...{ is_savepoint: boolean, external_path: text },
        }),
      ),
    }),
    history: list(checkpointInfo),
  }),
);

const NONE: DistributionInfo = {
  ...{ min: 0, max: 0, avg: 0 },
  ...{ p50: NaN, p90: NaN, p95: NaN, p99: NaN, p999: NaN },
};

/** Flink keeps the field for those who read it; nothing is buffered any more. */
const NOTHING_BUFFERED: DistributionInfo = {
  ...{ min: 0, max: 0, avg: 0 },
  ...{ p50: 0, p90: 0, p95: 0, p99: 0, p999: 0 },
};

export const NO_STATISTICS: CheckpointingStatistics = {
  counts: { restored: 0, total: 0, in_progress: 0, completed: 0, failed: 0 },
  summary: {
    checkpointed_size: NONE,
    state_size: NONE,
    end_to_end_duration: NONE,
    alignment_buffered: NOTHING_BUFFERED,
    processed_data: NONE,
    persisted_data: NONE,
  },
  latest: { completed: null, savepoint: null, failed: null, restored: null },
  history: [],
};

export function checkpointingStatisticsOf(known: CheckpointStatistics): CheckpointingStatistics {
  const { counts, summary } = known;
  return {
    counts: {
      ...{ restored: counts.restored, total: counts.total, in_progress: counts.inProgress },
      ...{ completed: counts.completed, failed: counts.failed },
    },
    summary: {
      checkpointed_size: distributionOf(summary.writtenBytes),
      state_size: distributionOf(summary.stateBytes),
      end_to_end_duration: distributionOf(summary.durationMillis),
      alignment_buffered: NOTHING_BUFFERED,
      processed_data: distributionOf(summary.processedBytes),
      persisted_data: distributionOf(summary.inFlightBytes),
    },
    latest: {
      completed: latest(known.latestCompleted),
      savepoint: latest(known.latestSavepoint),
      failed: latest(known.latestFailed),
      restored: known.latestRestored === undefined ? null : restoredOf(known.latestRestored),
    },
    // As in Flink, tasks are in the details only.
    history: known.history.map((one) => ({ ...checkpointInfoOf(one), tasks: {} })),
  };
}

function latest(known: CheckpointRecord | undefined): CheckpointInfo | null {
  return known === undefined ? null : { ...checkpointInfoOf(known), tasks: {} };
}

const CLASS_NAMES = {
  IN_PROGRESS: 'in_progress',
  COMPLETED: 'completed',
  FAILED: 'failed',
} as const;

export function checkpointInfoOf(known: CheckpointRecord): CheckpointInfo {
  const { status, format, failure, externalPath } = known;
  const base: CheckpointInfo = {
    className: CLASS_NAMES[status],
    ...{ id: known.checkpointId, status },
    is_savepoint: known.purpose === 'savepoint',
    savepointFormat: format === undefined ? null : format.toUpperCase(),
    trigger_timestamp: known.triggeredAt,
    latest_ack_timestamp: known.latestAcknowledgedAt,
    ...measuresOf(known),
    ...{ num_subtasks: known.subtasks, num_acknowledged_subtasks: known.acknowledged },
    checkpoint_type: typeOf(known),
    tasks: Object.fromEntries(known.tasks.map((task) => [task.vertex, taskOf(known, task)])),
  };
  if (failure !== undefined) {
    return { ...base, failure_timestamp: failure.at, failure_message: failure.message };
  }
  if (status !== 'COMPLETED') return base;
  return { ...base, external_path: externalPath, discarded: known.discarded };
}

function typeOf({ purpose, stop, tasks }: CheckpointRecord): CheckpointInfo['checkpoint_type'] {
  if (purpose === 'savepoint') return stop === undefined ? 'SAVEPOINT' : 'SYNC_SAVEPOINT';
  const isUnaligned = tasks.some(({ subtasks }) => subtasks.some((one) => one?.unaligned === true));
  return isUnaligned ? 'UNALIGNED_CHECKPOINT' : 'CHECKPOINT';
}

/** Of one vertex: sums, and the time of the slowest. */
export function taskOf(
  { checkpointId, status }: CheckpointRecord,
  { subtasks }: VertexCheckpoint,
): Acknowledged {
  const known = subtasks.filter((one): one is SubtaskCheckpoint => one !== undefined);
  const sum = (pick: (one: SubtaskCheckpoint) => number): number =>
    known.reduce((total, one) => total + pick(one), 0);
  const most = (pick: (one: SubtaskCheckpoint) => number): number =>
    known.reduce((greatest, one) => Math.max(greatest, pick(one)), -1);
  return {
    ...{ id: checkpointId, status },
    latest_ack_timestamp: most((one) => one.acknowledgedAt),
    ...measuresOf({
      writtenBytes: sum((one) => one.writtenBytes),
      stateBytes: sum((one) => one.stateBytes),
      durationMillis: most((one) => one.durationMillis),
      processedBytes: sum((one) => one.processedBytes),
      inFlightBytes: sum((one) => one.inFlightBytes),
    }),
    ...{ num_subtasks: subtasks.length, num_acknowledged_subtasks: known.length },
  };
}

function measuresOf(
  known: Pick<
    CheckpointRecord,
    'writtenBytes' | 'stateBytes' | 'durationMillis' | 'processedBytes' | 'inFlightBytes'
  >,
): Measures<Whole> {
  return {
    checkpointed_size: known.writtenBytes,
    state_size: known.stateBytes,
    end_to_end_duration: Math.round(known.durationMillis),
    alignment_buffered: 0,
    processed_data: known.processedBytes,
    persisted_data: known.inFlightBytes,
  };
}

function distributionOf({ min, max, mean, ...quantiles }: Distribution): DistributionInfo {
  const { p50, p90, p95, p99, p999 } = quantiles;
  const whole = { min: Math.round(min), max: Math.round(max), avg: Math.round(mean) };
  return { ...whole, p50, p90, p95, p99, p999 };
}

function restoredOf(known: RestoredCheckpoint): RestoredInfo {
  return {
    ...{ id: known.checkpointId, restore_timestamp: known.restoredAt },
    ...{ is_savepoint: known.isSavepoint, external_path: known.externalPath },
  };
}
