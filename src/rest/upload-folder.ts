/**
 * Uploaded bundles in the folder of `web.upload.dir`, from which a JobManager that is started again
 * takes them: a file for each, under its id.
 *
 * U1. A file has its name when it is whole and durable, and the bundle is one that can be run.
 * U2. Names are made of ids drawn here. Other files are nobody's, and stay as they are.
 */
import { isEngineError } from '../base/errors.ts';
import type { Disk, DiskFile } from '../env/env.ts';

/** As Flink calls it, so that a folder that others use, too, is not taken for one's own. */
const FOLDER = 'flink-web-upload';
const PART = '.part';
const ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}_[A-Za-z0-9._-]{1,100}$/;
const CHUNK_BYTES = 256 * 1024;

export interface KeptUpload {
  readonly id: string;
  readonly uploaded: number;
}

export class UploadFolder {
  readonly #disk: Disk;
  readonly #path: string;

  constructor(disk: Disk, path: string) {
    this.#disk = disk;
    this.#path = `${disk.resolve(path)}/${FOLDER}`;
  }

  /** Makes the folder, removes what was not completed, and tells what is there, oldest first. */
  async open(): Promise<readonly KeptUpload[]> {
    const disk = this.#disk;
    await disk.makeDirectory(this.#path, 'private');
    const uploads: KeptUpload[] = [];
    for (const { name, kind } of await disk.list(this.#path)) {
      if (kind !== 'file') continue;
      if (name.endsWith(PART) && ID.test(name.slice(0, -PART.length))) {
        await disk.remove(this.#pathOf(name));
      } else if (ID.test(name)) {
        const uploaded = (await disk.stat(this.#pathOf(name)))?.modified ?? 0;
        uploads.push({ id: name, uploaded });
      }
    }
    return uploads.sort((left, right) => left.uploaded - right.uploaded);
  }

  /** The content, which is written on its way; `keep` or `remove` follows. */
  async *writing(id: string, content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    const file = await this.#disk.open(this.#pathOf(`${id}${PART}`), 'create', 'private');
    try {
      let at = 0;
      for await (const bytes of content) {
        await file.write(bytes, at);
        at += bytes.length;
        yield bytes;
      }
      await file.sync();
    } finally {
      await file.close();
    }
  }

  /** U1 */
  async keep(id: string): Promise<void> {
    await this.#disk.rename(this.#pathOf(`${id}${PART}`), this.#pathOf(id));
    await this.#disk.syncDirectory(this.#path);
  }

  /** Also what was not completed. */
  async remove(id: string): Promise<void> {
    await this.#disk.remove(this.#pathOf(`${id}${PART}`));
    await this.#disk.remove(this.#pathOf(id));
  }

  async *read(id: string): AsyncGenerator<Uint8Array> {
    const file = await this.#opened(id);
    if (file === undefined) return;
    try {
      for (let at = 0; ;) {
        const piece = new Uint8Array(CHUNK_BYTES);
        const count = await file.read(piece, at);
        if (count === 0) return;
        at += count;
        yield piece.subarray(0, count);
      }
    } finally {
      await file.close();
    }
  }

  /** Undefined: somebody has removed it meanwhile. */
  async #opened(id: string): Promise<DiskFile | undefined> {
    try {
      return await this.#disk.open(this.#pathOf(id), 'read');
    } catch (thrown) {
      if (isEngineError(thrown, 'IO_NOT_FOUND')) return undefined;
      throw thrown;
    }
  }

  #pathOf(name: string): string {
    return `${this.#path}/${name}`;
  }
}
