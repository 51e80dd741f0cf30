/**
 * Buffers for frames that wait in the channels of a slot. Most frames are of about the same size
 * and are read soon, so their buffers are used again and again, each with its reader.
 *
 * Invariants
 * B1. A frame is in use by one channel from `take` to `give`, and nothing reads its bytes after.
 * B2. Buffers that nobody uses hold at most `keptBytesMax`.
 */
import { assert } from '../base/assert.ts';
import { ByteReader } from '../base/byte-reader.ts';

/** Buffers are powers of two from here on, so that a small frame does not hold a large buffer. */
const SMALLEST = 256;
const SMALLEST_BITS = 8;
/** Larger frames have buffers of their own. */
const LARGEST_BITS = 16;
const KEPT_BYTES_MAX = 4 * 1024 * 1024;

/** Bytes of a frame and what reads them. */
export interface HeldFrame {
  readonly buffer: Uint8Array;
  readonly reader: ByteReader;
  /** Of the frame, at the beginning of the buffer. */
  length: number;
  /** Credit to give back once it was taken. */
  cost: number;
}

export class FramePool {
  readonly #keptBytesMax: number;
  /** By size: 2^SMALLEST_BITS first. */
  readonly #free: HeldFrame[][] = Array.from(
    { length: LARGEST_BITS - SMALLEST_BITS + 1 },
    () => [],
  );
  keptBytes = 0;

  constructor(keptBytesMax: number = KEPT_BYTES_MAX) {
    this.#keptBytesMax = keptBytesMax;
  }

  /** A frame with room for `length` bytes. */
  take(length: number): HeldFrame {
    const size = sizeOf(length);
    const frame = size === undefined ? undefined : this.#free[size]!.pop();
    if (frame === undefined) return create(size === undefined ? length : SMALLEST << size, length);
    this.keptBytes -= frame.buffer.length;
    frame.length = length;
    return frame;
  }

  /** B1. */
  give(frame: HeldFrame): void {
    assert(frame.length >= 0, 'B1: a frame was given back twice');
    frame.length = -1;
    const { length } = frame.buffer;
    const size = sizeOf(length);
    if (size === undefined || this.keptBytes + length > this.#keptBytesMax) return;
    this.keptBytes += length;
    this.#free[size]!.push(frame);
  }
}

function create(bytes: number, length: number): HeldFrame {
  const buffer = new Uint8Array(bytes);
  return { buffer, reader: new ByteReader(buffer), length, cost: 0 };
}

/** Index of the smallest size that holds `length` bytes; undefined if none does. */
function sizeOf(length: number): number | undefined {
  if (length <= SMALLEST) return 0;
  const bits = 32 - Math.clz32(length - 1);
  return bits > LARGEST_BITS ? undefined : bits - SMALLEST_BITS;
}
