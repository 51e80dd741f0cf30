/**
 * Jobs and their results on a disk, for a JobManager that is started again where the one before was
 * killed, or on another machine that sees the same folder.
 *
 * Invariants
 * H1. All changes of one job are written one after another, in the order in which they were asked.
 * H2. At most `limit` results are kept; the oldest go.
 */
import { EngineError, messageOf } from '../base/errors.ts';
import type { Env } from '../env/env.ts';
import type { JobResult } from '../protocol/job-report.ts';
import { decodeStored, encodeStored } from '../protocol/stored-job.ts';
import type { StoredJob } from '../protocol/stored-job.ts';
import type { JobResultStore, JobStore } from './job-store.ts';
import { StoredFiles } from './stored-files.ts';

export interface FileStoreOptions {
  readonly env: Pick<Env, 'disk' | 'random'>;
  /** Of this cluster alone. */
  readonly folder: string;
  /** Asked before every change: rejects if the folder is another's. */
  readonly confirm: () => Promise<void>;
}

/** @throws EngineError IO_*, HA_FILE_INVALID */
export async function fileJobStore({ env, folder, confirm }: FileStoreOptions): Promise<JobStore> {
  const files = await StoredFiles.open({ env, folder: `${folder}/jobs`, kind: 'job', confirm });
  const read = async (id: string): Promise<StoredJob | undefined> => {
    const bytes = await files.get(id);
    return bytes && decoded<StoredJob>(files, id, bytes);
  };
  const inOrder = queues();
  /** Of a job that is there. */
  const change = (id: string, by: (job: StoredJob) => StoredJob): Promise<StoredJob> =>
    inOrder(id, async () => {
      const job = await read(id);
      if (job === undefined) throw files.invalid(id, 'it is not there any more');
      const changed = by(job);
      await files.put(id, encodeStored(changed));
      return changed;
    });
  return {
    put: (submission) => {
      const { jobId } = submission.job;
      const bytes = encodeStored({ submission, decision: undefined, masters: 1 });
      return inOrder(jobId, () => files.put(jobId, bytes));
    },
    takeOver: (jobId) => change(jobId, (job) => ({ ...job, masters: job.masters + 1 })),
    decide: async (jobId, decision) => {
      await change(jobId, (job) => ({ ...job, decision }));
    },
    name: async (jobId, name) => {
      await change(jobId, (job) => ({ ...job, name }));
    },
    remove: (jobId) => inOrder(jobId, () => files.remove(jobId)),
    all: async () => {
      const jobs: StoredJob[] = [];
      for (const id of await files.ids()) {
        const job = await read(id);
        if (job !== undefined) jobs.push(job);
      }
      return jobs;
    },
  };
}

/** Ids of the jobs in the folder of a cluster, which nobody need hold. @throws EngineError IO_* */
export async function storedJobs(
  { disk }: Pick<Env, 'disk'>,
  folder: string,
): Promise<readonly string[]> {
  const jobs = `${folder}/jobs`;
  if ((await disk.stat(jobs)) === undefined) return [];
  const ids = (await disk.list(jobs)).map(({ name }) => /^(\w[^.]*)\.job$/.exec(name)?.[1]);
  return ids.filter((id) => id !== undefined).toSorted();
}

/** H2. @throws EngineError IO_*, HA_FILE_INVALID */
export async function fileJobResultStore(
  { env, folder, confirm }: FileStoreOptions,
  limit: number,
): Promise<JobResultStore> {
  const results = `${folder}/results`;
  const files = await StoredFiles.open({ env, folder: results, kind: 'result', confirm });
  /** The oldest first. */
  const known = new Set(await byAge(env, results, await files.ids()));
  const inOrder = queues();
  return {
    put: (result) =>
      inOrder('', async () => {
        await files.put(result.jobId, encodeStored(result));
        known.delete(result.jobId);
        known.add(result.jobId);
        for (const oldest of known) {
          if (known.size <= limit) break;
          await files.remove(oldest);
          known.delete(oldest);
        }
      }),
    get: async (jobId) => {
      const bytes = await files.get(jobId);
      return bytes && decoded<JobResult>(files, jobId, bytes);
    },
  };
}

async function byAge(
  { disk }: Pick<Env, 'disk'>,
  folder: string,
  ids: readonly string[],
): Promise<readonly string[]> {
  const ages = new Map<string, number>();
  for (const id of ids) {
    ages.set(id, (await disk.stat(`${folder}/${id}.result`))?.modified ?? 0);
  }
  return ids.toSorted((left, right) => ages.get(left)! - ages.get(right)!);
}

function decoded<T extends StoredJob | JobResult>(
  files: StoredFiles,
  id: string,
  bytes: Uint8Array,
): T {
  try {
    return decodeStored<T>(bytes);
  } catch (thrown) {
    const reason = `it cannot be read: ${messageOf(thrown)}`;
    const { code, parameters } = files.invalid(id, reason);
    throw new EngineError(code, parameters, { cause: thrown });
  }
}

/** H1. */
function queues(): <T>(key: string, work: () => Promise<T>) => Promise<T> {
  const last = new Map<string, Promise<unknown>>();
  return (key, work) => {
    const before = last.get(key) ?? Promise.resolve();
    const next = before.then(work, work);
    last.set(key, next);
    const forget = (): void => {
      if (last.get(key) === next) last.delete(key);
    };
    next.then(forget, forget);
    return next;
  };
}
