/**
 * Folders that are there after a loss of power: the entry of a folder is durable only when the
 * folder above it has been synced.
 */
import { isEngineError } from '../base/errors.ts';
import type { Disk } from '../env/env.ts';

/** Folders above that may be of an earlier process, which ended before it had synced them. */
const LEVELS = 3;
/** How folders of others refuse it. */
const REFUSED = ['IO_ACCESS_DENIED', 'IO_READ_ONLY'] as const;

/** Makes the folder, and its parents, for its owner alone. @throws EngineError IO_* */
export async function makeDurableFolder(disk: Disk, path: string): Promise<void> {
  const folder = disk.resolve(path);
  let missing = 0;
  for (let at = folder; at !== '' && (await disk.stat(at)) === undefined; at = above(at)) missing++;
  await disk.makeDirectory(folder, 'private');
  const parents: string[] = [];
  for (let at = folder; at !== '' && parents.length < Math.max(missing, LEVELS);) {
    at = above(at);
    parents.push(at === '' ? '/' : at);
  }
  // From the top, so that no entry is durable in a folder that is not.
  for (const [index, parent] of [...parents.entries()].reverse()) {
    try {
      await disk.syncDirectory(parent);
    } catch (error) {
      // Of others, and there before.
      if (index >= missing && REFUSED.some((code) => isEngineError(error, code))) continue;
      throw error;
    }
  }
}

function above(path: string): string {
  return path.slice(0, path.lastIndexOf('/'));
}
