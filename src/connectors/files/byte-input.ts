/**
 * The content of a file by position, whether it is compressed or not.
 *
 * Invariants
 * I1. Reads of one input do not overlap where the content is compressed; the caller may start them
 *     together, they are done in order.
 */
import { assert } from '../../base/assert.ts';
import { EngineError } from '../../base/errors.ts';
import type { CompressionKind, Disk, DiskFile } from '../../env/env.ts';
import type { ConnectorEnv } from '../../functions/source.ts';
import { compressionOf } from './compression.ts';

export interface ByteInput {
  /** Fills `into` from `position` on; fewer bytes than that only at the end of the content. */
  read(into: Uint8Array, position: number): Promise<number>;
  /** Waits for the reads that are under way. */
  close(): Promise<void>;
}

/** @throws EngineError CONNECTOR_COMPRESSION_UNSUPPORTED, IO_* */
export async function openInput(
  env: ConnectorEnv,
  file: { readonly path: string; readonly name: string },
): Promise<ByteInput> {
  const compression = compressionOf(file.name);
  if (compression === 'unsupported') {
    throw new EngineError('CONNECTOR_COMPRESSION_UNSUPPORTED', { path: file.name });
  }
  const opened = await openFile(env.disk, file);
  if (compression === undefined) return new PlainInput(opened);
  return new CompressedInput(env, opened, compression, file.name);
}

async function openFile(
  disk: Disk,
  file: { readonly path: string; readonly name: string },
): Promise<DiskFile> {
  // Some systems open a folder as if it were a file.
  const stat = await disk.stat(file.path);
  if (stat === undefined) throw new EngineError('CONNECTOR_FILE_GONE', { path: file.name });
  return disk.open(file.path, 'read');
}

class PlainInput implements ByteInput {
  readonly #file: DiskFile;
  readonly #reads = new Set<Promise<unknown>>();

  constructor(file: DiskFile) {
    this.#file = file;
  }

  read(into: Uint8Array, position: number): Promise<number> {
    const read = fill(this.#file, into, position);
    this.#reads.add(read);
    const forget = (): void => void this.#reads.delete(read);
    read.then(forget, forget);
    return read;
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#reads);
    await this.#file.close();
  }
}

async function fill(file: DiskFile, into: Uint8Array, position: number): Promise<number> {
  let done = 0;
  while (done < into.length) {
    const count = await file.read(done === 0 ? into : into.subarray(done), position + done);
    if (count === 0) break;
    done += count;
  }
  return done;
}

const CHUNK_BYTES = 64 * 1024;

/** Reads forwards only; what lies before a position asked for is passed over. */
class CompressedInput implements ByteInput {
  readonly #file: DiskFile;
  readonly #pieces: AsyncIterator<Uint8Array>;
  #piece: Uint8Array = new Uint8Array(0);
  /** Of the first byte of `#piece` in the content. */
  #position = 0;
  #ended = false;
  #last: Promise<unknown> = Promise.resolve();

  constructor(env: ConnectorEnv, file: DiskFile, kind: CompressionKind, name: string) {
    this.#file = file;
    this.#pieces = env.compression.decompress(kind, chunksOf(file), name)[Symbol.asyncIterator]();
  }

  read(into: Uint8Array, position: number): Promise<number> {
    const read = this.#last.then(() => this.#fill(into, position));
    // A failure is that of this read; those after it fail on their own.
    this.#last = read.catch(() => undefined);
    return read;
  }

  async close(): Promise<void> {
    await this.#last;
    await this.#pieces.return?.();
    await this.#file.close();
  }

  async #fill(into: Uint8Array, position: number): Promise<number> {
    assert(position >= this.#position, 'I1: compressed content is read forwards');
    let done = 0;
    while (done < into.length && (await this.#advanceTo(position + done))) {
      const from = position + done - this.#position;
      const part = this.#piece.subarray(from, from + into.length - done);
      into.set(part, done);
      done += part.length;
    }
    return done;
  }

  /** @returns false if the content ends before that position. */
  async #advanceTo(position: number): Promise<boolean> {
    while (position >= this.#position + this.#piece.length) {
      if (this.#ended) return false;
      const next = await this.#pieces.next();
      this.#position += this.#piece.length;
      this.#piece = next.done === true ? new Uint8Array(0) : next.value;
      this.#ended = next.done === true;
    }
    return true;
  }
}

/** A fresh chunk each, because they belong to whoever takes them. */
async function* chunksOf(file: DiskFile): AsyncGenerator<Uint8Array, void, void> {
  for (let position = 0; ;) {
    const chunk = new Uint8Array(CHUNK_BYTES);
    const count = await file.read(chunk, position);
    if (count === 0) return;
    position += count;
    yield chunk.subarray(0, count);
  }
}
