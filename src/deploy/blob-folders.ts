/**
 * Where the processes of this machine keep the bundles of jobs: each in a folder of its own, named
 * by the process, below that of its cluster. What processes have left that were killed goes when
 * the next one starts. Where jobs outlive their JobManager, their bundles lie beside them.
 */
import manifest from '../../package.json' with { type: 'json' };
import type { Configuration } from '../config/configuration.ts';
import { BlobOptions } from '../config/options/blob-options.ts';
import type { Env, ProcessRole } from '../env/env.ts';
import { ClusterDirectory } from './cluster-directory.ts';
import { storageFolder } from './ha-stores.ts';
import type { BlobStart } from './job-blobs.ts';
import { processFolder } from './process-folders.ts';
import type { FolderEnv as ProcessFolderEnv } from './process-folders.ts';

type FolderEnv = ProcessFolderEnv & Pick<Env, 'terminal' | 'random'>;

/** @throws EngineError CLUSTER_HOME_UNKNOWN, IO_* */
export async function blobStart(
  env: FolderEnv,
  configuration: Configuration,
  role: ProcessRole,
): Promise<BlobStart> {
  const { disk } = env;
  const stored = role === 'jobmanager' ? storageFolder(env, configuration) : undefined;
  // The jobs that the next JobManager finds need their code.
  if (stored !== undefined) {
    return { folder: `${stored}/blobs`, engine: manifest.version, keep: true };
  }
  const base = blobBase(env, configuration);
  // Its own folder in it is private; a folder of others stays as it is.
  await disk.makeDirectory(base);
  return { folder: await processFolder(env, base, role), engine: manifest.version };
}

/** Below which each process has a folder of its own, unless its jobs outlive it. */
export function blobBase(
  env: Pick<Env, 'disk' | 'terminal' | 'random'>,
  configuration: Configuration,
): string {
  const configured = configuration.get(BlobOptions.storageDirectory);
  return env.disk.resolve(configured ?? ClusterDirectory.of(env, configuration).folder('blobs'));
}
