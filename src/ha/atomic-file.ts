/**
 * Files that are there whole or not at all, whatever is killed or loses its power: written beside
 * their place, made durable, then moved there.
 */
import { isEngineError } from '../base/errors.ts';
import type { Access, DiskFile, Env } from '../env/env.ts';

/** Begins the names of files that are not whole yet; left by who was killed. */
export const TEMPORARY_PREFIX = '.writing-';

export interface FilePlace {
  readonly folder: string;
  readonly name: string;
}

type FileEnv = Pick<Env, 'disk' | 'random'>;

/** Replaces what is there. Durable once it has resolved. @throws EngineError IO_* */
export async function writeAtomically(
  env: FileEnv,
  place: FilePlace,
  content: Uint8Array,
  access?: Access,
): Promise<void> {
  await publish(env, place, { content, access }, (from, to) => env.disk.rename(from, to));
}

/** Leaves what is there. @returns whether it is this content. @throws EngineError IO_* */
export async function writeOnce(
  env: FileEnv,
  place: FilePlace,
  content: Uint8Array,
  access?: Access,
): Promise<boolean> {
  try {
    await publish(env, place, { content, access }, (from, to) => env.disk.link(from, to));
    return true;
  } catch (thrown) {
    if (isEngineError(thrown, 'IO_EXISTS')) return false;
    throw thrown;
  }
}

async function publish(
  { disk, random }: FileEnv,
  { folder, name }: FilePlace,
  { content, access }: { readonly content: Uint8Array; readonly access: Access | undefined },
  move: (from: string, to: string) => Promise<void>,
): Promise<void> {
  const path = `${folder}/${TEMPORARY_PREFIX}${name}-${random.uuid().slice(0, 8)}`;
  try {
    const file = await disk.open(path, 'create', access);
    try {
      await file.write(content, 0);
      await file.sync();
    } finally {
      await file.close();
    }
    await move(path, `${folder}/${name}`);
  } finally {
    await disk.remove(path);
  }
  await disk.syncDirectory(folder);
}

/** The whole content; undefined if there is no such file. @throws EngineError IO_* */
export async function readWhole(
  { disk }: Pick<Env, 'disk'>,
  path: string,
): Promise<Uint8Array | undefined> {
  let file;
  try {
    file = await disk.open(path, 'read');
  } catch (thrown) {
    if (isEngineError(thrown, 'IO_NOT_FOUND')) return undefined;
    throw thrown;
  }
  try {
    return await readAll(file);
  } finally {
    await file.close();
  }
}

export async function readAll(file: DiskFile): Promise<Uint8Array> {
  const content = new Uint8Array(await file.size());
  let done = 0;
  while (done < content.length) {
    const count = await file.read(content.subarray(done), done);
    if (count === 0) break;
    done += count;
  }
  return content.subarray(0, done);
}
