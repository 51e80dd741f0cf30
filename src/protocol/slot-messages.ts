/**
 * Messages between a TaskExecutor's main thread and the worker of one of its slots, over the
 * worker's Port, encoded by slot-codec.ts. A slot worker is spawned with no data, perhaps before
 * there is work for it; its first message is `prepare`, with two regions: [lease, doorbells]. The
 * lease is laid out as in lease.ts; the doorbell of slot n is word `doorbellWord(n)` of the second
 * region, which all slots of a TaskExecutor share.
 */
import type { ErrorData } from '../base/errors.ts';
import type { OperatorId, VertexId } from '../graph/job-graph.ts';
import type { ScopedMetrics } from '../metrics/metric.ts';
import type {
  CheckpointNotice,
  CheckpointTrigger,
  SubtaskCheckpointMetrics,
  TaskSnapshot,
} from './checkpoint.ts';
import type { OperatorCommittables, SlotPreparation, TaskDeployment } from './task-deployment.ts';

export type ToSlot =
  | { readonly kind: 'prepare'; readonly preparation: SlotPreparation }
  /**
   * A peer slot in the same process; the message carries two regions: [ring to the peer, ring from
   * the peer].
   */
  | { readonly kind: 'attach-peer'; readonly slot: number; readonly generation: number }
  /** The peer's worker is gone: its rings are retired. */
  | {
      readonly kind: 'detach-peer';
      readonly slot: number;
      readonly generation: number;
      readonly reason: string;
    }
  | { readonly kind: 'deploy'; readonly tasks: readonly TaskDeployment[] }
  /** Cancels all tasks; each answers with its terminal state. */
  | { readonly kind: 'cancel' }
  /** From the coordinator of a source operator to one of its readers. */
  | {
      readonly kind: 'source-event';
      readonly executionId: string;
      readonly operator: OperatorId;
      readonly event: SourceEventToReader;
    }
  /** The whole job has reached its end: commit what was prepared. */
  | { readonly kind: 'commit'; readonly executionId: string }
  /**
   * To a task to which no barrier can come. It is answered, once it and its chain are through with
   * it, by `acknowledge-checkpoint` or `decline-checkpoint`, like every barrier.
   */
  | ({ readonly kind: 'trigger-checkpoint'; readonly executionId: string } & CheckpointTrigger)
  /** To all tasks of the slot. */
  | ({ readonly kind: 'notify-checkpoint' } & CheckpointNotice)
  /** Answered by `metrics-answer`, with everything that is measured in the slot, by name. */
  | { readonly kind: 'request-metrics' }
  | {
      readonly kind: 'client-acknowledge';
      readonly executionId: string;
      readonly operator: OperatorId;
      readonly bytes: number;
    };

export type SourceEventToReader =
  /** Splits encoded with the source's split schema. */
  | { readonly kind: 'splits'; readonly splits: readonly Uint8Array[] }
  | { readonly kind: 'no-more-splits' }
  /** How far the sources of its group may go; +infinity: as far as they like. */
  | { readonly kind: 'watermark-limit'; readonly limit: number }
  | { readonly kind: 'user'; readonly payload: Uint8Array };

export type SourceEventToEnumerator =
  | { readonly kind: 'reader-registered' }
  | { readonly kind: 'split-request' }
  /** Of a reader that others of its group wait for; +infinity: it does not hold them. */
  | { readonly kind: 'watermark'; readonly watermark: number }
  | { readonly kind: 'user'; readonly payload: Uint8Array };

/** States a task reports; CREATED, SCHEDULED and DEPLOYING are known only to the JobMaster. */
export type ReportedTaskState = 'INITIALIZING' | 'RUNNING' | 'FINISHED' | 'CANCELED' | 'FAILED';

export type FromSlot =
  /** The job is loaded and its fingerprint agrees. */
  | { readonly kind: 'prepared'; readonly dataPort: number }
  | { readonly kind: 'prepare-failed'; readonly error: ErrorData }
  | {
      readonly kind: 'task-state';
      readonly executionId: string;
      readonly state: ReportedTaskState;
      readonly error: ErrorData | undefined;
      readonly accumulators: readonly Accumulator[];
    }
  | {
      readonly kind: 'source-event';
      readonly executionId: string;
      readonly operator: OperatorId;
      readonly event: SourceEventToEnumerator;
    }
  /**
   * All input has ended and all output is flushed; the task waits for `commit`. Sent only by tasks
   * with a committer.
   */
  | {
      readonly kind: 'ready-to-commit';
      readonly executionId: string;
      readonly committables: readonly OperatorCommittables[];
      /** Counted so far: whoever commits in its place after a failure has counted nothing. */
      readonly accumulators?: readonly Accumulator[] | undefined;
    }
  /** All that the task adds to the checkpoint is durable. */
  | {
      readonly kind: 'acknowledge-checkpoint';
      readonly executionId: string;
      readonly checkpointId: number;
      readonly snapshot: TaskSnapshot;
      readonly metrics: SubtaskCheckpointMetrics;
    }
  /** The task adds nothing to it, has deleted what it had written for it, and goes on. */
  | {
      readonly kind: 'decline-checkpoint';
      readonly executionId: string;
      readonly checkpointId: number;
      readonly error: ErrorData;
    }
  | {
      readonly kind: 'client-message';
      readonly executionId: string;
      readonly operator: OperatorId;
      readonly payload: Uint8Array;
    }
  /** What user code has written on a standard stream, as it was written. */
  | ({ readonly kind: 'output' } & SlotOutput)
  | { readonly kind: 'metrics'; readonly tasks: readonly TaskMetrics[] }
  | {
      readonly kind: 'metrics-answer';
      readonly scopes: readonly ScopedMetrics[];
      /** That its channels have reserved or overdrawn. */
      readonly networkBytes: number;
    };

export interface SlotOutput {
  readonly stream: 'stdout' | 'stderr';
  readonly text: string;
  /** Of the task that ran; undefined where that is not known. */
  readonly executionId: string | undefined;
  /** By name, if the task has no other. */
  readonly operator: string | undefined;
}

/** The final value of a counter; summed over the subtasks of an operator. */
export interface Accumulator {
  readonly operator: OperatorId;
  readonly name: string;
  readonly value: number;
}

/** Counted since the task's start. Times in milliseconds. */
export interface TaskMetrics {
  readonly executionId: string;
  readonly vertex: VertexId;
  readonly subtask: number;
  readonly recordsIn: number;
  readonly recordsOut: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly busyMillis: number;
  readonly idleMillis: number;
  readonly backPressuredMillis: number;
  /** Where its chain ends; undefined before the first one, and when event time has ended. */
  readonly watermark: number | undefined;
  /** What the watermark waits for; undefined when event time has ended. */
  readonly waitsFor: WatermarkHold | undefined;
  /** Whether one of its operators needs event time. */
  readonly needsEventTime: boolean;
  readonly lateRecordsDropped: number;
  /** Counted so far. */
  readonly accumulators?: readonly Accumulator[] | undefined;
  readonly exchange: ExchangeMetrics;
}

/**
 * Of the channels of a task, by the names of Flink's metrics. Counts are since its start, queues
 * and usages (0 to 1) of the moment. Local is the process; within a slot batches are handed on by
 * reference and have no bytes.
 */
export interface ExchangeMetrics {
  readonly bytesInLocal: number;
  readonly bytesInRemote: number;
  readonly buffersInLocal: number;
  readonly buffersInRemote: number;
  readonly buffersOut: number;
  /** Buffers that wait for the task, and their bytes. */
  readonly inputQueueLength: number;
  readonly inputQueueSize: number;
  readonly inPoolUsage: number;
  readonly inputExclusiveBuffersUsage: number;
  readonly inputFloatingBuffersUsage: number;
  /** Buffers that wait for their consumers, and their bytes. */
  readonly outputQueueLength: number;
  readonly outputQueueSize: number;
  readonly outPoolUsage: number;
}

/** Of a task that has not reported yet. */
export const NO_EXCHANGE: ExchangeMetrics = {
  ...{ bytesInLocal: 0, bytesInRemote: 0, buffersInLocal: 0, buffersInRemote: 0, buffersOut: 0 },
  ...{ inputQueueLength: 0, inputQueueSize: 0, inPoolUsage: 0 },
  ...{ inputExclusiveBuffersUsage: 0, inputFloatingBuffersUsage: 0 },
  ...{ outputQueueLength: 0, outputQueueSize: 0, outPoolUsage: 0 },
};

/** Why the event time of a task stands where it is. */
export type WatermarkHold =
  /** For a subtask that it reads. */
  | { readonly kind: 'input'; readonly vertex: VertexId; readonly subtask: number }
  /**
   * For later records of its own source or timestamp operator: of a split, if there are several.
   */
  | { readonly kind: 'records'; readonly split: string | undefined }
  /** Its source waits for others of its group. */
  | { readonly kind: 'alignment'; readonly group: string }
  /** Its source has no watermark strategy. */
  | { readonly kind: 'no-watermarks' }
  /** Nothing comes: it holds nobody up. Of a task with inputs: which are idle, which have ended. */
  | {
      readonly kind: 'idle';
      readonly idle?: readonly VertexId[] | undefined;
      readonly ended?: readonly VertexId[] | undefined;
    };
