/** Where jobs and results are kept, as the configuration says. */
import { EngineError } from '../base/errors.ts';
import type { Configuration } from '../config/configuration.ts';
import { ClusterOptions } from '../config/options/cluster-options.ts';
import { HighAvailabilityOptions } from '../config/options/high-availability-options.ts';
import type { Env } from '../env/env.ts';
import { fileCheckpointPointers, memoryCheckpointPointers } from '../ha/checkpoint-pointers.ts';
import { fileJobResultStore, fileJobStore } from '../ha/file-job-store.ts';
import { FolderLock } from '../ha/folder-lock.ts';
import { memoryJobResultStore, memoryJobStore } from '../ha/job-store.ts';
import type { JobResultStore, JobStore } from '../ha/job-store.ts';
import { StoredFiles } from '../ha/stored-files.ts';
import type { CheckpointPointers } from '../protocol/stored-checkpoints.ts';

/** Results of ended jobs that are kept. */
const RESULTS_MAX = 1000;

export interface HaStores {
  readonly jobs: JobStore;
  readonly results: JobResultStore;
  /** Which checkpoints of a job are complete. */
  readonly pointersOf: (jobId: string) => CheckpointPointers;
  /** Where checkpoints lie for which nobody names a place; undefined: in memory. */
  readonly checkpointFolder: string | undefined;
  /** Gives the folder to the next JobManager. */
  readonly close: () => Promise<void>;
}

export interface StoresOptions {
  readonly env: Pick<Env, 'clock' | 'disk' | 'random' | 'processes' | 'machine'>;
  readonly configuration: Configuration;
  /** The folder is another JobManager's. */
  readonly onLost: (error: EngineError) => void;
}

/** @throws EngineError CONFIG_INVALID_VALUE, IO_*, HA_FILE_INVALID, HA_STORAGE_HELD */
export async function openStores(options: StoresOptions): Promise<HaStores> {
  const { env, configuration, onLost } = options;
  const folder = storageFolder(env, configuration);
  if (folder === undefined) {
    const results = memoryJobResultStore(RESULTS_MAX);
    const pointersOf = memoryCheckpointPointers;
    const close = async (): Promise<void> => undefined;
    return { jobs: memoryJobStore(), results, pointersOf, checkpointFolder: undefined, close };
  }
  const holder = { host: env.machine.hostName, pid: env.processes.pid };
  const lock = await FolderLock.take({ env, folder, holder, onLost });
  const place = { env, folder, confirm: () => lock.confirm() };
  try {
    const [jobs, results, pointers] = await Promise.all([
      fileJobStore(place),
      fileJobResultStore(place, RESULTS_MAX),
      StoredFiles.open({ ...place, folder: `${folder}/checkpoints`, kind: 'checkpoints' }),
    ]);
    const remove = async (jobId: string): Promise<void> => {
      await pointers.remove(jobId);
      await jobs.remove(jobId);
    };
    return {
      jobs: { ...jobs, remove },
      results,
      pointersOf: (jobId) => fileCheckpointPointers(pointers, jobId),
      checkpointFolder: `${folder}/checkpoint-files`,
      close: () => lock.release(),
    };
  } catch (thrown) {
    await lock.release();
    throw thrown;
  }
}

/**
 * Where what outlives a JobManager of the cluster lies; undefined if nothing does.
 * @throws EngineError CONFIG_INVALID_VALUE
 */
export function storageFolder(
  env: Pick<Env, 'disk'>,
  configuration: Configuration,
): string | undefined {
  const { type, storageDir } = HighAvailabilityOptions;
  if (configuration.get(type) === 'none') return undefined;
  const given = configuration.get(storageDir);
  if (given === undefined) {
    throw new EngineError('CONFIG_INVALID_VALUE', {
      key: storageDir.key,
      value: 'unset',
      expected: `a folder that outlives this process, for ${type.key}=filesystem`,
    });
  }
  const clusterId = configuration.get(ClusterOptions.clusterId);
  return `${env.disk.resolve(pathOf(given))}/${clusterId}`;
}

/** A path, or what Flink takes: `file:///path`. @throws EngineError CONFIG_INVALID_VALUE */
function pathOf(text: string): string {
  const scheme = /^([a-z][a-z0-9+.-]+):/i.exec(text)?.[1]?.toLowerCase();
  if (scheme === undefined) return text;
  const path = /^file:(?:\/\/)?(\/[^/].*)$/.exec(text)?.[1];
  if (scheme === 'file' && path !== undefined) return decodeURIComponent(path);
  throw new EngineError('CONFIG_INVALID_VALUE', {
    key: HighAvailabilityOptions.storageDir.key,
    value: JSON.stringify(text),
    expected: 'a path, or file:///path',
  });
}
