/**
 * Memory that grows at its end, seen as bytes, words and doubles. It can be frozen: whoever holds
 * the frozen arena sees it as it was, a chunk at a time, while it goes on being written.
 *
 * Invariants
 * A1. Bytes from `end` on are 0. Its beginning and everything allocated in it is a multiple of 8.
 * A2. Before bytes below the end of a frozen arena are changed, `touch` has been told. Memory that
 *     has been replaced by longer one is never written again.
 * A3. What a frozen arena has not given out yet is in `#saved`, or unchanged in `#bytes`.
 */
import { assert } from '../../base/assert.ts';

/** What is saved, and written to snapshots, at once. */
export const CHUNK_BYTES: number = 16 * 1024;
const MINIMUM_BYTES = 64;
/** Positions in arenas are int32, some of them in units of 8 bytes. */
const MAXIMUM_BYTES = 0x7fff_fff8;

export class Arena {
  bytes!: Uint8Array;
  words!: Int32Array;
  doubles!: Float64Array;
  /** A1 */
  end = 0;
  #frozen: FrozenArena[] = [];

  constructor() {
    this.#replace(new ArrayBuffer(MINIMUM_BYTES));
  }

  /** Allocates; returns where. */
  extend(count: number): number {
    const at = this.end;
    const end = at + ((count + 7) & ~7);
    if (end > this.bytes.length) this.#grow(end);
    this.end = end;
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
    if (this.#frozen.length === 0) return;
    const last = (at + count - 1) >>> CHUNK_SHIFT;
    for (let chunk = at >>> CHUNK_SHIFT; chunk <= last; chunk++) {
      for (const frozen of this.#frozen) frozen.save(chunk);
    }
  }

  freeze(): FrozenArena {
    const frozen = new FrozenArena(this.bytes, this.end, (self) => {
      this.#frozen = this.#frozen.filter((other) => other !== self);
    });
    this.#frozen.push(frozen);
    return frozen;
  }

  /** Takes in what a frozen arena has given out. */
  append(piece: Uint8Array): void {
    this.put(piece, 0, piece.length);
  }

  #grow(end: number): void {
    assert(end <= MAXIMUM_BYTES, 'A2: an arena of more than 2 GiB in one key group');
    const bytes = this.bytes;
    // Small ones grow faster: a new memory costs as much as copying a chunk.
    const wanted = Math.max(bytes.length * (bytes.length < CHUNK_BYTES ? 4 : 2), end);
    this.#replace(new ArrayBuffer(Math.min(wanted, MAXIMUM_BYTES)));
    this.bytes.set(bytes.subarray(0, this.end));
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

/** An arena as it was at one moment; gives out its chunks, each once. */
export class FrozenArena {
  readonly end: number;
  /** A3 */
  #bytes: Uint8Array;
  readonly #saved = new Map<number, Uint8Array>();
  readonly #release: (self: FrozenArena) => void;
  #next = 0;

  constructor(bytes: Uint8Array, end: number, release: (self: FrozenArena) => void) {
    this.#bytes = bytes;
    this.end = end;
    this.#release = release;
  }

  /** How many chunks have been given out. */
  get given(): number {
    return this.#next;
  }

  /** The next chunk, good until the arena is changed; undefined at the end. */
  next(): Uint8Array | undefined {
    const chunk = this.#next;
    if (chunk * CHUNK_BYTES >= this.end) return undefined;
    this.#next = chunk + 1;
    const saved = this.#saved.get(chunk);
    if (saved === undefined) return this.#chunk(chunk);
    this.#saved.delete(chunk);
    return saved;
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
    this.#next = Infinity;
  }

  #chunk(chunk: number): Uint8Array {
    return this.#bytes.subarray(chunk * CHUNK_BYTES, Math.min((chunk + 1) * CHUNK_BYTES, this.end));
  }
}
