/**
 * Blobs as files of one folder, for one process: `<hash>.mjs`, and `*.part` while they come. The
 * folder and all in it are for the owner of the process alone.
 *
 * L1. A file `<hash>.mjs` appears whole, after its content was compared with its name.
 * L2. Paths are made of hashes and of names drawn here, of nothing else.
 */
import { assert } from '../base/assert.ts';
import { EngineError, isEngineError } from '../base/errors.ts';
import { fileUrl } from '../base/file-url.ts';
import { isSha256, Sha256 } from '../base/sha256.ts';
import type { Disk, DiskFile, Random } from '../env/env.ts';
import { BLOB_CHUNK_BYTES } from '../protocol/blob-service.ts';

const BLOB = '.mjs';
const PART = '.part';

export interface BlobFolderOptions {
  readonly env: { readonly disk: Disk; readonly random: Random };
  readonly path: string;
  readonly limitBytes: number;
}

export class BlobFolder {
  readonly #options: BlobFolderOptions;
  readonly #path: string;

  constructor(options: BlobFolderOptions) {
    this.#options = options;
    this.#path = options.env.disk.resolve(options.path);
  }

  /** Makes the folder, removes what was not completed, and tells what is there. */
  async open(): Promise<readonly { readonly hash: string; readonly size: number }[]> {
    const { disk } = this.#options.env;
    await disk.makeDirectory(this.#path, 'private');
    const blobs: { readonly hash: string; readonly size: number }[] = [];
    for (const { name, kind } of await disk.list(this.#path)) {
      const path = `${this.#path}/${name}`;
      const hash = name.slice(0, -BLOB.length);
      if (kind !== 'file') continue;
      if (name.endsWith(PART)) await disk.remove(path);
      else if (name.endsWith(BLOB) && isSha256(hash)) {
        blobs.push({ hash, size: (await disk.stat(path))?.size ?? 0 });
      }
    }
    return blobs;
  }

  /** Begins a blob. */
  async begin(): Promise<BlobPart> {
    const { env, limitBytes } = this.#options;
    const path = `${this.#path}/${env.random.uuid()}${PART}`;
    const file = await env.disk.open(path, 'create', 'private');
    return new BlobPart({ disk: env.disk, file, path, folder: this.#path, limitBytes });
  }

  urlOf(hash: string): string {
    return fileUrl(this.#pathOf(hash));
  }

  /** @throws EngineError BLOB_NOT_FOUND, BLOB_CORRUPT, IO_* */
  async verify(hash: string): Promise<void> {
    await this.#reading(hash, async (file) => {
      const sum = new Sha256();
      const piece = new Uint8Array(BLOB_CHUNK_BYTES);
      for (let at = 0; ;) {
        const count = await file.read(piece, at);
        if (count === 0) break;
        sum.update(piece.subarray(0, count));
        at += count;
      }
      requireHash(hash, sum.hex(), 'on the disk');
    });
  }

  /** At most `limit` bytes from `offset` on. @throws EngineError BLOB_NOT_FOUND, IO_* */
  read(hash: string, offset: number, limit: number): Promise<Uint8Array> {
    return this.#reading(hash, async (file) => {
      const into = new Uint8Array(Math.min(limit, Math.max((await file.size()) - offset, 0)));
      let filled = 0;
      while (filled < into.length) {
        const count = await file.read(into.subarray(filled), offset + filled);
        if (count === 0) break;
        filled += count;
      }
      return into.subarray(0, filled);
    });
  }

  remove(hash: string): Promise<void> {
    return this.#options.env.disk.remove(this.#pathOf(hash));
  }

  async removeAll(): Promise<void> {
    await this.#options.env.disk.remove(this.#path);
  }

  async #reading<T>(hash: string, work: (file: DiskFile) => Promise<T>): Promise<T> {
    let file: DiskFile;
    try {
      file = await this.#options.env.disk.open(this.#pathOf(hash), 'read');
    } catch (error) {
      throw isEngineError(error, 'IO_NOT_FOUND')
        ? new EngineError('BLOB_NOT_FOUND', { hash })
        : error;
    }
    try {
      return await work(file);
    } finally {
      await file.close();
    }
  }

  /** L2. */
  #pathOf(hash: string): string {
    assert(isSha256(hash), 'L2: a blob is named by its hash');
    return `${this.#path}/${hash}${BLOB}`;
  }
}

interface PartOptions {
  readonly disk: Disk;
  readonly file: DiskFile;
  readonly path: string;
  readonly folder: string;
  readonly limitBytes: number;
}

/** A blob that is being written. Calls do not overlap; `publish` or `abandon` ends it. */
export class BlobPart {
  readonly #options: PartOptions;
  readonly #sum = new Sha256();
  #size = 0;

  constructor(options: PartOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#size;
  }

  /** @throws EngineError BLOB_TOO_LARGE, IO_* */
  async append(bytes: Uint8Array): Promise<void> {
    const { file, limitBytes } = this.#options;
    const at = this.#size;
    requireSize(at + bytes.length, limitBytes);
    this.#size += bytes.length;
    this.#sum.update(bytes);
    await file.write(bytes, at);
  }

  /**
   * L1. Durable when it has resolved. @param expected the name that it should have, if known
   * @returns its hash @throws EngineError BLOB_CORRUPT, IO_*
   */
  async publish(expected: string | undefined, from: string): Promise<string> {
    const { disk, file, path, folder } = this.#options;
    const hash = this.#sum.hex();
    if (expected !== undefined) requireHash(expected, hash, from);
    await file.sync();
    await file.close();
    await disk.rename(path, `${folder}/${hash}${BLOB}`);
    await disk.syncDirectory(folder);
    return hash;
  }

  /** Idempotent. */
  async abandon(): Promise<void> {
    await this.#options.file.close();
    await this.#options.disk.remove(this.#options.path);
  }
}

/** @throws EngineError BLOB_TOO_LARGE */
export function requireSize(bytes: number, limitBytes: number): void {
  if (bytes <= limitBytes) return;
  const limit = `${Math.floor(limitBytes / 2 ** 20)} MiB`;
  throw new EngineError('BLOB_TOO_LARGE', { limit });
}

function requireHash(expected: string, actual: string, from: string): void {
  if (actual === expected) return;
  throw new EngineError('BLOB_CORRUPT', { hash: expected, actual, from });
}
