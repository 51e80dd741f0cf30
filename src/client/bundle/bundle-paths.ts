/**
 * Where the modules of a bundle lie: in which package, and under which name people find them in a
 * stack, without what is particular to the machine that bundled them.
 */
import type { Disk } from '../../env/env.ts';

/** Sources of the user's own files in stacks: `job:///src/orders.ts:12:5`. */
const OWN = 'job:///';
/** Sources of packages: `npm:zod/v4/core/parse.js:9:1`. */
const PACKAGED = 'npm:';
const MODULES = '/node_modules/';

export function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/';
}

/** The nearest folder at or above `folder` that has a package.json. */
export async function packageFolder(disk: Disk, folder: string): Promise<string | undefined> {
  for (let at = folder; ; at = folderOf(at)) {
    if ((await disk.stat(`${at}/package.json`))?.kind === 'file') return at;
    if (at === folderOf(at)) return undefined;
  }
}

/** As Node's resolver names it; undefined for a file that is in no `node_modules`. */
export function packageNameOf(path: string): string | undefined {
  const at = path.lastIndexOf(MODULES);
  if (at === -1) return undefined;
  return /^(?:@[^/]+\/)?[^/]+/.exec(path.slice(at + MODULES.length))?.[0];
}

/** The folder that all of the paths lie in. */
export function commonFolder(folders: readonly string[]): string {
  const [first = '/', ...rest] = folders;
  let common = first;
  for (const folder of rest) {
    while (common !== '/' && folder !== common && !folder.startsWith(`${common}/`)) {
      common = folderOf(common);
    }
  }
  return common;
}

/** What a stack calls a source; `root` is above all that is not in a package. */
export function sourceName(path: string, root: string): string {
  const at = path.lastIndexOf(MODULES);
  if (at !== -1) return PACKAGED + path.slice(at + MODULES.length);
  const prefix = root === '/' ? '/' : `${root}/`;
  return path.startsWith(prefix) ? OWN + path.slice(prefix.length) : `rolldown:${path}`;
}
