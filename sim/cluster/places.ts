/** The folders that the hosts of a simulated cluster share, and what must be in them when. */
import { AssertionError } from '../../src/base/assert.ts';
import type { Env } from '../../src/env/env.ts';
import { handlesOf } from '../../src/storage/checkpoint-metadata.ts';
import { FileSystems } from '../../src/storage/file-systems.ts';
import { openHandle, readCheckpoint } from '../../src/storage/stored-checkpoint.ts';

export const OUT = '/out';
export const CHECKPOINTS = '/checkpoints';

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
export async function outputOf({ disk }: Env, header: string): Promise<readonly string[]> {
  const rows: string[] = [];
  for (const { name } of await disk.list(OUT)) {
    if (name.startsWith('.')) continue;
    const file = await disk.open(`${OUT}/${name}`, 'read');
    const bytes = new Uint8Array(await file.size());
    await file.read(bytes, 0);
    await file.close();
    const [first, ...lines] = new TextDecoder().decode(bytes).trimEnd().split('\n');
    if (first !== header) throw new AssertionError(`${name} begins with ${first}`);
    rows.push(...lines);
  }
  return rows.toSorted();
}

export interface CheckpointsLeft {
  /** Files stayed because of a fault, which was told. */
  readonly isTold: boolean;
  readonly lastJob: string;
  /** Of which a user was told that they are complete. */
  readonly savepoints: readonly string[];
}

/**
 * Of the checkpoints of a job that has finished nothing stays, unless a fault was in the way of
 * their removal; a savepoint is there whole.
 */
export async function checkpointsLeft(env: Env, options: CheckpointsLeft): Promise<void> {
  for (const path of options.savepoints) await requireWhole(env, path);
  if (options.isTold) return;
  const folder = `${CHECKPOINTS}/${options.lastJob}`;
  if ((await env.disk.stat(folder)) === undefined) return;
  const left = await filesBelow(env, folder);
  if (left.length > 0) throw new AssertionError(`checkpoints have left ${left.join(', ')}`);
}

/** All that it names is there, in its size. */
async function requireWhole(env: Env, path: string): Promise<void> {
  const fileSystems = FileSystems.create(env);
  const { metadata } = await readCheckpoint(fileSystems, path);
  for (const handle of handlesOf(metadata)) {
    const input = await openHandle(fileSystems, handle);
    await input.close();
  }
}

async function filesBelow(env: Env, folder: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (const { name, kind } of await env.disk.list(folder)) {
    const path = `${folder}/${name}`;
    if (kind === 'directory') found.push(...(await filesBelow(env, path)));
    else found.push(path);
  }
  return found;
}
