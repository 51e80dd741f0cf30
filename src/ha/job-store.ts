/**
 * What must outlive a Dispatcher: the jobs that have been accepted and have not ended, and how jobs
 * ended. A job is stored before it is acknowledged and removed after its result is stored, so that
 * a job that has ended never runs again. The decision to commit is stored before anything is
 * committed, so that what was committed is never computed anew.
 */
import { assert } from '../base/assert.ts';
import type { JobSubmission } from '../protocol/dispatcher-service.ts';
import type { JobResult } from '../protocol/job-report.ts';
import type { CommitDecision, StoredJob } from '../protocol/stored-job.ts';

export interface JobStore {
  put(submission: JobSubmission): Promise<void>;
  /**
   * Another master has the job from now on: durable before it begins, because the numbers of
   * attempts follow from it, and what attempts write must never meet.
   */
  takeOver(jobId: string): Promise<StoredJob>;
  /** Of a job that was put and has not been removed. The same decision may be stored again. */
  decide(jobId: string, decision: CommitDecision): Promise<void>;
  /** What the job is called: for who lists it before a later master has built it again. */
  name(jobId: string, name: string): Promise<void>;
  /** Nothing happens if there is none. */
  remove(jobId: string): Promise<void>;
  all(): Promise<readonly StoredJob[]>;
}

export interface JobResultStore {
  put(result: JobResult): Promise<void>;
  get(jobId: string): Promise<JobResult | undefined>;
}

/** For a cluster whose jobs end with its JobManager. */
export function memoryJobStore(): JobStore {
  const jobs = new Map<string, StoredJob>();
  return {
    put: async (submission) => {
      jobs.set(submission.job.jobId, { submission, decision: undefined, masters: 1 });
    },
    takeOver: async (jobId) => {
      const job = jobs.get(jobId);
      assert(job !== undefined, `job ${jobId} was not put`);
      const taken = { ...job, masters: job.masters + 1 };
      jobs.set(jobId, taken);
      return taken;
    },
    // A decision only matters to who reads the store after this process.
    decide: async () => undefined,
    name: async (jobId, name) => {
      const job = jobs.get(jobId);
      if (job !== undefined) jobs.set(jobId, { ...job, name });
    },
    remove: async (jobId) => void jobs.delete(jobId),
    all: async () => [...jobs.values()],
  };
}

/** Keeps the results of the last `limit` jobs. */
export function memoryJobResultStore(limit: number): JobResultStore {
  const results = new Map<string, JobResult>();
  return {
    put: async (result) => {
      results.delete(result.jobId);
      results.set(result.jobId, result);
      for (const oldest of results.keys()) {
        if (results.size <= limit) break;
        results.delete(oldest);
      }
    },
    get: async (jobId) => results.get(jobId),
  };
}
