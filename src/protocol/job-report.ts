/** What a JobMaster says about its job to whoever asks: how it stands, how it ended. Plain data. */
import type { ErrorData } from '../base/errors.ts';
import type { OperatorId, VertexId } from '../graph/job-graph.ts';
import type { FailingCheckpoints } from './checkpoint-statistics.ts';
import type { ExecutionState, JobStatus, TerminalJobStatus } from './job-status.ts';
import type { Accumulator, WatermarkHold } from './slot-messages.ts';

export interface JobOverview {
  readonly jobId: string;
  /** Of the job's definition; the id as long as it is not known. */
  readonly name: string;
  readonly status: JobStatus;
}

export interface JobResult {
  readonly jobId: string;
  readonly status: TerminalJobStatus;
  /** Why it failed. */
  readonly error: ErrorData | undefined;
  /** Summed over the subtasks of each operator. */
  readonly accumulators: readonly Accumulator[];
  readonly runtimeMillis: number;
}

export interface JobDetails extends JobOverview {
  /** Deployments so far, from 1. */
  readonly generation: number;
  readonly runtimeMillis: number;
  /** What the job waits for, if it does, as a sentence. */
  readonly waitingFor: string | undefined;
  readonly vertices: readonly VertexDetails[];
  readonly failingCheckpoints: FailingCheckpoints | undefined;
  /** The last failures, oldest first. */
  readonly failures: readonly JobFailure[];
}

export interface JobFailure {
  /** Since the start of the job. */
  readonly afterMillis: number;
  readonly error: ErrorData;
}

/** Sums over the subtasks of a vertex, of the present attempt. */
export interface VertexDetails {
  readonly id: VertexId;
  readonly name: string;
  readonly parallelism: number;
  /** How many subtasks are in each state; states with none are left out. */
  readonly states: Readonly<Partial<Record<ExecutionState, number>>>;
  readonly recordsIn: number;
  readonly recordsOut: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly recordsInPerSecond: number;
  readonly recordsOutPerSecond: number;
  /** Shares of the time since the last report, 0 to 1, as means over the subtasks. */
  readonly busy: number;
  readonly idle: number;
  readonly backPressured: number;
  /** The least of all subtasks; undefined until all have one. */
  readonly watermark: number | undefined;
  readonly operators: readonly { readonly id: OperatorId; readonly name: string }[];
  /** Event time in each subtask, as far as it has reported. */
  readonly subtasks: readonly SubtaskTime[];
}

export interface SubtaskTime {
  readonly subtask: number;
  /** Undefined before the first one, and when event time has ended. */
  readonly watermark: number | undefined;
  /** For how long it has been where it is. */
  readonly standsMillis: number;
  /** What it waits for; undefined when event time has ended. */
  readonly waitsFor: WatermarkHold | undefined;
  /** Whether one of its operators needs event time. */
  readonly needsEventTime: boolean;
  readonly lateRecordsDropped: number;
}
