/** How a job takes checkpoints, in Flink's shape. */
import type { CheckpointSettings } from '../../protocol/checkpoint-statistics.ts';
import { boolean, integer, named, object, text } from '../shape.ts';
import type { Shape } from '../shape.ts';

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

export function checkpointConfigOf(settings: CheckpointSettings): CheckpointConfigInfo {
  const { mode, interval, timeout, minPause, retention, directory } = settings;
  const { tolerableFailures } = settings;
  return {
    ...NO_CHECKPOINTING,
    mode: mode === 'exactly-once' ? 'exactly_once' : 'at_least_once',
    interval: interval < 0 ? NEVER : interval,
    ...{ timeout, min_pause: minPause },
    max_concurrent: settings.maxConcurrent,
    externalization: {
      enabled: retention !== 'NO_EXTERNALIZED_CHECKPOINTS',
      delete_on_cancellation: retention !== 'RETAIN_ON_CANCELLATION',
    },
    checkpoint_storage:
      directory === undefined ? 'JobManagerCheckpointStorage' : 'FileSystemCheckpointStorage',
    unaligned_checkpoints: settings.unaligned,
    // As Flink: an int, and the greatest one for any number.
    tolerable_failed_checkpoints: Math.min(tolerableFailures, 2 ** 31 - 1),
    aligned_checkpoint_timeout: settings.alignedTimeout,
    checkpoints_after_tasks_finish: settings.afterTasksFinish,
  };
}
