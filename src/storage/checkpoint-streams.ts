/**
 * Where tasks put the bytes of their snapshots: small ones stay in memory and travel in the
 * acknowledgement, others go into a file of their own while the task goes on.
 *
 * Invariants
 * O1. A handle is given out only when its file is durable; an output that has failed or was aborted
 *     leaves no file.
 * O2. Bytes are written in the order in which they came, by one write at a time.
 * O3. Names are drawn: no two outputs have the same file, of this or another attempt.
 */
import { assert } from '../base/assert.ts';
import type { StateHandle } from '../protocol/checkpoint.ts';
import type { FileOutput } from './file-system.ts';
import type { FileSystems } from './file-systems.ts';
import { joinUri, nameOfUri } from './file-uri.ts';

/** More than this is waiting to be written: the snapshot pauses. */
const FULL_BYTES = 16 * 1024 * 1024;
/** Smaller pieces are put together before they are written, up to this much. */
const WRITE_BYTES = 1024 * 1024;

/** Of the names of the folders of checkpoints; those of savepoints begin otherwise. */
export const CHECKPOINT_PREFIX = 'chk-';

/** Name of the folder of files that several checkpoints may refer to. */
export const SHARED_FOLDER = 'shared';

/** `exclusive`: of one checkpoint; `shared`: later ones may refer to it. */
export type CheckpointScope = 'exclusive' | 'shared';

export interface CheckpointStreamsOptions {
  /** `<directory>/<job id>`: the folder of shared files is in it. */
  readonly directory: string;
  /** States of at most this many bytes get no file. */
  readonly inlineBytes: number;
  /** What is done with a file of a checkpoint besides; a savepoint is for others. */
  readonly copied?: ((uri: string, file: FileOutput) => FileOutput) | undefined;
}

/** Fits `SnapshotOutput`. */
export interface CheckpointOutput {
  /**
   * The bytes belong to the output, until it calls `release`, if it does. Throws if writing has
   * failed.
   */
  write(bytes: Uint8Array, release?: () => void): void;
  /** True while it would rather get nothing more. */
  readonly full: boolean;
  /** Resolves when it is not full any more. @throws what writing failed with */
  drained(): Promise<void>;
  readonly bytesWritten: number;
  /** O1. After an error `abort` follows. */
  finish(): Promise<StateHandle>;
  /** O1. Idempotent; after `finish`, too, whose file it removes. */
  abort(): Promise<void>;
}

/**
 * @example
 * const output = streams.open(options.location, 'exclusive');
 * output.write(bytes);
 * const handle = await output.finish();
 */
export class CheckpointStreams {
  readonly #fileSystems: FileSystems;
  readonly #options: CheckpointStreamsOptions;

  constructor(fileSystems: FileSystems, options: CheckpointStreamsOptions) {
    this.#fileSystems = fileSystems;
    this.#options = options;
  }

  /** @param location that of CheckpointOptions, the folder of the checkpoint's own files */
  open(location: string, scope: CheckpointScope): CheckpointOutput {
    const { directory, inlineBytes } = this.#options;
    const shared = scope === 'shared';
    const folder = shared ? joinUri(directory, SHARED_FOLDER) : location;
    const uri = joinUri(this.#fileSystems.resolve(folder), this.#fileSystems.uniqueName());
    const copied = isOfCheckpoint(location) ? this.#options.copied : undefined;
    return new Output({ fileSystems: this.#fileSystems, uri, shared, inlineBytes, copied });
  }
}

interface Piece {
  readonly bytes: Uint8Array;
  readonly release: (() => void) | undefined;
}

interface OutputOptions {
  readonly fileSystems: FileSystems;
  readonly uri: string;
  readonly shared: boolean;
  readonly inlineBytes: number;
  readonly copied: CheckpointStreamsOptions['copied'];
}

class Output implements CheckpointOutput {
  readonly #options: OutputOptions;
  #bytesWritten = 0;
  /** Not yet given to the file. */
  #pending: Piece[] = [];
  #pendingBytes = 0;
  #file: Promise<FileOutput> | undefined = undefined;
  #pump: Promise<void> | undefined = undefined;
  #finishing: Promise<StateHandle> | undefined = undefined;
  #aborting: Promise<void> | undefined = undefined;
  #failure: { readonly error: unknown } | undefined = undefined;
  #ended: 'finished' | 'aborted' | undefined = undefined;

  constructor(options: OutputOptions) {
    this.#options = options;
  }

  get bytesWritten(): number {
    return this.#bytesWritten;
  }

  get full(): boolean {
    return this.#pendingBytes > FULL_BYTES;
  }

  write(bytes: Uint8Array, release?: () => void): void {
    assert(this.#ended === undefined, 'O1: written to after its end');
    this.#rethrow();
    this.#pending.push({ bytes, release });
    this.#pendingBytes += bytes.length;
    this.#bytesWritten += bytes.length;
    if (this.#bytesWritten > this.#options.inlineBytes) this.#startPump();
  }

  async drained(): Promise<void> {
    while (this.full && this.#pump !== undefined) await this.#pump;
    this.#rethrow();
  }

  finish(): Promise<StateHandle> {
    assert(this.#ended === undefined, 'O1: finished after its end');
    this.#ended = 'finished';
    const finishing = this.#finish();
    this.#finishing = finishing;
    return finishing;
  }

  async #finish(): Promise<StateHandle> {
    await this.#pump;
    this.#rethrow();
    if (this.#file === undefined) return { kind: 'inline', bytes: concat(this.#take(Infinity)) };
    const { size } = await (await this.#file).finish();
    assert(size === this.#bytesWritten, `O2: ${size} of ${this.#bytesWritten} bytes are written`);
    const { uri, shared } = this.#options;
    return { kind: 'file', uri, size, shared };
  }

  abort(): Promise<void> {
    this.#aborting ??= this.#abort().catch((error: unknown) => {
      // To be tried again.
      this.#aborting = undefined;
      throw error;
    });
    return this.#aborting;
  }

  async #abort(): Promise<void> {
    // One that is under way first comes to its end.
    if (this.#finishing !== undefined) await Promise.allSettled([this.#finishing]);
    this.#ended = 'aborted';
    this.#take(Infinity);
    await this.#pump;
    if (this.#file === undefined) return;
    let file;
    try {
      file = await this.#file;
    } catch {
      // It could not even be made, as whoever wrote has been told.
      return;
    }
    await file.abort();
    // If it was finished.
    await this.#fileSystem.remove(this.#options.uri);
  }

  get #fileSystem(): ReturnType<FileSystems['of']> {
    return this.#options.fileSystems.of(this.#options.uri);
  }

  #startPump(): void {
    this.#pump ??= this.#write().finally(() => (this.#pump = undefined));
  }

  async #create(): Promise<FileOutput> {
    const { uri, copied } = this.#options;
    const file = await this.#fileSystem.create(uri);
    return copied === undefined ? file : copied(uri, file);
  }

  /** O2. Never rejects: the next call throws. */
  async #write(): Promise<void> {
    try {
      this.#file ??= this.#create();
      const file = await this.#file;
      while (this.#pending.length > 0) {
        const pieces = this.#take(WRITE_BYTES);
        await file.write(concat(pieces));
        for (const { release } of pieces) release?.();
      }
    } catch (error) {
      this.#failure = { error };
      this.#take(Infinity);
    }
  }

  /** The first piece, and those behind it that are together of `bytes` at most. */
  #take(bytes: number): readonly Piece[] {
    const pending = this.#pending;
    let count = 1;
    let length = pending[0]?.bytes.length ?? 0;
    while (count < pending.length && length + pending[count]!.bytes.length <= bytes) {
      length += pending[count++]!.bytes.length;
    }
    this.#pendingBytes -= length;
    return pending.splice(0, count);
  }

  #rethrow(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}

function concat(pieces: readonly Piece[]): Uint8Array {
  if (pieces.length === 1) return pieces[0]!.bytes;
  const whole = new Uint8Array(pieces.reduce((sum, { bytes }) => sum + bytes.length, 0));
  let at = 0;
  for (const { bytes } of pieces) {
    whole.set(bytes, at);
    at += bytes.length;
  }
  return whole;
}

function isOfCheckpoint(location: string): boolean {
  return nameOfUri(location).startsWith(CHECKPOINT_PREFIX);
}
