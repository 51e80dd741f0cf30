/**
 * A file that is being written, of which nothing is visible yet.
 *
 * Invariants
 * P1. Writes do not overlap; after `finish` the file is complete, durable and closed.
 * P2. What a checkpoint may refer to, because the file was persisted for one, is not removed: a
 *     job that goes on from there needs it.
 */
import { assert } from '../../base/assert.ts';
import { isEngineError } from '../../base/errors.ts';
import type { FileSystem, RecoverableOutput } from '../../functions/file-system.ts';
import type { WrittenFile } from './file-committer.ts';

export interface PartFileOptions {
  readonly fileSystem: FileSystem;
  readonly folder: string;
  readonly uri: string;
  /** Its name until it is committed. */
  readonly incompleteName: string;
  /** Whether it takes the place of a file of its name. */
  readonly replace: boolean;
}

/** A file that was open when a checkpoint was taken. */
export interface OpenFile {
  readonly uri: string;
  readonly resumable: Uint8Array;
}

interface Persisted {
  readonly checkpointId: number;
  readonly resumable: Uint8Array;
}

export class PartFile {
  readonly #options: PartFileOptions;
  #output: RecoverableOutput | undefined;
  /** P2. Ascending. */
  #persisted: Persisted[] = [];
  #written: WrittenFile | undefined;
  #bytes = 0;
  #busy = false;

  constructor(options: PartFileOptions) {
    this.#options = options;
  }

  /** Written so far. */
  get bytes(): number {
    return this.#bytes;
  }

  async write(bytes: Uint8Array): Promise<void> {
    assert(!this.#busy, 'P1: writes do not overlap');
    this.#busy = true;
    const output = await this.#open();
    await output.write(bytes);
    this.#bytes += bytes.length;
    this.#busy = false;
  }

  async finish(): Promise<WrittenFile> {
    assert(!this.#busy, 'P1: nothing is being written');
    const output = await this.#open();
    const committable = await output.closeForCommit();
    this.#written = { uri: this.#options.uri, committable };
    return this.#written;
  }

  /** What has been written is durable, and can be gone on with. */
  async persist(checkpointId: number): Promise<OpenFile> {
    assert(!this.#busy, 'P1: nothing is being written');
    const output = await this.#open();
    const resumable = await output.persist();
    this.#persisted.push({ checkpointId, resumable });
    return { uri: this.#options.uri, resumable };
  }

  /** No one goes on from a checkpoint before this one any more. */
  async release(checkpointId: number): Promise<void> {
    const subsumed = this.#persisted.filter((each) => each.checkpointId < checkpointId);
    this.#persisted = this.#persisted.filter((each) => each.checkpointId >= checkpointId);
    const writer = this.#options.fileSystem.recoverableWriter();
    for (const { resumable } of subsumed) await writer.release(resumable);
  }

  /** Removes what was written, as far as nobody may need it (P2). */
  async drop(): Promise<void> {
    const output = this.#output;
    if (this.#persisted.length > 0) await output?.close();
    else if (this.#written === undefined) await output?.abort();
    else {
      await this.#options.fileSystem.recoverableWriter().discard(this.#written.committable);
    }
  }

  async #open(): Promise<RecoverableOutput> {
    this.#output ??= await this.#opened();
    return this.#output;
  }

  async #opened(): Promise<RecoverableOutput> {
    const { fileSystem, folder, uri, replace, incompleteName } = this.#options;
    const writer = fileSystem.recoverableWriter();
    try {
      return await writer.open(uri, { replace, incompleteName });
    } catch (error) {
      if (!isEngineError(error, 'IO_NOT_FOUND')) throw error;
      await fileSystem.makeFolder(folder);
      return writer.open(uri, { replace, incompleteName });
    }
  }
}
