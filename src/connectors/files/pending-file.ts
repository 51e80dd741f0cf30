/**
 * A file that is being written under its hidden name.
 *
 * Invariants
 * P1. Writes do not overlap; after `finish` the file is complete, durable and closed.
 */
import { assert } from '../../base/assert.ts';
import { crc32 } from '../../base/crc32.ts';
import { EngineError, isEngineError } from '../../base/errors.ts';
import type { Disk, DiskFile } from '../../env/env.ts';
import type { WrittenFile } from './file-committer.ts';

export interface PendingFileNames {
  readonly folder: string;
  readonly pending: string;
  readonly final: string;
}

export class PendingFile {
  readonly #disk: Disk;
  readonly #names: PendingFileNames;
  #file: DiskFile | undefined;
  #bytes = 0;
  #checksum = 0;
  #busy = false;

  constructor(disk: Disk, names: PendingFileNames) {
    this.#disk = disk;
    this.#names = names;
  }

  /** Written so far. */
  get bytes(): number {
    return this.#bytes;
  }

  async write(bytes: Uint8Array): Promise<void> {
    assert(!this.#busy, 'P1: writes do not overlap');
    this.#busy = true;
    const file = await this.#open();
    await file.write(bytes, this.#bytes);
    this.#bytes += bytes.length;
    this.#checksum = crc32(bytes, this.#checksum);
    this.#busy = false;
  }

  async finish(): Promise<WrittenFile> {
    assert(!this.#busy, 'P1: nothing is being written');
    const file = await this.#open();
    await file.sync();
    await file.close();
    this.#file = undefined;
    const { pending, final } = this.#names;
    return { pending, final, bytes: this.#bytes, checksum: this.#checksum };
  }

  async discard(): Promise<void> {
    if (this.#file === undefined) return;
    await this.#file.close();
    this.#file = undefined;
    await this.#disk.remove(`${this.#names.folder}/${this.#names.pending}`);
  }

  /** No other writer has this name, unless two sinks of a job write the same files. */
  async #open(): Promise<DiskFile> {
    const { folder, pending, final } = this.#names;
    try {
      this.#file ??= await this.#disk.open(`${folder}/${pending}`, 'create');
      return this.#file;
    } catch (error) {
      if (!isEngineError(error, 'IO_EXISTS')) throw error;
      const parameters = { path: `${folder}/${final}` };
      throw new EngineError('CONNECTOR_OUTPUT_SHARED', parameters, { cause: error });
    }
  }
}
