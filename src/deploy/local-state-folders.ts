/** Where a TaskManager keeps copies of the state of its slots: folders that are its own. */
import { messageOf } from '../base/errors.ts';
import type { Configuration } from '../config/configuration.ts';
import { CheckpointingOptions } from '../config/options/checkpointing-options.ts';
import type { Env } from '../env/env.ts';
import { ClusterDirectory } from './cluster-directory.ts';
import { processFolder } from './process-folders.ts';

/**
 * Those of processes that were killed are removed. A folder that cannot be used is left out, and
 * told: copies are for speed.
 */
export async function localStateFolders(
  env: Pick<Env, 'disk' | 'processes' | 'terminal' | 'random' | 'log'>,
  configuration: Configuration,
): Promise<readonly string[] | undefined> {
  const folders: string[] = [];
  for (const base of localStateBases(env, configuration)) {
    try {
      folders.push(await processFolder(env, base, 'taskmanager'));
    } catch (thrown) {
      env.log.write('warn', `no copies of state are kept in ${base}: ${messageOf(thrown)}`);
    }
  }
  return folders.length === 0 ? undefined : folders;
}

/** Below which each TaskManager has a folder of its own. */
export function localStateBases(
  env: Pick<Env, 'disk' | 'terminal' | 'random'>,
  configuration: Configuration,
): readonly string[] {
  const configured = configuration.get(CheckpointingOptions.localFolders);
  const bases = configured?.split(',').flatMap((each) => each.trim() || []) ?? [
    // Only then: it takes a home folder, which not every machine has.
    ClusterDirectory.of(env, configuration).folder('local-state'),
  ];
  return bases.map((base) => env.disk.resolve(base));
}
