/** Folders that the hosts of a simulated cluster share, and what somebody outside sees there. */
import { AssertionError } from '../../src/base/assert.ts';
import type { Env } from '../../src/env/env.ts';

export const OUT = '/out';
export const CHECKPOINTS = '/checkpoints';
/** Of each host. */
export const COPIES = '/copies';

/** What an earlier job has left in the folder, which this one is to replace. */
export async function writeOldOutput({ disk }: Env): Promise<void> {
  for (let subtask = 0; subtask < 6; subtask += 1) {
    const file = await disk.open(`${OUT}/part-${subtask}-0.csv`, 'create');
    await file.write(new TextEncoder().encode(`old\n${subtask}\n`), 0);
    await file.sync();
    await file.close();
  }
  await disk.syncDirectory(OUT);
}

/** The rows of all files under their final names, as somebody outside sees them. */
export async function outputOf(env: Env, header: string): Promise<readonly string[]> {
  const rows: string[] = [];
  for (const path of await filesBelow(env, OUT)) {
    if (isHidden(path)) continue;
    const file = await env.disk.open(path, 'read');
    const bytes = new Uint8Array(await file.size());
    await file.read(bytes, 0);
    await file.close();
    const [first, ...lines] = new TextDecoder().decode(bytes).trimEnd().split('\n');
    if (first !== header) throw new AssertionError(`${path} begins with ${first}`);
    rows.push(...lines);
  }
  return rows.toSorted();
}

/** Its name begins with a dot. */
export function isHidden(path: string): boolean {
  return path[path.lastIndexOf('/') + 1] === '.';
}

/** Paths, in all folders of the folder; none if it is not there. */
export async function filesBelow(env: Env, folder: string): Promise<readonly string[]> {
  if ((await env.disk.stat(folder)) === undefined) return [];
  const found: string[] = [];
  for (const { name, kind } of await env.disk.list(folder)) {
    const path = `${folder}/${name}`;
    if (kind === 'directory') found.push(...(await filesBelow(env, path)));
    else found.push(path);
  }
  return found;
}

/** Paths, in all folders of the folder, of those that hold nothing. */
export async function emptyFoldersBelow(env: Env, folder: string): Promise<readonly string[]> {
  if ((await env.disk.stat(folder)) === undefined) return [];
  const found: string[] = [];
  for (const { name, kind } of await env.disk.list(folder)) {
    if (kind !== 'directory') continue;
    const path = `${folder}/${name}`;
    if ((await env.disk.list(path)).length === 0) found.push(path);
    found.push(...(await emptyFoldersBelow(env, path)));
  }
  return found;
}
