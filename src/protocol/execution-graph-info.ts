/**
 * All that a JobMaster knows of its job, as plain data: what the REST interface and the command
 * line show. Times are wall-clock milliseconds since 1970; -1 stands for "not yet".
 */
import type { ErrorData } from '../base/errors.ts';
import type { JobGraph, OperatorId, VertexId } from '../graph/job-graph.ts';
import type { CheckpointStatistics } from './checkpoint-statistics.ts';
import type { ExecutionState, JobStatus } from './job-status.ts';
import type { Accumulator, TaskMetrics } from './slot-messages.ts';

export type JobType = 'STREAMING' | 'BATCH';

export interface ExecutionGraphInfo {
  readonly jobId: string;
  /** Of the job's definition; the id as long as it is not known. */
  readonly name: string;
  readonly status: JobStatus;
  readonly jobType: JobType;
  /** -1 if it is not set for the whole job. */
  readonly maxParallelism: number;
  readonly startTime: number;
  readonly endTime: number;
  /** When the job entered each status last; statuses it never had are left out. */
  readonly statusTimestamps: Readonly<Partial<Record<JobStatus, number>>>;
  /** Of the job, without that of the cluster. */
  readonly configuration: Readonly<Record<string, string>>;
  readonly parallelism: number;
  /** In words. */
  readonly restartStrategy: string;
  /** Undefined before the job is built. */
  readonly graph: JobGraph | undefined;
  readonly vertices: readonly ExecutionVertexInfo[];
  /** The last ones, oldest first; at most `web.exception-history-size`. */
  readonly failures: readonly FailureInfo[];
  /** Whether earlier failures are left out. */
  readonly failuresTruncated: boolean;
  /** Summed over the subtasks of each operator. */
  readonly accumulators: readonly Accumulator[];
  /** How often the job, or a part of it, was started again. */
  readonly restarts: number;
  /** What the job waits for, if it does, as a sentence. */
  readonly waitingFor: string | undefined;
  /** Undefined for a job that takes no checkpoints. */
  readonly checkpoints?: CheckpointStatistics | undefined;
}

export interface ExecutionVertexInfo {
  readonly id: VertexId;
  readonly name: string;
  readonly slotSharingGroup: string;
  readonly parallelism: number;
  readonly maxParallelism: number;
  readonly operators: readonly { readonly id: OperatorId; readonly name: string }[];
  readonly subtasks: readonly SubtaskInfo[];
}

export interface SubtaskInfo {
  readonly subtask: number;
  readonly current: AttemptInfo;
  /** Oldest first; at most `jobmanager.execution.attempts-history-size`. */
  readonly previous: readonly AttemptInfo[];
}

export type TaskCounters = Omit<TaskMetrics, 'executionId' | 'vertex' | 'subtask' | 'accumulators'>;

/** What an attempt has counted stands beside what it is; zeros as long as it has told nothing. */
export interface AttemptInfo extends TaskCounters {
  /** From 0, of this subtask. */
  readonly attempt: number;
  readonly executionId: string;
  readonly state: ExecutionState;
  readonly stateTimestamps: Readonly<Partial<Record<ExecutionState, number>>>;
  /** Where it runs or ran; undefined before it was deployed. */
  readonly taskManager: TaskManagerLocation | undefined;
  readonly error: ErrorData | undefined;
  /** Whether its counts are its last ones. */
  readonly countsComplete: boolean;
  /** Of this subtask, of its last report. */
  readonly accumulators: readonly Accumulator[];
}

export interface TaskManagerLocation {
  readonly id: string;
  readonly host: string;
  /** Of the slot; 0 when it does not listen. */
  readonly dataPort: number;
}

export interface FailureInfo {
  readonly error: ErrorData;
  readonly timestamp: number;
  /** E.g. `map (2/4) - execution #0`; undefined for a failure of the job as a whole. */
  readonly taskName: string | undefined;
  /** `host:port` of where the task ran; the host alone where its slot does not listen. */
  readonly endpoint: string | undefined;
  readonly taskManagerId: string | undefined;
  /** What failed while the job, or the part of it, was being stopped for this failure. */
  readonly concurrent: readonly FailureInfo[];
}

/** A job in a list. */
export interface JobSummary {
  readonly jobId: string;
  readonly name: string;
  readonly jobType: JobType;
  readonly status: JobStatus;
  readonly startTime: number;
  readonly endTime: number;
  /** When its status, or that of one of its tasks, changed last. */
  readonly lastModification: number;
  /** How many subtasks are in each state; states with none are left out. */
  readonly tasks: Readonly<Partial<Record<ExecutionState, number>>>;
  readonly totalTasks: number;
}

export interface ClusterOverview {
  readonly taskManagers: number;
  readonly slotsTotal: number;
  readonly slotsAvailable: number;
  /** Not ended, whatever their status. */
  readonly jobsRunning: number;
  readonly jobsFinished: number;
  readonly jobsCancelled: number;
  readonly jobsFailed: number;
}
