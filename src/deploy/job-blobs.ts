/** The blobs of a JobManager, started for the jobs that it knows. */
import { isEngineError } from '../base/errors.ts';
import { BlobServer } from '../blob/blob-server.ts';
import type { BlobServerOptions } from '../blob/blob-server.ts';
import type { JobStore } from '../ha/job-store.ts';
import { blobHashOf, isBlobUrl } from '../protocol/job-code.ts';

/** Where a process keeps the bundles of jobs. */
export interface BlobStart {
  /** Of this process alone. */
  readonly folder: string;
  /** Whether a JobManager leaves the bundles of its jobs for the next one. */
  readonly keep?: boolean | undefined;
  /** The version of Millrace that runs here. */
  readonly engine: string;
}

/** What the stored jobs need is kept, whatever else an earlier process has left goes. */
export async function startBlobs(options: BlobServerOptions, jobs: JobStore): Promise<BlobServer> {
  const blobs = await BlobServer.start(options);
  for (const { submission } of await jobs.all()) {
    const { job } = submission;
    if (!isBlobUrl(job.moduleUrl)) continue;
    try {
      blobs.retain(blobHashOf(job.moduleUrl), job.jobId);
    } catch (error) {
      // The job's master meets this, too, and ends the job with it.
      if (!isEngineError(error, 'BLOB_NOT_FOUND')) throw error;
    }
  }
  await blobs.sweep();
  return blobs;
}
