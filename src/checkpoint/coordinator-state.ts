/**
 * State, events and effects of the machine that takes the checkpoints of a job
 * (`coordinator-machine.ts`): plain data. Executions are known here by index.
 */
import type { EngineError } from '../base/errors.ts';
import type { Duration, Timestamp } from '../base/units.ts';
import type {
  CheckpointNotice,
  CheckpointTrigger,
  SavepointFormat,
  SubtaskCheckpointMetrics,
  TaskSnapshot,
} from '../protocol/checkpoint.ts';
import type { SourceState } from '../protocol/coordinator-messages.ts';
import type { CheckpointConfig } from './checkpoint-config.ts';
import type { CheckpointPlan, TaskStanding, TaskTopology } from './checkpoint-plan.ts';

/** A checkpoint that is wanted. */
export interface CheckpointRequest {
  /** By which it is answered; 0: the clock wants it, and nobody waits. */
  readonly requestId: number;
  readonly full: boolean;
  readonly savepoint: SavepointRequest | undefined;
}

export interface SavepointRequest {
  readonly directory: string;
  readonly format: SavepointFormat;
  readonly stop: 'drain' | 'suspend' | undefined;
}

/** One that has begun and is neither complete nor given up. */
export interface PendingCheckpoint {
  readonly checkpointId: number;
  readonly request: CheckpointRequest;
  readonly triggeredAt: Timestamp;
  /** By the monotonic clock. */
  readonly beganAt: Duration;
  /**
   * `preparing`: its folder is made; `sources`: the enumerators are asked; `acknowledging`: the
   * tasks are; `completing`: all have answered, and it is being made durable.
   */
  readonly phase: 'preparing' | 'sources' | 'acknowledging' | 'completing';
  /** Its folder; empty while that is made. */
  readonly location: string;
  /** The newest complete one when it was triggered. */
  readonly latestComplete: number;
  readonly full: boolean;
  /** Empty before the tasks are asked. */
  readonly plan: CheckpointPlan;
  readonly sources: readonly SourceState[];
  /** By execution. */
  readonly acknowledged: ReadonlyMap<number, Acknowledgement>;
}

export interface Acknowledgement {
  readonly snapshot: TaskSnapshot;
  readonly metrics: SubtaskCheckpointMetrics;
  readonly at: Timestamp;
}

export interface CoordinatorState {
  readonly config: CheckpointConfig;
  readonly topology: TaskTopology;
  readonly tasks: readonly TaskStanding[];
  readonly nextId: number;
  /** Oldest first. */
  readonly pending: readonly PendingCheckpoint[];
  /** What somebody has asked for, in the order in which it is taken. */
  readonly queue: readonly CheckpointRequest[];
  /** When the clock wants the next one; undefined while there can be none. */
  readonly nextPeriodicAt: Duration | undefined;
  /** When the last one ended, complete or not. */
  readonly lastEndAt: Duration | undefined;
  /** The newest complete one that tasks may build upon; 0: there is none. */
  readonly latestComplete: number;
  /** Failures in a row, and the newest checkpoint among them. */
  readonly failures: number;
  /** Nothing may refer to files from which the job was restored. */
  readonly fullUntilComplete: boolean;
  /** A savepoint that ends the job is wanted or complete: the clock wants nothing more. */
  readonly stopping: boolean;
}

/** Why a checkpoint is given up. */
export interface AbortCause {
  readonly error: EngineError;
  /** Whether it is one of the failures that a job may have only so many of. */
  readonly counts: boolean;
}

export type CoordinatorEvent =
  /** The tasks of the job are built and will run, from this checkpoint or (0) from the start. */
  | { readonly kind: 'restored'; readonly checkpointId: number; readonly full: boolean }
  | { readonly kind: 'tasks'; readonly tasks: readonly TaskStanding[] }
  | { readonly kind: 'request'; readonly request: CheckpointRequest }
  | { readonly kind: 'tick' }
  | { readonly kind: 'prepared'; readonly checkpointId: number; readonly location: string }
  | {
      readonly kind: 'sources-snapshot';
      readonly checkpointId: number;
      readonly sources: readonly SourceState[];
    }
  | {
      readonly kind: 'acknowledged';
      readonly checkpointId: number;
      readonly execution: number;
      readonly snapshot: TaskSnapshot;
      readonly metrics: SubtaskCheckpointMetrics;
    }
  /** A task, the enumerators, or the folder: whoever says so adds nothing to it. */
  | { readonly kind: 'declined'; readonly checkpointId: number; readonly error: EngineError }
  | { readonly kind: 'completed'; readonly checkpointId: number }
  | {
      readonly kind: 'completion-failed';
      readonly checkpointId: number;
      readonly error: EngineError;
      /** A newer one was complete before it. */
      readonly isSubsumed?: boolean | undefined;
    }
  /** The job has ended. */
  | { readonly kind: 'ended' };

export type CoordinatorEffect =
  /** Reserve the id and make the folder; answered by `prepared` or `declined`. */
  | { readonly kind: 'prepare'; readonly pending: PendingCheckpoint }
  | { readonly kind: 'snapshot-sources'; readonly checkpointId: number }
  | {
      readonly kind: 'trigger';
      readonly pending: PendingCheckpoint;
      readonly trigger: CheckpointTrigger;
    }
  /** Write it, register it; answered by `completed` or `completion-failed`. */
  | { readonly kind: 'complete'; readonly pending: PendingCheckpoint }
  | { readonly kind: 'notify'; readonly notice: CheckpointNotice }
  | { readonly kind: 'acknowledged'; readonly pending: PendingCheckpoint }
  | { readonly kind: 'completed'; readonly pending: PendingCheckpoint }
  /** It is given up: everything written for it goes. */
  | {
      readonly kind: 'aborted';
      readonly pending: PendingCheckpoint;
      readonly error: EngineError;
    }
  /** What an acknowledgement names that came too late goes. */
  | { readonly kind: 'discard'; readonly snapshot: TaskSnapshot }
  /** The request can have no checkpoint. */
  | { readonly kind: 'refuse'; readonly requestId: number; readonly error: EngineError }
  | { readonly kind: 'fail-job'; readonly error: EngineError };

/** What a step may use of the world. */
export interface CoordinatorInput {
  readonly now: Duration;
  readonly wall: Timestamp;
  /** Uniform in [0, 1). */
  readonly draw: number;
}
