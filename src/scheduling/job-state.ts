/**
 * State, events and effects of the machine that runs a job (`job-machine.ts`): plain data. Slots
 * and executions are known here by index; what stands behind an index is the JobMaster's business.
 */
import type { EngineError } from '../base/errors.ts';
import type { Duration } from '../base/units.ts';
import type { ExecutionState, JobStatus } from '../protocol/job-status.ts';
import type { CommitDecision } from '../protocol/stored-job.ts';
import type { OperatorCommittables } from '../protocol/task-deployment.ts';
import type { ReportedTaskState } from '../protocol/slot-messages.ts';
import type { RestartHistory, RestartStrategy } from './restart-strategy.ts';

/**
 * What a slot of the job is doing. `absent`, `requested` and `idle` are quiet: nothing of the job
 * runs there. In `doubtful` its TaskExecutor was lost without proof of death, so its worker may act
 * until its lease is over.
 */
export type SlotPhase =
  | 'absent'
  | 'requested'
  | 'idle'
  | 'preparing'
  | 'prepared'
  | 'deployed'
  | 'stopping'
  | 'doubtful';

export interface ExecutionRecord {
  /** Index of the slot it runs in; fixed. */
  readonly slot: number;
  readonly state: ExecutionState;
  /** In which its present attempt was begun; 0 before the first. */
  readonly generation: number;
  /** Has reached the end and waits for the decision to commit. */
  readonly ready: boolean;
  readonly committables: readonly OperatorCommittables[];
}

/**
 * Slots that fail and start again together: their tasks exchange records, with each other or within
 * a slot. Regions exchange nothing.
 */
export interface RegionState {
  readonly slots: readonly number[];
  /** Deployment attempt: 0 before the first. */
  readonly generation: number;
  /** Between a failure and the next generation. */
  readonly stopping: boolean;
  /** The wait before the next generation is over. */
  readonly delayOver: boolean;
}

export interface JobState {
  readonly status: JobStatus;
  readonly slots: readonly SlotPhase[];
  readonly executions: readonly ExecutionRecord[];
  readonly regions: readonly RegionState[];
  /** The region of each slot. */
  readonly regionOf: readonly number[];
  /** Which start of the sources' enumerators was the last; 0 before the first. */
  readonly sourcesEpoch: number;
  /** Whether the enumerators of that start run. */
  readonly sourcesRun: boolean;
  readonly strategy: RestartStrategy;
  readonly history: RestartHistory;
  /** The wait that the restart strategy asked for last. */
  readonly restartDelay: Duration;
  /** J12. A savepoint that stops the job is complete, and nothing has failed since. */
  readonly stops: boolean;
  /** Failures since the decision to commit. */
  readonly commitFailures: number;
  /** Those among them that user code has thrown. */
  readonly commitFailuresOfUser: number;
  /** Why the job is failing, or why it, or a region, restarted last. */
  readonly failure: EngineError | undefined;
}

export type JobEvent =
  /** The job is built and may run. */
  | { readonly kind: 'created' }
  /** `decision`: of an earlier master of the job, after which it can only be committed. */
  | { readonly kind: 'start'; readonly decision?: CommitDecision | undefined }
  | { readonly kind: 'slot-assigned'; readonly slot: number }
  | { readonly kind: 'slot-prepared'; readonly slot: number; readonly generation: number }
  /**
   * The slot's worker is gone, proven; the slot is still ours. `error` tells why, if nobody asked
   * for it.
   */
  | {
      readonly kind: 'slot-stopped';
      readonly slot: number;
      readonly generation: number;
      readonly error?: EngineError | undefined;
    }
  /** The slot is gone. `proof`: its process is known to be dead. */
  | {
      readonly kind: 'slot-lost';
      readonly slot: number;
      readonly proof: boolean;
      readonly error: EngineError;
    }
  | { readonly kind: 'lease-over'; readonly slot: number; readonly generation: number }
  | {
      readonly kind: 'task-state';
      readonly execution: number;
      readonly generation: number;
      readonly state: ReportedTaskState;
      readonly error?: EngineError | undefined;
    }
  | {
      readonly kind: 'ready-to-commit';
      readonly execution: number;
      readonly generation: number;
      readonly committables: readonly OperatorCommittables[];
    }
  /** Anything else that ends the attempt of a region. */
  | {
      readonly kind: 'region-failed';
      readonly region: number;
      readonly generation: number;
      readonly error: EngineError;
    }
  /** The enumerators of the sources failed, or the worker in which they live. */
  | { readonly kind: 'sources-failed'; readonly epoch: number; readonly error: EngineError }
  /** A savepoint that stops the job is complete: its tasks are told to end. */
  | { readonly kind: 'stops' }
  /** Something that concerns the job as a whole. */
  | { readonly kind: 'failure'; readonly error: EngineError }
  | { readonly kind: 'delay-over'; readonly region: number; readonly generation: number }
  | { readonly kind: 'cancel' };

export type JobEffect =
  | { readonly kind: 'request-slot'; readonly slot: number }
  | {
      readonly kind: 'prepare-slots';
      readonly region: number;
      readonly generation: number;
      readonly slots: readonly number[];
    }
  /** `commitOnly`: the tasks do not run, they commit what the state holds for them. */
  | {
      readonly kind: 'deploy';
      readonly region: number;
      readonly generation: number;
      readonly slots: readonly number[];
      readonly executions: readonly number[];
      readonly commitOnly: boolean;
    }
  | { readonly kind: 'stop-slot'; readonly slot: number; readonly generation: number }
  /** Nothing of the job will run there any more, unless it is requested again. */
  | { readonly kind: 'release-slot'; readonly slot: number }
  /** Ask for `lease-over` when no worker of the slot can act any more. */
  | { readonly kind: 'await-lease'; readonly slot: number; readonly generation: number }
  | { readonly kind: 'start-sources'; readonly epoch: number }
  /**
   * The readers among these executions are new ones: what their predecessors were given and nobody
   * has read to the end goes back to the enumerators. Comes before the readers are deployed.
   */
  | {
      readonly kind: 'attach-readers';
      readonly generation: number;
      readonly executions: readonly number[];
    }
  | { readonly kind: 'close-sources'; readonly epoch: number }
  | { readonly kind: 'commit'; readonly execution: number; readonly generation: number }
  | {
      readonly kind: 'await-delay';
      readonly delay: Duration;
      readonly region: number;
      readonly generation: number;
    }
  | { readonly kind: 'status'; readonly from: JobStatus; readonly to: JobStatus }
  /** The job has ended: give everything back. */
  | { readonly kind: 'ended' };

/** What a step may use of the world. */
export interface StepInput {
  readonly now: Duration;
  /** Uniform in [0, 1). */
  readonly draw: number;
}
