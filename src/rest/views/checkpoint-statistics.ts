/** Statistics of checkpoints in Flink's shape, and what they are for a job that takes none. */
import {
  anything,
  boolean,
  integer,
  list,
  named,
  nullable,
  number,
  object,
  text,
} from '../shape.ts';
import type { Shape } from '../shape.ts';

interface Distribution {
  readonly min: number | bigint;
  readonly max: number | bigint;
  readonly avg: number | bigint;
  readonly p50: number;
  readonly p90: number;
  readonly p95: number;
  readonly p99: number;
  readonly p999: number;
}

const distribution: Shape<Distribution> = named(
  'StatsSummaryDto',
  object({
    min: integer,
    max: integer,
    avg: integer,
    p50: number,
    p90: number,
    p95: number,
    p99: number,
    p999: number,
  }),
);

type Counts = Readonly<
  Record<'restored' | 'total' | 'in_progress' | 'completed' | 'failed', number | bigint>
>;

type Summary = Readonly<
  Record<
    | 'checkpointed_size'
    | 'state_size'
    | 'end_to_end_duration'
    | 'alignment_buffered'
    | 'processed_data'
    | 'persisted_data',
    Distribution
  >
>;

export interface CheckpointingStatistics {
  readonly counts: Counts;
  readonly summary: Summary;
  readonly latest: Readonly<Record<'completed' | 'savepoint' | 'failed' | 'restored', unknown>>;
  readonly history: readonly unknown[];
}

export const checkpointingStatistics: Shape<CheckpointingStatistics> = named(
  'CheckpointingStatistics',
  object({
    counts: object({
      restored: integer,
      total: integer,
      in_progress: integer,
      completed: integer,
      failed: integer,
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
      completed: nullable(anything),
      savepoint: nullable(anything),
      failed: nullable(anything),
      restored: nullable(anything),
    }),
    history: list(anything),
  }),
);

const NONE: Distribution = {
  ...{ min: 0, max: 0, avg: 0 },
  ...{ p50: NaN, p90: NaN, p95: NaN, p99: NaN, p999: NaN },
};

export const NO_STATISTICS: CheckpointingStatistics = {
  counts: { restored: 0, total: 0, in_progress: 0, completed: 0, failed: 0 },
  summary: {
    checkpointed_size: NONE,
    state_size: NONE,
    end_to_end_duration: NONE,
    alignment_buffered: { ...NONE, p50: 0, p90: 0, p95: 0, p99: 0, p999: 0 },
    processed_data: NONE,
    persisted_data: NONE,
  },
  latest: { completed: null, savepoint: null, failed: null, restored: null },
  history: [],
};

export interface CheckpointConfigInfo {
  readonly mode: string;
  readonly interval: number | bigint;
  readonly timeout: number | bigint;
  readonly min_pause: number | bigint;
  readonly max_concurrent: number | bigint;
  readonly externalization: {
    readonly enabled: boolean;
    readonly delete_on_cancellation: boolean;
  };
  readonly state_backend: string;
  readonly checkpoint_storage: string;
  readonly unaligned_checkpoints: boolean;
  readonly tolerable_failed_checkpoints: number | bigint;
  readonly aligned_checkpoint_timeout: number | bigint;
  readonly checkpoints_after_tasks_finish: boolean;
  readonly state_changelog_enabled: boolean;
  readonly changelog_periodic_materialization_interval: number | bigint;
  readonly changelog_storage: string;
}

export const checkpointConfigInfo: Shape<CheckpointConfigInfo> = named(
  'CheckpointConfigInfo',
  object({
    mode: text,
    interval: integer,
    timeout: integer,
    min_pause: integer,
    max_concurrent: integer,
    externalization: object({ enabled: boolean, delete_on_cancellation: boolean }),
    state_backend: text,
    checkpoint_storage: text,
    unaligned_checkpoints: boolean,
    tolerable_failed_checkpoints: integer,
    aligned_checkpoint_timeout: integer,
    checkpoints_after_tasks_finish: boolean,
    state_changelog_enabled: boolean,
    changelog_periodic_materialization_interval: integer,
    changelog_storage: text,
  }),
);

/** Java's longest interval: never. */
const NEVER = 2n ** 63n - 1n;

export const NO_CHECKPOINTING: CheckpointConfigInfo = {
  mode: 'at_least_once',
  interval: NEVER,
  timeout: 600_000,
  min_pause: 0,
  max_concurrent: 1,
  externalization: { enabled: false, delete_on_cancellation: true },
  state_backend: 'HashMapStateBackend',
  checkpoint_storage: 'JobManagerCheckpointStorage',
  unaligned_checkpoints: false,
  tolerable_failed_checkpoints: 0,
  aligned_checkpoint_timeout: 0,
  checkpoints_after_tasks_finish: true,
  state_changelog_enabled: false,
  changelog_periodic_materialization_interval: 600_000,
  changelog_storage: 'memory',
};
