/** What a client can ask a Dispatcher: jobs are submitted, found, watched and cancelled here. */
import type { Duration } from '../base/units.ts';
import type { JobGraph } from '../graph/job-graph.ts';
import { t } from '../types/index.ts';
import type { RestoreSettings, SavepointFormat } from './checkpoint.ts';
import type { ClusterOverview, ExecutionGraphInfo, JobSummary } from './execution-graph-info.ts';
import type { JobDetails, JobOverview, JobResult } from './job-report.ts';
import type { Service } from './service.ts';
import { ask, plain, service } from './service.ts';
import type { Ask } from './service.ts';
import type { JobReference } from './task-deployment.ts';

export const DISPATCHER = 'dispatcher';

export interface JobSubmission {
  readonly job: JobReference;
  /** Given by who has built the job already; the job's own build must agree with it. */
  readonly graph: Pick<JobGraph, 'fingerprint'> | undefined;
  /** From what it starts; undefined: as its options say, else from nothing. */
  readonly restore?: RestoreSettings | undefined;
  /** A client will attach: messages for it wait instead of being dropped. */
  readonly attached: boolean;
  /**
   * The client promises to say that it is there (`reportClientHeartbeat`); after so long without a
   * word of it the job is cancelled. Undefined: never, whatever anybody says of a client.
   */
  readonly clientHeartbeatTimeout?: Duration | undefined;
}

/** How to call the master of a job. */
export interface JobMasterLocation {
  readonly jobId: string;
  readonly address: string;
  readonly endpoint: string;
  readonly token: string;
}

export interface ClientHeartbeat {
  readonly jobId: string;
  /** Wall-clock milliseconds since 1970 until which the client is to be waited for. */
  readonly expiredTimestamp: number;
}

interface JobRequest {
  readonly jobId: string;
}

export interface SavepointTrigger {
  /** Undefined: where the options of the job say. */
  readonly directory?: string | undefined;
  /** `canonical` unless said. */
  readonly format?: SavepointFormat | undefined;
  /** The job ends with it. `drain`: event time and all input end before. */
  readonly stop?: 'drain' | 'suspend' | undefined;
}

/** A checkpoint or savepoint that is complete. */
export interface TakenCheckpoint {
  readonly checkpointId: number;
  /** From which a job can start; empty: it is in the memory of the JobManager. */
  readonly location: string;
}

const JobRequestSchema = t.struct({ jobId: t.string });
const Empty = t.struct({});

export type DispatcherService = Service<{
  /** The token of the present leader session. */
  readonly identify: Ask<{}, { readonly token: string }>;
  /** Answers when the job is built and its master runs. The same submission twice is one job. */
  readonly submitJob: Ask<JobSubmission, JobMasterLocation>;
  readonly locateJob: Ask<JobRequest, JobMasterLocation>;
  readonly listJobs: Ask<{}, readonly JobOverview[]>;
  readonly requestJobDetails: Ask<JobRequest, JobDetails>;
  /** Of a job that runs, or has ended and is still remembered. */
  readonly requestJob: Ask<JobRequest, ExecutionGraphInfo>;
  /** All of them, in the order in which they were submitted. */
  readonly requestMultipleJobDetails: Ask<{}, readonly JobSummary[]>;
  readonly requestClusterOverview: Ask<{}, ClusterOverview>;
  /** Answers when the cancellation has begun. */
  readonly cancelJob: Ask<JobRequest, {}>;
  /**
   * Answers when the savepoint is complete and, where it stops the job, when the job has ended.
   * @throws EngineError CHECKPOINT_*, SAVEPOINT_*, JOB_NOT_FOUND
   */
  readonly triggerSavepoint: Ask<JobRequest & SavepointTrigger, TakenCheckpoint>;
  /** `full`: it holds everything, whatever the options say. @throws EngineError CHECKPOINT_* */
  readonly triggerCheckpoint: Ask<JobRequest & { readonly full: boolean }, TakenCheckpoint>;
  /** Removes a savepoint. @throws EngineError SAVEPOINT_NOT_FOUND, CHECKPOINT_FILE_INVALID, IO_* */
  readonly disposeSavepoint: Ask<{ readonly path: string }, {}>;
  /**
   * The client of an attached job is there; when it is silent for too long the job is cancelled. A
   * word about a job that has ended changes nothing. @throws EngineError JOB_NOT_FOUND
   */
  readonly reportClientHeartbeat: Ask<ClientHeartbeat, {}>;
  /** Answers when the job has ended. */
  readonly requestJobResult: Ask<JobRequest, JobResult>;
}>;

export const dispatcherService: DispatcherService = service('Dispatcher', {
  identify: ask(Empty, t.struct({ token: t.string }), { unfenced: true }),
  submitJob: ask(plain<JobSubmission>(), plain<JobMasterLocation>(), { timeout: 'never' }),
  locateJob: ask(JobRequestSchema, plain<JobMasterLocation>()),
  listJobs: ask(Empty, plain<readonly JobOverview[]>()),
  requestJobDetails: ask(JobRequestSchema, plain<JobDetails>()),
  requestJob: ask(JobRequestSchema, plain<ExecutionGraphInfo>()),
  requestMultipleJobDetails: ask(Empty, plain<readonly JobSummary[]>()),
  requestClusterOverview: ask(Empty, plain<ClusterOverview>()),
  cancelJob: ask(JobRequestSchema, Empty),
  triggerSavepoint: ask(plain<JobRequest & SavepointTrigger>(), plain<TakenCheckpoint>(), {
    timeout: 'never',
  }),
  triggerCheckpoint: ask(
    plain<JobRequest & { readonly full: boolean }>(),
    plain<TakenCheckpoint>(),
    { timeout: 'never' },
  ),
  disposeSavepoint: ask(t.struct({ path: t.string }), Empty, { timeout: 'never' }),
  reportClientHeartbeat: ask(plain<ClientHeartbeat>(), Empty),
  requestJobResult: ask(JobRequestSchema, plain<JobResult>(), { timeout: 'never' }),
});
