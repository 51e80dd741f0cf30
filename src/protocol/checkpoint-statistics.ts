/**
 * What a JobMaster tells of the checkpoints of its job, as plain data. Times are wall-clock
 * milliseconds since 1970, durations milliseconds, sizes bytes; -1 stands for "not yet".
 */
import type { VertexId } from '../graph/job-graph.ts';
import type { SubtaskCheckpointMetrics } from './checkpoint.ts';

export interface CheckpointStatistics {
  readonly settings: CheckpointSettings;
  readonly counts: CheckpointCounts;
  /** Over all that were completed since the job has this master. */
  readonly summary: Readonly<Record<CheckpointMeasure, Distribution>>;
  readonly latestCompleted: CheckpointRecord | undefined;
  readonly latestSavepoint: CheckpointRecord | undefined;
  readonly latestFailed: CheckpointRecord | undefined;
  readonly latestRestored: RestoredCheckpoint | undefined;
  /** Undefined: the newest one is complete, or nothing has gone wrong since. */
  readonly failing: FailingCheckpoints | undefined;
  /** Newest first; at most `web.checkpoints.history`, and all that are in progress. */
  readonly history: readonly CheckpointRecord[];
}

/**
 * Checkpoints have failed since the newest complete one: after a failure the job would go back to
 * that. What ended by nobody's fault is left out.
 */
export interface FailingCheckpoints {
  readonly count: number;
  /** Why the last of them failed. */
  readonly message: string;
}

/** How the job takes checkpoints. */
export interface CheckpointSettings {
  readonly mode: 'exactly-once' | 'at-least-once';
  /** -1: only when somebody asks. */
  readonly interval: number;
  readonly timeout: number;
  readonly minPause: number;
  readonly maxConcurrent: number;
  readonly tolerableFailures: number;
  readonly retention:
    | 'RETAIN_ON_CANCELLATION'
    | 'DELETE_ON_CANCELLATION'
    | 'NO_EXTERNALIZED_CHECKPOINTS';
  readonly unaligned: boolean;
  readonly alignedTimeout: number;
  readonly afterTasksFinish: boolean;
  readonly stateBackend: 'hashmap';
  /** Undefined: in the memory of the JobManager. */
  readonly directory: string | undefined;
  /** Undefined: who wants a savepoint names a folder. */
  readonly savepointDirectory: string | undefined;
}

export interface CheckpointCounts {
  readonly restored: number;
  readonly total: number;
  readonly inProgress: number;
  readonly completed: number;
  readonly failed: number;
}

/** What is measured of each checkpoint; the names say bytes and milliseconds. */
export type CheckpointMeasure =
  /** Written for it. */
  | 'writtenBytes'
  /** That it refers to. */
  | 'stateBytes'
  | 'durationMillis'
  /** Went through the tasks while they aligned. */
  | 'processedBytes'
  /** Records in flight that it holds. */
  | 'inFlightBytes';

export interface Distribution {
  readonly count: number;
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  /** NaN before the first value, as all quantiles. */
  readonly p50: number;
  readonly p90: number;
  readonly p95: number;
  readonly p99: number;
  readonly p999: number;
}

export interface CheckpointRecord extends Readonly<Record<CheckpointMeasure, number>> {
  readonly checkpointId: number;
  readonly status: 'IN_PROGRESS' | 'COMPLETED' | 'FAILED';
  readonly purpose: 'checkpoint' | 'savepoint';
  /** Of a savepoint. */
  readonly format: 'canonical' | 'native' | undefined;
  /** Of a savepoint after which the job ends. */
  readonly stop: 'drain' | 'suspend' | undefined;
  readonly triggeredAt: number;
  readonly latestAcknowledgedAt: number;
  readonly subtasks: number;
  readonly acknowledged: number;
  /** Of a completed one: by which a job can go on from it. */
  readonly externalPath: string | undefined;
  readonly metadataBytes: number;
  /** Its files are gone. */
  readonly discarded: boolean;
  readonly failure: { readonly at: number; readonly message: string } | undefined;
  readonly tasks: readonly VertexCheckpoint[];
}

export interface VertexCheckpoint {
  readonly vertex: VertexId;
  /** By subtask; undefined for those that take no part, or have not answered. */
  readonly subtasks: readonly (SubtaskCheckpoint | undefined)[];
}

export interface SubtaskCheckpoint extends SubtaskCheckpointMetrics {
  readonly acknowledgedAt: number;
  /** From the trigger on. */
  readonly durationMillis: number;
}

export interface RestoredCheckpoint {
  readonly checkpointId: number;
  readonly restoredAt: number;
  readonly isSavepoint: boolean;
  readonly externalPath: string;
}
