/**
 * What must outlive a Dispatcher: the jobs that have been accepted and have not ended, and how jobs
 * ended. A job is stored before it is acknowledged and removed after its result is stored, so that
 * a job that has ended never runs again.
 */
import type { JobSubmission } from '../protocol/dispatcher-service.ts';
import type { JobResult } from '../protocol/job-report.ts';

export interface JobStore {
  put(submission: JobSubmission): Promise<void>;
  /** Nothing happens if there is none. */
  remove(jobId: string): Promise<void>;
  all(): Promise<readonly JobSubmission[]>;
}

export interface JobResultStore {
  put(result: JobResult): Promise<void>;
  get(jobId: string): Promise<JobResult | undefined>;
}

/** For a cluster whose jobs end with its JobManager. */
export function memoryJobStore(): JobStore {
  const submissions = new Map<string, JobSubmission>();
  return {
    put: async (submission) => void submissions.set(submission.job.jobId, submission),
    remove: async (jobId) => void submissions.delete(jobId),
    all: async () => [...submissions.values()],
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
