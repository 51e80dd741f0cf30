/**
 * Jobs that have ended, as they were at their end: for a while, up to a number, up to a size. They
 * are kept as bytes, so that thousands of them cost little and are no work for the garbage
 * collector.
 *
 * F1. Never more jobs than `capacity`, never more bytes than `maxBytes` unless it is one job.
 * F3. A job that takes more than its share of `maxBytes` is kept without its history, or without
 *     its vertices, rather than that it takes the place of all others.
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

/** F3: of `maxBytes`. */
const SHARE = 1 / 4;

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
    const bytes = encodeWithin(maxBytes * SHARE, { details, info });
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

/** F3. */
function encodeWithin(limit: number, whole: Rest): Uint8Array {
  let bytes = encode(whole);
  for (const shorten of [withoutHistory, withoutVertices]) {
    if (bytes.length > limit) bytes = encode(shorten(whole));
  }
  return bytes;
}

function encode(job: Rest): Uint8Array {
  const out = new ByteWriter();
  codec.encode(job, out);
  return out.copy();
}

/** Of failures the last one, of attempts the last ones. */
function withoutHistory({ details, info }: Rest): Rest {
  const last = info.failures.slice(-1).map((failure) => ({ ...failure, concurrent: [] }));
  return {
    details: { ...details, failures: details.failures.slice(-1) },
    info: {
      ...info,
      vertices: info.vertices.map((vertex) => ({
        ...vertex,
        subtasks: vertex.subtasks.map((subtask) => ({ ...subtask, previous: [] })),
      })),
      failures: last,
      failuresTruncated: true,
    },
  };
}

function withoutVertices(job: Rest): Rest {
  const { details, info } = withoutHistory(job);
  return {
    details: { ...details, vertices: [] },
    info: { ...info, vertices: [], graph: undefined, accumulators: [] },
  };
}
