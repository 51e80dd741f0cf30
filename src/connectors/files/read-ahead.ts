/**
 * The bytes of a range, read in blocks before they are needed.
 *
 * Invariants
 * A1. Blocks are taken in order and without gaps; a buffer is read into by one read at a time.
 * A2. At most AHEAD blocks are under way or waiting.
 * A3. Nothing is read after the content has ended.
 */
import { assert } from '../../base/assert.ts';
import { allocateTextBuffer } from '../../base/text-buffer.ts';
import type { ByteInput } from './byte-input.ts';

/** Room before the bytes of a block, for the rest of the block before it. */
export const HEADROOM_BYTES: number = 64 * 1024;
const AHEAD = 2;
/** Of buffers that nobody uses. */
const KEPT_MAX = 6;
/** Of a read beyond the range, where only the rest of a line is wanted. */
const BEYOND_BYTES = 64 * 1024;

export interface Block {
  /** The bytes read begin at HEADROOM_BYTES. */
  readonly buffer: Uint8Array;
  /** Of the first byte read, in the file. */
  readonly position: number;
  readonly length: number;
}

interface Read {
  readonly buffer: Uint8Array;
  readonly position: number;
  readonly wanted: number;
  /** -1 while the read is under way. */
  length: number;
}

/** Buffers that are used again by the next split. */
export class BlockBuffers {
  readonly blockBytes: number;
  readonly #free: Uint8Array[] = [];

  constructor(blockBytes: number) {
    this.blockBytes = blockBytes;
  }

  take(): Uint8Array {
    return this.#free.pop() ?? allocateTextBuffer(HEADROOM_BYTES + this.blockBytes);
  }

  giveBack(buffer: Uint8Array): void {
    if (this.#free.length < KEPT_MAX) this.#free.push(buffer);
  }
}

export class ReadAhead {
  readonly #input: ByteInput;
  readonly #buffers: BlockBuffers;
  readonly #to: number;
  readonly #progress: () => void;
  readonly #reads: Read[] = [];
  #next: number;
  #end: number | undefined;
  #failure: { readonly error: unknown } | undefined;

  /** @param progress called when `take` may have something, or fails. */
  constructor(
    input: ByteInput,
    buffers: BlockBuffers,
    range: { readonly from: number; readonly to: number },
    progress: () => void,
  ) {
    this.#input = input;
    this.#buffers = buffers;
    this.#next = range.from;
    this.#to = range.to;
    this.#progress = progress;
    this.#readOn();
  }

  /** Where the content ends; valid once `take` has answered `end`. */
  get end(): number {
    assert(this.#end !== undefined, 'A3: the end has not been seen');
    return this.#end;
  }

  /** True when all reads of the range itself have begun. */
  get allBegun(): boolean {
    return this.#end !== undefined || this.#next >= this.#to;
  }

  /** The next block, if it is there; reads beyond the range if all of that has been taken. */
  take(): Block | 'pending' | 'end' {
    if (this.#failure !== undefined) throw this.#failure.error;
    for (;;) {
      const read = this.#reads[0];
      if (read === undefined) {
        if (this.#end !== undefined) return 'end';
        this.#read(Math.min(BEYOND_BYTES, this.#buffers.blockBytes));
        return 'pending';
      }
      if (read.length === -1) return 'pending';
      this.#reads.shift();
      if (read.position < (this.#end ?? Infinity)) {
        this.#readOn();
        return read;
      }
      this.#buffers.giveBack(read.buffer);
    }
  }

  #readOn(): void {
    while (this.#reads.length < AHEAD && !this.allBegun) {
      // A little more than the range, so that its last line needs no read of its own.
      const rest = this.#to - this.#next + HEADROOM_BYTES / 16;
      this.#read(Math.min(this.#buffers.blockBytes, rest));
    }
  }

  #read(wanted: number): void {
    assert(this.#end === undefined, 'A3: read after the end');
    const position = this.#next;
    const read: Read = { buffer: this.#buffers.take(), position, wanted, length: -1 };
    this.#reads.push(read);
    this.#next += wanted;
    const into = read.buffer.subarray(HEADROOM_BYTES, HEADROOM_BYTES + wanted);
    this.#input.read(into, position).then(
      (length) => {
        read.length = length;
        // Reads that were begun behind it bring nothing.
        if (length < wanted) this.#end = Math.min(this.#end ?? Infinity, position + length);
        this.#progress();
      },
      (error: unknown) => {
        this.#failure ??= { error };
        this.#progress();
      },
    );
  }
}
