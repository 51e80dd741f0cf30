/** What commands read of the answers of the REST interface; there is more in them. */
import type { ErrorData } from '../base/errors.ts';
import type { FailingCheckpoints } from '../protocol/checkpoint-statistics.ts';

export interface JobsOverview {
  readonly jobs: readonly JobOverviewAnswer[];
}

export interface JobOverviewAnswer {
  readonly jid: string;
  readonly name: string;
  readonly state: string;
  /** Epoch milliseconds, as all times; -1: not yet. */
  readonly 'start-time': number;
  readonly 'end-time': number;
  readonly duration: number;
  readonly tasks: Readonly<Record<string, number>>;
}

export interface Triggered {
  readonly 'request-id': string;
}

export interface OperationAnswer {
  readonly status: { readonly id: 'IN_PROGRESS' | 'COMPLETED' };
  readonly operation: OperationResult | null;
}

export interface OperationResult {
  readonly location?: string;
  readonly checkpointId?: number;
  readonly 'failure-cause'?: FailureCause | null;
}

/** Details of a checkpoint; a path in angle brackets is none. */
export interface CheckpointAnswer {
  readonly external_path?: string;
}

export interface FailureCause {
  readonly class: string;
  readonly 'stack-trace': string;
}

export interface JobDetailsAnswer {
  readonly jid: string;
  readonly name: string;
  readonly state: string;
  readonly duration: number;
  /** When it last came into a state; 0: never. */
  readonly timestamps: Readonly<Partial<Record<string, number>>>;
  readonly vertices: readonly VertexAnswer[];
  /** Flink's REST does not tell it. */
  readonly 'failing-checkpoints'?: FailingCheckpoints | null | undefined;
}

export interface JobExceptionsAnswer {
  readonly exceptionHistory: {
    /** The newest first. */
    readonly entries: readonly { readonly stacktrace: string }[];
  };
}

export interface VertexAnswer {
  readonly id: string;
  readonly name: string;
  readonly parallelism: number;
  readonly status: string;
  readonly metrics: VertexMetrics;
}

/** "NaN" stands for what is not known. */
export interface VertexMetrics {
  readonly 'read-records': number;
  readonly 'write-records': number;
  readonly 'accumulated-busy-time': number | 'NaN';
  readonly 'accumulated-backpressured-time': number | 'NaN';
}

export interface WatermarkAnswer {
  readonly id: string;
  readonly value: string;
}

export interface TaskManagersAnswer {
  readonly taskmanagers: readonly { readonly id: string }[];
}

export interface LogListAnswer {
  readonly logs: readonly {
    readonly name: string;
    readonly size: number;
    /** Epoch milliseconds of its last change. */
    readonly mtime: number;
  }[];
}

export interface JarUploadAnswer {
  /** A path, whose last name is the id. */
  readonly filename: string;
}

export interface JarRunAnswer {
  readonly jobid: string;
}

export interface ExecutionResultAnswer {
  readonly status: { readonly id: 'IN_PROGRESS' | 'COMPLETED' };
  readonly 'job-execution-result'?: JobResultAnswer;
}

export interface JobResultAnswer {
  readonly 'application-status': 'SUCCEEDED' | 'FAILED' | 'CANCELED' | 'UNKNOWN';
  readonly 'net-runtime': number;
  readonly 'failure-cause'?: FailureCause | null;
  /** These are our own, and not there where Flink itself answers. */
  readonly status?: string;
  readonly accumulators?: readonly {
    readonly operator: string;
    readonly name: string;
    readonly value: number;
  }[];
  readonly error?: ErrorData | null;
}
