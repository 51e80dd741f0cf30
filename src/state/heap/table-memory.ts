/**
 * Typed arrays for tables. The tables of a state grow together and a little at a time, and what
 * they grow out of would stay with the process's allocator: as much again as they hold. So arrays
 * of some size are cut out of slabs, and given back to them by whoever has grown out of them.
 *
 * Invariants
 * Y1. Every byte of a slab is in one array that was not released, or in one gap. Gaps are in the
 *     order of their place, and none begins where another ends.
 * Y2. What is released while a snapshot is open, which may read it, waits in `#waiting` until none
 *     is.
 */
import { assert } from '../../base/assert.ts';
import type { VersionClock } from './version-clock.ts';

const SLAB_MIN_BYTES: number = 256 * 1024;
const SLAB_MAX_BYTES: number = 4 * 1024 * 1024;
/** A new slab is this part of those that are there, within these bounds. */
const SLAB_PART = 8;
/** Smaller arrays, and those that take more than this part of a slab, have memory of their own. */
const ARRAY_MIN_BYTES = 4096;
const ARRAY_PART = 4;

interface Gap {
  at: number;
  bytes: number;
}

interface Slab {
  readonly buffer: ArrayBuffer;
  /** Y1 */
  readonly gaps: Gap[];
}

type Numbers = Float64Array<ArrayBuffer> | Uint16Array<ArrayBuffer>;

export class TableMemory {
  readonly #clock: VersionClock;
  readonly #slabs: Slab[] = [];
  /** Y2 */
  #waiting: Numbers[] = [];

  constructor(clock: VersionClock) {
    this.#clock = clock;
  }

  /** All 0, as is `uint16`. */
  float64(length: number): Float64Array<ArrayBuffer> {
    const slab = this.#slabFor(length * 8);
    if (slab === undefined) return new Float64Array(length);
    return new Float64Array(slab.buffer, cut(slab, length * 8), length).fill(0);
  }

  uint16(length: number): Uint16Array<ArrayBuffer> {
    const slab = this.#slabFor(length * 2);
    if (slab === undefined) return new Uint16Array(length);
    return new Uint16Array(slab.buffer, cut(slab, length * 2), length).fill(0);
  }

  /** Takes an array back that nobody but an open snapshot will look at any more. */
  release(array: Numbers): void {
    this.#waiting.push(array);
    this.#reclaim();
  }

  /** Y2 */
  #reclaim(): void {
    if (this.#clock.observers.length > 0) return;
    for (const array of this.#waiting) {
      const index = this.#slabs.findIndex(({ buffer }) => buffer === array.buffer);
      if (index < 0) continue;
      const slab = this.#slabs[index]!;
      giveBack(slab, array.byteOffset, whole(array.byteLength));
      const [gap] = slab.gaps;
      if (gap!.bytes === slab.buffer.byteLength) this.#slabs.splice(index, 1);
    }
    this.#waiting = [];
  }

  /** A slab with a gap for so many bytes; undefined if they are to be memory of their own. */
  #slabFor(bytes: number): Slab | undefined {
    if (bytes < ARRAY_MIN_BYTES) return undefined;
    if (this.#waiting.length > 0) this.#reclaim();
    const known = this.#slabs.find(({ gaps }) => gaps.some((gap) => gap.bytes >= whole(bytes)));
    if (known !== undefined) return known;
    const all = this.#slabs.reduce((sum, { buffer }) => sum + buffer.byteLength, 0);
    const part = whole(all / SLAB_PART);
    const size = Math.min(Math.max(part, SLAB_MIN_BYTES), SLAB_MAX_BYTES);
    if (bytes * ARRAY_PART > size) return undefined;
    const slab = { buffer: new ArrayBuffer(size), gaps: [{ at: 0, bytes: size }] };
    this.#slabs.push(slab);
    return slab;
  }
}

/** Arrays begin at multiples of eight. */
function whole(bytes: number): number {
  return Math.ceil(bytes / 8) * 8;
}

/** Takes so many bytes out of the first gap that has them. */
function cut({ gaps }: Slab, bytes: number): number {
  const taken = whole(bytes);
  const index = gaps.findIndex((gap) => gap.bytes >= taken);
  const gap = gaps[index]!;
  const { at } = gap;
  gap.at += taken;
  gap.bytes -= taken;
  if (gap.bytes === 0) gaps.splice(index, 1);
  return at;
}

/** Y1 */
function giveBack({ gaps }: Slab, at: number, bytes: number): void {
  let index = gaps.findIndex((gap) => gap.at > at);
  if (index < 0) index = gaps.length;
  const before = gaps[index - 1];
  const after = gaps[index];
  assert(
    (before === undefined || before.at + before.bytes <= at) &&
      (after === undefined || at + bytes <= after.at),
    'Y1: released twice',
  );
  if (before !== undefined && before.at + before.bytes === at) {
    before.bytes += bytes;
    if (after === undefined || after.at !== before.at + before.bytes) return;
    before.bytes += after.bytes;
    gaps.splice(index, 1);
  } else if (after !== undefined && after.at === at + bytes) {
    after.at = at;
    after.bytes += bytes;
  } else {
    gaps.splice(index, 0, { at, bytes });
  }
}
