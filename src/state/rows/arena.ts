/**
 * Memory that grows at its end, seen as bytes, words and doubles. It can be frozen: whoever holds
 * the frozen arena sees it as it was, a chunk at a time, while it goes on being written.
 *
 * Invariants
 * A1. Bytes from `end` on are 0. Its beginning and everything allocated in it is a multiple of 8.
 * A2. Before bytes below the end of a frozen arena are changed, `touch` has been told. Memory that
 *     has been replaced by longer one is never written again.
 * A3. What a frozen arena has not given out yet is in `#saved`, or unchanged in `#bytes`.
 * A4. From the first mark on (V3) `#versions` has for each block the version of the last change to
 *     it, 0 for what was there at the mark. Nothing of an arena that was made after a snapshot is
 *     in that.
 */
import { assert } from '../../base/assert.ts';
import type { VersionClock } from '../heap/version-clock.ts';

/** What is saved, and written to snapshots, at once. */
export const CHUNK_BYTES: number = 16 * 1024;
const MINIMUM_BYTES = 64;
/** What changes are told by: a few slots, so that few that are scattered are not all that is. */
const BLOCK_SHIFT = 7;
export const BLOCK_BYTES: number = 1 << BLOCK_SHIFT;
/** Positions in arenas are int32, some of them in units of 8 bytes. */
const MAXIMUM_BYTES = 0x7fff_fff8;

export class Arena {
  bytes!: Uint8Array;
  words!: Int32Array;
  doubles!: Float64Array;
  /** A1 */
  end = 0;
  #frozen: FrozenArena[] = [];
  /** Of the first change. */
  readonly made: number;
  readonly #clock: VersionClock;
  /** A4 */
  #versions: Int32Array | undefined;

  constructor(clock: VersionClock) {
    this.#clock = clock;
    this.made = clock.now + 1;
    this.#replace(new ArrayBuffer(MINIMUM_BYTES));
    if (clock.newestMark !== 0) this.#track();
  }

  /** Allocates; returns where. */
  extend(count: number): number {
    const at = this.end;
    const end = at + ((count + 7) & ~7);
    if (end > this.bytes.length) this.#grow(end);
    this.end = end;
    if (this.#versions !== undefined && end > at) this.#changed(this.#versions, at, end);
    return at;
  }

  /** Allocates for bytes of another memory; returns where they are now. */
  put(from: Uint8Array, start: number, end: number): number {
    const at = this.extend(end - start);
    const to = this.bytes;
    // Most are short, for which `set` with a view of its own would cost more.
    if (end - start > 64) to.set(from.subarray(start, end), at);
    else for (let i = start, j = at; i < end; i++, j++) to[j] = from[i]!;
    return at;
  }

  /** Whether `extend` would need other memory. */
  isFull(count: number): boolean {
    return this.end + count + 7 > this.bytes.length;
  }

  /** A2: `count` bytes from `at` on are about to be changed. */
  touch(at: number, count: number): void {
    if (this.#versions !== undefined) this.#changed(this.#versions, at, at + count);
    if (this.#frozen.length === 0) return;
    const last = (at + count - 1) >>> CHUNK_SHIFT;
    for (let chunk = at >>> CHUNK_SHIFT; chunk <= last; chunk++) {
      for (const frozen of this.#frozen) frozen.save(chunk);
    }
  }

  /** Of what has changed after `since`, at least, where that is not 0. */
  freeze(since: number = 0): FrozenArena {
    const frozen = new FrozenArena(this, this.made > since ? 0 : since, (self) => {
      this.#frozen = this.#frozen.filter((other) => other !== self);
    });
    this.#frozen.push(frozen);
    return frozen;
  }

  /** Whether a block has changed after `since`. */
  hasChanged(block: number, since: number): boolean {
    return this.#versions === undefined || this.#versions[block]! > since;
  }

  /** Takes in what a frozen arena has given out: at the end, or over what is there. */
  write(at: number, piece: Uint8Array): void {
    if (at + piece.length > this.end) this.extend(at + piece.length - this.end);
    this.bytes.set(piece, at);
  }

  /** Once there is a mark, before anything is changed after it. */
  track(): void {
    if (this.#versions === undefined) this.#track();
  }

  #track(): void {
    this.#versions = new Int32Array(((this.bytes.length - 1) >>> BLOCK_SHIFT) + 1);
  }

  /** A4 */
  #changed(versions: Int32Array, from: number, to: number): void {
    const { now } = this.#clock;
    const last = (to - 1) >>> BLOCK_SHIFT;
    for (let block = from >>> BLOCK_SHIFT; block <= last; block++) versions[block] = now;
  }

  #grow(end: number): void {
    assert(end <= MAXIMUM_BYTES, 'A2: an arena of more than 2 GiB in one key group');
    const bytes = this.bytes;
    // Small ones grow faster: a new memory costs as much as copying a chunk.
    const wanted = Math.max(bytes.length * (bytes.length < CHUNK_BYTES ? 4 : 2), end);
    this.#replace(new ArrayBuffer(Math.min(wanted, MAXIMUM_BYTES)));
    this.bytes.set(bytes.subarray(0, this.end));
    const versions = this.#versions;
    if (versions !== undefined) {
      this.#track();
      this.#versions!.set(versions);
    }
    // A2: nobody writes what they look at.
    this.#frozen = [];
  }

  #replace(buffer: ArrayBuffer): void {
    this.bytes = new Uint8Array(buffer);
    this.words = new Int32Array(buffer);
    this.doubles = new Float64Array(buffer);
  }
}

const CHUNK_SHIFT = Math.log2(CHUNK_BYTES);

/** Bytes of an arena, and where they are. */
export interface ArenaPiece {
  readonly at: number;
  readonly bytes: Uint8Array;
}

/**
 * An arena as it was at one moment; gives out its chunks, or what has changed of them, each once.
 */
export class FrozenArena {
  readonly end: number;
  /** A3 */
  #bytes: Uint8Array;
  readonly #saved = new Map<number, Uint8Array>();
  readonly #release: (self: FrozenArena) => void;
  #next = 0;

  readonly #arena: Arena;
  /** 0: everything. */
  readonly #since: number;
  #chunkBytes: Uint8Array = new Uint8Array(0);
  /** Of the next byte in `#chunkBytes` to look at. */
  #offset = 0;

  constructor(arena: Arena, since: number, release: (self: FrozenArena) => void) {
    this.#arena = arena;
    this.#bytes = arena.bytes;
    this.end = arena.end;
    this.#since = since;
    this.#release = release;
  }

  /** The next piece, good until the arena is changed. */
  next(): ArenaPiece | 'pause' | 'end' {
    if (this.#offset === this.#chunkBytes.length) {
      if (this.#next * CHUNK_BYTES >= this.end) return 'end';
      if (!this.#begin(this.#next)) return 'pause';
    }
    const base = (this.#next - 1) * CHUNK_BYTES;
    const bytes = this.#chunkBytes;
    let from = this.#offset;
    while (from < bytes.length && !this.#isPart(base + from)) from += BLOCK_BYTES;
    let to = from;
    while (to < bytes.length && this.#isPart(base + to)) to += BLOCK_BYTES;
    this.#offset = Math.min(to, bytes.length);
    if (from >= bytes.length) return 'pause';
    return { at: base + from, bytes: bytes.subarray(from, this.#offset) };
  }

  /** False if there is nothing in it that has changed. */
  #begin(chunk: number): boolean {
    this.#next = chunk + 1;
    const end = Math.min(this.#next * CHUNK_BYTES, this.end);
    let at = chunk * CHUNK_BYTES;
    while (at < end && !this.#isPart(at)) at += BLOCK_BYTES;
    if (at >= end) {
      this.#saved.delete(chunk);
      return false;
    }
    this.#offset = 0;
    const saved = this.#saved.get(chunk);
    this.#saved.delete(chunk);
    // What is pointed at is good until the arena is changed: it is looked at in several steps.
    this.#chunkBytes =
      saved ?? (this.#since === 0 ? this.#chunk(chunk) : this.#chunk(chunk).slice());
    return true;
  }

  #isPart(at: number): boolean {
    return this.#since === 0 || this.#arena.hasChanged(at >>> BLOCK_SHIFT, this.#since);
  }

  /** A3 */
  save(chunk: number): void {
    if (chunk < this.#next || chunk * CHUNK_BYTES >= this.end || this.#saved.has(chunk)) return;
    this.#saved.set(chunk, this.#chunk(chunk).slice());
  }

  release(): void {
    this.#release(this);
    this.#saved.clear();
    this.#bytes = new Uint8Array(0);
    this.#chunkBytes = this.#bytes;
    this.#offset = 0;
    this.#next = Infinity;
  }

  #chunk(chunk: number): Uint8Array {
    return this.#bytes.subarray(chunk * CHUNK_BYTES, Math.min((chunk + 1) * CHUNK_BYTES, this.end));
  }
}
