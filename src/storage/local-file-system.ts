/**
 * Files of a disk, which may be one that many machines share. What is being written has a name of
 * its own beside the place where it will be, is synced, and then moved there.
 *
 * Invariants
 * L1. Whatever a process was killed at or a machine lost, a file that has not a temporary name is
 *     whole, and one whose `finish`, `writeIf` or `commit` has resolved is there.
 * L2. Where an operation has failed, the temporary file is removed (by `abort`, which may be tried
 *     again where it fails itself); only who is killed leaves one, and its name says so.
 * L3. A file whose sync has failed is given up, never tried again as if it were clean.
 * L4. A long file is synced as it is written, by one sync at a time, so that what is left to be
 *     done at its end is little: the disk works while the bytes come.
 */
import { EngineError, isEngineError } from '../base/errors.ts';
import type { DirectoryEntry, DiskFile, Env } from '../env/env.ts';
import { makeDurableFolder, parentOf } from '../env/durable-folder.ts';
import type {
  FileEntry,
  FileInput,
  FileOutput,
  FileStatus,
  FileSystem,
  IncompleteFiles,
  RecoverableWriter,
} from './file-system.ts';
import { joinUri } from './file-uri.ts';
import { LocalRecoverableWriter } from './local-recoverable-writer.ts';
import { localPath, localUri } from './local-path.ts';
import {
  createTemporary,
  isTemporary,
  targetOfTemporary,
  temporaryPath,
} from './temporary-name.ts';

export type LocalEnv = Pick<Env, 'disk' | 'random'>;

export class LocalFileSystem implements FileSystem {
  readonly scheme = 'file';
  readonly #env: LocalEnv;

  constructor(env: LocalEnv) {
    this.#env = env;
  }

  resolve(uri: string): string {
    return localUri(this.#path(uri));
  }

  async open(uri: string): Promise<FileInput> {
    const path = this.#path(uri);
    const status = await this.#env.disk.stat(path);
    if (status?.kind === 'directory') throw failed('read', path, FOLDER);
    const file = await this.#env.disk.open(path, 'read');
    try {
      return new LocalInput(file, path, await file.size());
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  async create(uri: string): Promise<FileOutput> {
    const path = this.#path(uri);
    const temporary = temporaryPath(path, this.#env.random);
    const file = await createTemporary(this.#env.disk, temporary);
    return new LocalOutput({ env: this.#env, file, temporary, path });
  }

  async writeIf(uri: string, bytes: Uint8Array, condition: 'absent' | 'any'): Promise<boolean> {
    const { disk, random } = this.#env;
    const path = this.#path(uri);
    const temporary = temporaryPath(path, random);
    let ours: string | undefined = temporary;
    try {
      await writeWhole(await createTemporary(disk, temporary), bytes);
      if (condition === 'any') {
        await disk.rename(temporary, path);
        ours = undefined;
      } else {
        await disk.link(temporary, path);
        ours = path;
        await disk.remove(temporary);
      }
      await disk.syncDirectory(parentOf(path));
      return true;
    } catch (error) {
      if (ours !== undefined) await disk.remove(ours).catch(ignoreSecond);
      await disk.remove(temporary).catch(ignoreSecond);
      if (condition === 'absent' && isEngineError(error, 'IO_EXISTS')) return false;
      throw error;
    }
  }

  async stat(uri: string): Promise<FileStatus | undefined> {
    const status = await this.#env.disk.stat(this.#path(uri));
    if (status === undefined || status.kind === 'other') return undefined;
    const { kind, size, modified } = status;
    if (kind === 'directory') return { kind: 'folder', size: 0, modified };
    return { kind, size, modified };
  }

  async list(uri: string): Promise<readonly FileEntry[]> {
    const path = this.#path(uri);
    return (await this.#entries(path)).flatMap(({ name, kind }): FileEntry[] => {
      if (kind === 'other' || isTemporary(name)) return [];
      const entry = localUri(joinUri(path, name));
      return [{ name, uri: entry, kind: kind === 'file' ? 'file' : 'folder' }];
    });
  }

  makeFolder(uri: string): Promise<void> {
    return makeDurableFolder(this.#env.disk, this.#path(uri));
  }

  async remove(uri: string, options?: { readonly recursive?: boolean | undefined }): Promise<void> {
    const { disk } = this.#env;
    const path = this.#path(uri);
    const status = await disk.stat(path);
    if (status === undefined) return;
    if (status.kind === 'directory' && options?.recursive !== true) {
      throw failed('remove', path, FOLDER);
    }
    if (parentOf(path) === path) throw failed('remove', path, 'it is the root of the disk');
    await disk.remove(path);
    await this.#syncParent(path);
  }

  async removeFiles(uris: readonly string[]): Promise<void> {
    const { disk } = this.#env;
    const paths = uris.map((uri) => this.#path(uri));
    for (const path of paths) {
      if ((await disk.stat(path))?.kind === 'directory') throw failed('remove', path, FOLDER);
      await disk.remove(path);
    }
    const folders = new Map(paths.map((path) => [parentOf(path), path]));
    for (const path of folders.values()) await this.#syncParent(path);
  }

  removeIncomplete(uri: string, which: IncompleteFiles = {}): Promise<void> {
    return this.#removeIncomplete(this.#path(uri), which);
  }

  recoverableWriter(): RecoverableWriter {
    return new LocalRecoverableWriter(this.#env);
  }

  async #removeIncomplete(path: string, which: IncompleteFiles): Promise<void> {
    const { disk } = this.#env;
    const entries = await this.#entries(path);
    const left = entries.filter(({ name, kind }) => {
      if (kind !== 'file' || !isTemporary(name)) return false;
      const target = targetOfTemporary(name);
      return which.of === undefined || (target !== undefined && which.of(target));
    });
    for (const { name } of left) await disk.remove(joinUri(path, name));
    if (left.length > 0) await disk.syncDirectory(path);
    if (which.recursive !== true) return;
    for (const { name, kind } of entries) {
      if (kind === 'directory') await this.#removeIncomplete(joinUri(path, name), which);
    }
  }

  /** None, if there is no such folder. */
  async #entries(path: string): Promise<readonly DirectoryEntry[]> {
    try {
      return await this.#env.disk.list(path);
    } catch (error) {
      if (isEngineError(error, 'IO_NOT_FOUND')) return [];
      throw error;
    }
  }

  /** The folder may be gone as well. */
  async #syncParent(path: string): Promise<void> {
    try {
      await this.#env.disk.syncDirectory(parentOf(path));
    } catch (error) {
      if (!isEngineError(error, 'IO_NOT_FOUND')) throw error;
    }
  }

  #path(uri: string): string {
    return localPath(this.#env.disk, uri);
  }
}

const FOLDER = 'it is a folder';

export class LocalInput implements FileInput {
  readonly name: string;
  readonly size: number;
  readonly #file: DiskFile;

  constructor(file: DiskFile, path: string, size: number) {
    this.name = localUri(path);
    this.size = size;
    this.#file = file;
  }

  async read(position: number, length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length;) {
      const count = await this.#file.read(bytes.subarray(done), position + done);
      if (count === 0) {
        const reason = `it ends before byte ${position + length}`;
        throw failed('read', this.name, reason);
      }
      done += count;
    }
    return bytes;
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

/** L4 */
const SYNC_BYTES = 32 * 1024 * 1024;

interface LocalOutputOptions {
  readonly env: LocalEnv;
  readonly file: DiskFile;
  readonly temporary: string;
  readonly path: string;
}

class LocalOutput implements FileOutput {
  readonly #options: LocalOutputOptions;
  /** Where the bytes are now. */
  #place: string;
  #size = 0;
  /** L4 */
  #syncedFrom = 0;
  #syncing: Promise<void> | undefined = undefined;
  #failure: { readonly error: unknown } | undefined = undefined;
  #ended: 'finished' | 'aborted' | undefined = undefined;

  constructor(options: LocalOutputOptions) {
    this.#options = options;
    this.#place = options.temporary;
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#rethrow();
    await this.#options.file.write(bytes, this.#size);
    this.#size += bytes.length;
    if (this.#size - this.#syncedFrom < SYNC_BYTES || this.#syncing !== undefined) return;
    this.#syncedFrom = this.#size;
    this.#syncing = this.#sync();
  }

  #rethrow(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** L4. Never rejects: L3 is told of by who asks for what comes after. */
  async #sync(): Promise<void> {
    try {
      await this.#options.file.sync();
    } catch (error) {
      this.#failure = { error };
    }
    this.#syncing = undefined;
  }

  /** L1, L3. */
  async finish(): Promise<{ readonly size: number }> {
    const { env, file, temporary, path } = this.#options;
    await this.#syncing;
    this.#rethrow();
    await file.sync();
    await file.close();
    await env.disk.rename(temporary, path);
    this.#place = path;
    await env.disk.syncDirectory(parentOf(path));
    this.#ended = 'finished';
    return { size: this.#size };
  }

  /** L2. */
  async abort(): Promise<void> {
    if (this.#ended !== undefined) return;
    const { env, file } = this.#options;
    await this.#syncing;
    try {
      await file.close();
    } finally {
      await env.disk.remove(this.#place);
    }
    this.#ended = 'aborted';
  }
}

async function writeWhole(file: DiskFile, bytes: Uint8Array): Promise<void> {
  try {
    await file.write(bytes, 0);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** A file could not be removed after something else had failed, which is told. */
function ignoreSecond(): void {}

function failed(operation: string, path: string, reason: string): EngineError {
  return new EngineError('IO_FAILED', { operation, path, reason });
}
