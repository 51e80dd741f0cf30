/**
 * Jobs that have ended, as they were at their end: for a while, up to a number, up to a size. They
 * are kept as bytes, so that thousands of them cost little and are no work for the garbage
 * collector.
 *
 * F1. Never more jobs than `capacity`, never more bytes than `maxBytes` unless it is one job.
 * F2. A job older than `expiration` is not shown.
 */
import { ByteReader } from '../base/byte-reader.ts';
import { ByteWriter } from '../base/byte-writer.ts';
import type { Duration } from '../base/units.ts';
import type { ExecutionGraphInfo, JobSummary } from '../protocol/execution-graph-info.ts';
import type { JobDetails } from '../protocol/job-report.ts';
import { plain } from '../protocol/service.ts';

export interface EndedJobsOptions {
  readonly capacity: number;
  readonly maxBytes: number;
  readonly expiration: Duration;
}

export interface EndedJob {
  readonly details: JobDetails;
  readonly info: ExecutionGraphInfo;
  readonly summary: JobSummary;
}

interface StoredJob {
  readonly summary: JobSummary;
  readonly bytes: Uint8Array;
  readonly at: Duration;
}

type Rest = Omit<EndedJob, 'summary'>;
const { codec } = plain<Rest>();

export class EndedJobs {
  readonly #options: EndedJobsOptions;
  /** Oldest first. */
  readonly #jobs = new Map<string, StoredJob>();
  #bytes = 0;

  constructor(options: EndedJobsOptions) {
    this.#options = options;
  }

  get byteLength(): number {
    return this.#bytes;
  }

  /** F1. */
  add({ summary, details, info }: EndedJob, now: Duration): void {
    const { capacity, maxBytes } = this.#options;
    const { jobId } = summary;
    this.#remove(jobId);
    const out = new ByteWriter();
    codec.encode({ details, info }, out);
    const bytes = out.copy();
    this.#jobs.set(jobId, { summary, bytes, at: now });
    this.#bytes += bytes.length;
    this.#expire(now);
    for (const oldest of this.#jobs.keys()) {
      const fits = this.#jobs.size <= capacity && this.#bytes <= maxBytes;
      if (fits || this.#jobs.size === 1) break;
      this.#remove(oldest);
    }
  }

  get(jobId: string, now: Duration): EndedJob | undefined {
    this.#expire(now);
    const job = this.#jobs.get(jobId);
    if (job === undefined) return undefined;
    return { summary: job.summary, ...codec.decode(new ByteReader(job.bytes)) };
  }

  summaries(now: Duration): readonly JobSummary[] {
    this.#expire(now);
    return [...this.#jobs.values()].map(({ summary }) => summary);
  }

  /** F2. */
  #expire(now: Duration): void {
    for (const [jobId, { at }] of this.#jobs) {
      if (now - at < this.#options.expiration) return;
      this.#remove(jobId);
    }
  }

  #remove(jobId: string): void {
    this.#bytes -= this.#jobs.get(jobId)?.bytes.length ?? 0;
    this.#jobs.delete(jobId);
  }
}
