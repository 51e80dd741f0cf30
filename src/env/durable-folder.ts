/**
 * Folders that are there after a loss of power: the entry of a folder is durable only when the
 * folder above it has been synced.
 */
import { isEngineError } from '../base/errors.ts';
import type { Access, Disk } from './env.ts';

/** Folders above that may be of somebody who ended before he had synced them. */
const LEVELS = 3;
/** How folders of others refuse it. */
const REFUSED = ['IO_ACCESS_DENIED', 'IO_READ_ONLY'] as const;

/** Makes the folder and its parents; `path` is absolute. @throws EngineError IO_* */
export async function makeDurableFolder(disk: Disk, path: string, access?: Access): Promise<void> {
  let missing = 0;
  for (let at = path; at !== '/' && (await disk.stat(at)) === undefined; at = parentOf(at)) {
    missing += 1;
  }
  await disk.makeDirectory(path, access);
  const parents: string[] = [];
  for (let at = path; parents.length < Math.max(missing, LEVELS) && parentOf(at) !== at;) {
    at = parentOf(at);
    parents.push(at);
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

/** The folder of an absolute path; the root is its own. */
export function parentOf(path: string): string {
  const parent = path.slice(0, path.lastIndexOf('/'));
  return parent === '' || parent.endsWith(':') ? `${parent}/` : parent;
}
