/**
 * Typed memory for tables. The tables of a state grow together and a little at a time, and what
 * they grow out of would stay with the process's allocator: as much again as they hold. So blocks
 * of some size are cut out of slabs, and given back to them by whoever has grown out of them. The
 * gaps that this leaves are kept few by moving blocks, in steps that are bounded by what is taken
 * and given back.
 *
 * Invariants
 * Y1. The blocks of a slab are in the order of their place and do not overlap; `free` counts the
 *     bytes that are in none.
 * Y2. What is released while a snapshot is open, which may read it, waits in `#waiting` until none
 *     is; nor does anything move meanwhile.
 * Y3. Blocks move within `take` and `release` only, and their holders are told at once.
 * Y4. No gap of a slab has `noGapOf` bytes or more.
 */
import { assert } from '../../base/assert.ts';
import type { VersionClock } from './version-clock.ts';

const SLAB_MIN_BYTES: number = 256 * 1024;
const SLAB_MAX_BYTES: number = 4 * 1024 * 1024;
/** A new slab is this part of those that are there, within these bounds. */
const SLAB_PART = 20;
/** Smaller blocks, and those that take more than this part of a slab, have memory of their own. */
const BLOCK_MIN_BYTES = 4096;
const BLOCK_PART = 3;
/** The gaps of a slab are made one when they are this part of it. */
const GAPS_PART = 8;
/** When one block is released, so many may move out of a slab that should go. */
const MOVES = 4;

export interface TableBlock {
  readonly buffer: ArrayBuffer;
  readonly at: number;
  readonly bytes: number;
}

/** Who has taken a block. */
export interface BlockHolder {
  /** The block lies elsewhere now, with the same content; others will use its old place. */
  moved(): void;
}

class Block implements TableBlock {
  slab: Slab;
  at: number;
  readonly bytes: number;
  readonly holder: BlockHolder;

  constructor(slab: Slab, at: number, bytes: number, holder: BlockHolder) {
    this.slab = slab;
    this.at = at;
    this.bytes = bytes;
    this.holder = holder;
  }

  get buffer(): ArrayBuffer {
    return this.slab.buffer;
  }
}

class Slab {
  readonly buffer: ArrayBuffer;
  /** Y1 */
  readonly #blocks: Block[] = [];
  free: number;
  /** Y4 */
  #noGapOf = Infinity;

  constructor(bytes: number) {
    this.buffer = new ArrayBuffer(bytes);
    this.free = bytes;
  }

  get isEmpty(): boolean {
    return this.#blocks.length === 0;
  }

  get held(): number {
    return this.buffer.byteLength - this.free;
  }

  get last(): Block {
    return this.#blocks.at(-1)!;
  }

  /** Finds the first gap that has so many bytes, and puts there what `blockAt` gives for it. */
  place(bytes: number, blockAt: (at: number) => Block): Block | undefined {
    if (bytes > this.free || bytes >= this.#noGapOf) return undefined;
    const blocks = this.#blocks;
    let at = 0;
    let index = 0;
    for (; index < blocks.length && blocks[index]!.at - at < bytes; index += 1) {
      at = blocks[index]!.at + blocks[index]!.bytes;
    }
    if (index === blocks.length && this.buffer.byteLength - at < bytes) {
      this.#noGapOf = bytes;
      return undefined;
    }
    const block = blockAt(at);
    blocks.splice(index, 0, block);
    this.free -= bytes;
    return block;
  }

  remove(block: Block): void {
    const index = this.#blocks.indexOf(block);
    assert(index >= 0, 'Y1: released twice');
    this.#blocks.splice(index, 1);
    this.free += block.bytes;
    this.#noGapOf = Infinity;
  }

  /** Makes all gaps one, behind the blocks. */
  closeGaps(): void {
    const memory = new Uint8Array(this.buffer);
    let at = 0;
    for (const block of this.#blocks) {
      if (block.at !== at) {
        memory.copyWithin(at, block.at, block.at + block.bytes);
        block.at = at;
        block.holder.moved();
      }
      at += block.bytes;
    }
    this.#noGapOf = Infinity;
  }
}

export class TableMemory {
  readonly #clock: VersionClock;
  readonly #slabs: Slab[] = [];
  /** Of all slabs. */
  #bytes = 0;
  /** Y2 */
  #waiting: Block[] = [];

  constructor(clock: VersionClock) {
    this.#clock = clock;
  }

  /** At least so many bytes, with anything in them. */
  take(bytes: number, holder: BlockHolder): TableBlock {
    const whole = Math.ceil(bytes / 8) * 8;
    if (whole >= BLOCK_MIN_BYTES) {
      this.#reclaim();
      for (const slab of this.#slabs) {
        const block = slab.place(whole, (at) => new Block(slab, at, whole, holder));
        if (block !== undefined) return block;
      }
      const slab = this.#closeGaps(whole) ?? this.#addSlab(whole);
      if (slab !== undefined) {
        return slab.place(whole, (at) => new Block(slab, at, whole, holder))!;
      }
    }
    return { buffer: new ArrayBuffer(whole), at: 0, bytes: whole };
  }

  /** Takes a block back that nobody but an open snapshot will look at any more. */
  release(block: TableBlock): void {
    if (!(block instanceof Block)) return;
    this.#waiting.push(block);
    this.#reclaim();
    for (let moves = 0; moves < MOVES && this.#empty(); moves += 1);
  }

  /** Y2 */
  #reclaim(): void {
    if (this.#waiting.length === 0 || this.#clock.observers.length > 0) return;
    for (const block of this.#waiting) this.#remove(block);
    this.#waiting = [];
  }

  #remove(block: Block): void {
    const { slab } = block;
    slab.remove(block);
    if (!slab.isEmpty) return;
    this.#slabs.splice(this.#slabs.indexOf(slab), 1);
    this.#bytes -= slab.buffer.byteLength;
  }

  /** The slab with the widest gaps, which are one now, if it is worth it. */
  #closeGaps(bytes: number): Slab | undefined {
    if (this.#clock.observers.length > 0) return undefined;
    let widest: Slab | undefined;
    for (const slab of this.#slabs) {
      const enough = Math.max(bytes, slab.buffer.byteLength / GAPS_PART);
      if (slab.free >= Math.max(enough, widest?.free ?? 0)) widest = slab;
    }
    widest?.closeGaps();
    return widest;
  }

  /** Undefined if a block of that size is to be memory of its own. */
  #addSlab(bytes: number): Slab | undefined {
    const part = Math.min(Math.max(this.#bytes / SLAB_PART, SLAB_MIN_BYTES), SLAB_MAX_BYTES);
    if (bytes * BLOCK_PART > part) return undefined;
    const slab = new Slab(Math.ceil(part / bytes) * bytes);
    this.#slabs.push(slab);
    this.#bytes += slab.buffer.byteLength;
    return slab;
  }

  /**
   * If the gaps are as much as the slab that holds least: moves one of its blocks into a gap of
   * another. False if there was nothing to do.
   */
  #empty(): boolean {
    if (this.#clock.observers.length > 0) return false;
    let [least] = this.#slabs;
    let free = 0;
    for (const slab of this.#slabs) {
      free += slab.free;
      if (slab.held < least!.held) least = slab;
    }
    if (least === undefined || free < least.buffer.byteLength) return false;
    return this.#moveFrom(least, least.last);
  }

  #moveFrom(from: Slab, block: Block): boolean {
    const content = new Uint8Array(block.buffer, block.at, block.bytes);
    for (const slab of this.#slabs) {
      if (slab === from) continue;
      let place = 0;
      const found = slab.place(block.bytes, (at) => {
        place = at;
        return block;
      });
      if (found === undefined) continue;
      this.#remove(block);
      new Uint8Array(slab.buffer).set(content, place);
      block.slab = slab;
      block.at = place;
      block.holder.moved();
      return true;
    }
    return false;
  }
}
