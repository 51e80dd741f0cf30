/** Where jobs and results are kept, as the configuration says. */
import { EngineError } from '../base/errors.ts';
import type { Configuration } from '../config/configuration.ts';
import { ClusterOptions } from '../config/options/cluster-options.ts';
import { HighAvailabilityOptions } from '../config/options/high-availability-options.ts';
import type { Env } from '../env/env.ts';
import { fileJobResultStore, fileJobStore } from '../ha/file-job-store.ts';
import { memoryJobResultStore, memoryJobStore } from '../ha/job-store.ts';
import type { JobResultStore, JobStore } from '../ha/job-store.ts';

/** Results of ended jobs that are kept. */
const RESULTS_MAX = 1000;

export interface HaStores {
  readonly jobs: JobStore;
  readonly results: JobResultStore;
}

/** @throws EngineError CONFIG_INVALID_VALUE, IO_*, HA_FILE_INVALID */
export async function openStores(
  env: Pick<Env, 'disk' | 'random'>,
  configuration: Configuration,
): Promise<HaStores> {
  const folder = storageFolder(env, configuration);
  if (folder === undefined) {
    return { jobs: memoryJobStore(), results: memoryJobResultStore(RESULTS_MAX) };
  }
  const [jobs, results] = await Promise.all([
    fileJobStore({ env, folder }),
    fileJobResultStore({ env, folder }, RESULTS_MAX),
  ]);
  return { jobs, results };
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
