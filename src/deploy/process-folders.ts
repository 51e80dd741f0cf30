/**
 * Folders of one process below one that the processes of a machine share: named by the process, so
 * that what was left by one that was killed goes when the next one starts, or the cluster is
 * stopped.
 */
import { isEngineError, messageOf } from '../base/errors.ts';
import type { DirectoryEntry, Disk, Env, ProcessRole } from '../env/env.ts';

export type FolderEnv = Pick<Env, 'disk' | 'processes' | 'log'>;

/** @returns the path of its own folder in `base`; neither is made */
export async function processFolder(
  env: FolderEnv,
  base: string,
  role: ProcessRole,
): Promise<string> {
  const { processes } = env;
  await removeLeftFolders(env, base);
  const identity = (await processes.identify(processes.pid)) ?? '';
  return `${base}/${folderName(role, processes.pid, identity)}`;
}

function folderName(role: string, pid: number, identity: string): string {
  return `${role}-${pid}-${identity.replaceAll(/[^\w.]/g, '_')}`;
}

const FOLDER = /^(jobmanager|taskmanager)-(\d+)-[\w.]*$/;

/** Of processes that are not there any more. */
export async function removeLeftFolders(
  { disk, processes, log }: FolderEnv,
  base: string,
): Promise<void> {
  for (const { name, kind } of await entriesOf(disk, base)) {
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

async function entriesOf(disk: Disk, base: string): Promise<readonly DirectoryEntry[]> {
  try {
    return await disk.list(base);
  } catch (thrown) {
    if (isEngineError(thrown, 'IO_NOT_FOUND')) return [];
    throw thrown;
  }
}
