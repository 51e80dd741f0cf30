/**
 * What runs of a cluster on this machine: known by its `cluster.json`, and believed only where the
 * processes in it are still those.
 */
import type { Env } from '../env/env.ts';
import type { ClusterDirectory, ClusterFile, ProcessRecord } from './cluster-directory.ts';

type ProcessesOf = Pick<Env, 'processes'>;

export interface ClusterState {
  readonly directory: ClusterDirectory;
  /** As written down. */
  readonly file: ClusterFile;
  /** Those that live. */
  readonly alive: readonly ProcessRecord[];
}

/**
 * Undefined if nothing was ever started, or it was stopped.
 * @throws EngineError CLUSTER_FILE_INVALID
 */
export async function clusterState(
  env: ProcessesOf,
  directory: ClusterDirectory,
): Promise<ClusterState | undefined> {
  const file = await directory.read();
  if (file === undefined) return undefined;
  const known = await Promise.all(
    file.processes.map(async (record) => ((await isAlive(env, record)) ? [record] : [])),
  );
  return { directory, file, alive: known.flat() };
}

/** Whether a process is there, and the one that was written down. */
export async function isAlive(
  { processes }: ProcessesOf,
  { pid, identity }: ProcessRecord,
): Promise<boolean> {
  return (await processes.identify(pid)) === identity;
}
