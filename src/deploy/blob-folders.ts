/**
 * Where the processes of this machine keep the bundles of jobs: each in a folder of its own, named
 * by the process, below that of its cluster. What processes have left that were killed goes when
 * the next one starts. Where jobs outlive their JobManager, their bundles lie beside them.
 */
import manifest from '../../package.json' with { type: 'json' };
import { messageOf } from '../base/errors.ts';
import type { Configuration } from '../config/configuration.ts';
import { BlobOptions } from '../config/options/blob-options.ts';
import type { Env, ProcessRole } from '../env/env.ts';
import { ClusterDirectory } from './cluster-directory.ts';
import { storageFolder } from './ha-stores.ts';
import type { BlobStart } from './job-blobs.ts';

type FolderEnv = Pick<Env, 'disk' | 'processes' | 'terminal' | 'random' | 'log'>;

/** @throws EngineError CLUSTER_HOME_UNKNOWN, IO_* */
export async function blobStart(
  env: FolderEnv,
  configuration: Configuration,
  role: ProcessRole,
): Promise<BlobStart> {
  const { disk, processes } = env;
  const stored = role === 'jobmanager' ? storageFolder(env, configuration) : undefined;
  // The jobs that the next JobManager finds need their code.
  if (stored !== undefined) {
    return { folder: `${stored}/blobs`, engine: manifest.version, keep: true };
  }
  const configured = configuration.get(BlobOptions.storageDirectory);
  const base = disk.resolve(configured ?? ClusterDirectory.of(env, configuration).folder('blobs'));
  // Its own folder in it is private; a folder of others stays as it is.
  await disk.makeDirectory(base);
  await removeLeft(env, base);
  const name = folderName(role, processes.pid, (await processes.identify(processes.pid)) ?? '');
  return { folder: `${base}/${name}`, engine: manifest.version };
}

function folderName(role: string, pid: number, identity: string): string {
  return `${role}-${pid}-${identity.replaceAll(/[^\w.]/g, '_')}`;
}

const FOLDER = /^(jobmanager|taskmanager)-(\d+)-[\w.]*$/;

/** Of processes that are not there any more. */
async function removeLeft({ disk, processes, log }: FolderEnv, base: string): Promise<void> {
  for (const { name, kind } of await disk.list(base)) {
    const [, role, pid] = FOLDER.exec(name) ?? [];
    if (kind !== 'directory' || role === undefined) continue;
    const identity = await processes.identify(Number(pid));
    if (identity !== undefined && folderName(role, Number(pid), identity) === name) continue;
    try {
      await disk.remove(`${base}/${name}`);
    } catch (error) {
      // Somebody else's, or removed by another process that starts just now.
      log.write('warn', `${base}/${name} was not removed: ${messageOf(error)}`);
    }
  }
}
