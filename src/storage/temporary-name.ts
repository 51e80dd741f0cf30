/**
 * Names of files that are not complete: hidden, beside the place where they will be, and known by
 * their beginning to whoever cleans up after somebody who was killed.
 */
import { EngineError, isEngineError } from '../base/errors.ts';
import type { Disk, DiskFile, Random } from '../env/env.ts';
import { parentOf } from '../env/durable-folder.ts';
import { joinUri } from './file-uri.ts';

const PREFIX = '.writing-';

/** @example temporaryPath('/data/a', random) // /data/.writing-a-0f3a77c1 */
export function temporaryPath(
  path: string,
  random: Pick<Random, 'bytes'>,
  name: string = path.slice(path.lastIndexOf('/') + 1),
): string {
  return joinUri(parentOf(path), temporaryName(name, randomHex(random, 4)));
}

export function temporaryName(name: string, id: string): string {
  return `${PREFIX}${name}-${id}`;
}

/** The name of the file that it is to become, with or without a folder; undefined for others. */
export function targetOfTemporary(name: string): string | undefined {
  return /^\.writing-(.+)-[0-9a-f]+$/s.exec(name)?.[1];
}

export function isTemporary(name: string): boolean {
  return name.startsWith(PREFIX);
}

/** Two digits for each byte. */
export function randomHex(random: Pick<Random, 'bytes'>, bytes: number): string {
  return Array.from(random.bytes(bytes), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** The file of such a name. @throws EngineError IO_NOT_FOUND, with the folder that is not there */
export async function createTemporary(disk: Disk, path: string): Promise<DiskFile> {
  try {
    return await disk.open(path, 'create');
  } catch (error) {
    if (!isEngineError(error, 'IO_NOT_FOUND')) throw error;
    throw new EngineError('IO_NOT_FOUND', { path: parentOf(path) }, { cause: error });
  }
}
