/**
 * Slots of fixed width by keys that are bytes: the rows of a RowTable in one key group. Nothing in
 * it is an object, so that a million keys cost the collector nothing and a snapshot copies memory.
 * A key lies beside its value, because with many keys the time goes into fetching lines of memory.
 *
 * Invariants
 * R1. A slot lies in `#slots` at slot * 8: the length of its key, or -1 less it if it was removed,
 *     the hash of the key, its bytes, up to a multiple of 8, and the value. Slots lie one behind
 *     another. They move in `findOrInsert` only.
 * R2. `#index` holds hash and slot + 1 of every key at 2p and 2p + 1; 0 instead of the latter where
 *     there has been none since the last rebuild, and REMOVED where there was one. No place between
 *     the home of a hash and the place of its entry is 0; at least a quarter of all are.
 * R3. `#garbage` counts the bytes of slots that were removed.
 */
import { assert } from '../../base/assert.ts';
import {
  capacityFor,
  hashInt32,
  isFull,
  isSparse,
  MINIMUM_CAPACITY,
  shiftOf,
} from '../heap/hash-slots.ts';
import type { VersionClock } from '../heap/version-clock.ts';
import type { RowTableGroup } from '../row-state.ts';
import { Arena } from './arena.ts';
import type { RowUnit } from './row-unit.ts';

const REMOVED = -1;
const HEADER_BYTES = 8;

export class RowSlots implements RowTableGroup, RowUnit {
  isNew = false;
  size = 0;
  readonly #width: number;
  #slots: Arena;
  #garbage = 0;
  #index = new Int32Array(MINIMUM_CAPACITY * 2);
  #capacity: number = MINIMUM_CAPACITY;
  #shift: number = shiftOf(MINIMUM_CAPACITY);
  #used = 0;

  readonly #clock: VersionClock;

  constructor(width: number, clock: VersionClock) {
    this.#width = width;
    this.#clock = clock;
    this.#slots = new Arena(clock);
  }

  get bytes(): Uint8Array {
    return this.#slots.bytes;
  }

  get words(): Int32Array {
    return this.#slots.words;
  }

  get doubles(): Float64Array {
    return this.#slots.doubles;
  }

  keyStart(slot: number): number {
    return slot * 8 + HEADER_BYTES;
  }

  keyEnd(slot: number): number {
    return slot * 8 + HEADER_BYTES + this.#slots.words[slot * 2]!;
  }

  valueAt(slot: number): number {
    return slot * 8 + HEADER_BYTES + ((this.#slots.words[slot * 2]! + 7) & ~7);
  }

  touch(slot: number): void {
    const at = this.valueAt(slot);
    this.#slots.touch(at, this.#width);
  }

  first(): number {
    return this.#liveFrom(0);
  }

  next(slot: number): number {
    return this.#liveFrom(slot + (this.#bytesAt(slot) >> 3));
  }

  find(key: Uint8Array, start: number, end: number): number {
    return this.#find(hashBytes(key, start, end), key, start, end);
  }

  findOrInsert(key: Uint8Array, start: number, end: number): number {
    const hash = hashBytes(key, start, end);
    const known = this.#find(hash, key, start, end);
    this.isNew = known < 0;
    return known >= 0 ? known : this.#insert(hash, key, start, end);
  }

  remove(slot: number): void {
    const { words } = this.#slots;
    assert(words[slot * 2]! >= 0, 'R1: a slot that was removed');
    if (this.size === 1) return this.#clear();
    this.#leave(words[slot * 2 + 1]!, slot);
    this.#slots.touch(slot * 8, HEADER_BYTES);
    this.#garbage += this.#bytesAt(slot);
    words[slot * 2] = -1 - words[slot * 2]!;
    this.size -= 1;
    if (isSparse(this.size, this.#capacity)) this.#rebuild(capacityFor(this.size));
  }

  // ------------------------------------------------------------------------------------ snapshots

  get arenas(): readonly Arena[] {
    return [this.#slots];
  }

  resetArena(): void {
    this.#slots = new Arena(this.#clock);
  }

  get typedBytes(): number {
    return this.#slots.bytes.length + this.#index.byteLength;
  }

  takeRestored(): string | undefined {
    const { words, bytes, end } = this.#slots;
    this.#rebuild(MINIMUM_CAPACITY);
    let slot = 0;
    for (; slot * 8 < end; slot += this.#bytesAt(slot) >> 3) {
      const length = words[slot * 2]!;
      const whole = this.#bytesAt(slot);
      // Less where the length of a key is beyond all measure.
      if (whole < HEADER_BYTES || slot * 8 + whole > end) return 'part of a slot';
      if (length < 0) {
        this.#garbage += whole;
        continue;
      }
      const start = this.keyStart(slot);
      const hash = hashBytes(bytes, start, start + length);
      if (this.#find(hash, bytes, start, start + length) >= 0) return 'a key for the second time';
      words[slot * 2 + 1] = hash;
      this.#enter(hash, slot);
      this.size += 1;
    }
    return undefined;
  }

  // ---------------------------------------------------------------------------------------- slots

  /** R1: of a slot with or without its key. */
  #bytesAt(slot: number): number {
    const length = this.#slots.words[slot * 2]!;
    return HEADER_BYTES + (((length < 0 ? -1 - length : length) + 7) & ~7) + this.#width;
  }

  #liveFrom(from: number): number {
    const { words, end } = this.#slots;
    let slot = from;
    while (slot * 8 < end && words[slot * 2]! < 0) slot += this.#bytesAt(slot) >> 3;
    return slot * 8 < end ? slot : -1;
  }

  #insert(hash: number, key: Uint8Array, start: number, end: number): number {
    const length = end - start;
    const bytes = HEADER_BYTES + ((length + 7) & ~7) + this.#width;
    if (this.#garbage * 2 > this.#slots.end && this.#slots.isFull(bytes)) this.#compact();
    const slots = this.#slots;
    const at = slots.extend(HEADER_BYTES);
    slots.put(key, start, end);
    slots.extend(this.#width);
    slots.words[at >> 2] = length;
    slots.words[(at >> 2) + 1] = hash;
    this.#enter(hash, at >> 3);
    this.size += 1;
    return at >> 3;
  }

  /** R3: puts the slots with keys into other memory. */
  #compact(): void {
    const old = this.#slots;
    const slots = new Arena(this.#clock);
    for (let slot = this.first(); slot >= 0; slot = this.next(slot)) {
      slots.put(old.bytes, slot * 8, slot * 8 + this.#bytesAt(slot));
    }
    this.#slots = slots;
    this.#garbage = 0;
    this.#rebuild(this.#capacity);
  }

  #clear(): void {
    this.size = 0;
    this.#slots = new Arena(this.#clock);
    this.#garbage = 0;
    this.#rebuild(MINIMUM_CAPACITY);
  }

  // ---------------------------------------------------------------------------------------- index

  #find(hash: number, key: Uint8Array, start: number, end: number): number {
    const index = this.#index;
    const last = this.#capacity - 1;
    let place = hash >>> this.#shift;
    for (;;) {
      const entry = index[place * 2 + 1]!;
      if (entry === 0) return -1;
      if (entry > 0 && index[place * 2] === hash && this.#isKey(entry - 1, key, start, end)) {
        return entry - 1;
      }
      place = (place + 1) & last;
    }
  }

  #isKey(slot: number, key: Uint8Array, start: number, end: number): boolean {
    const { words, bytes } = this.#slots;
    if (words[slot * 2] !== end - start) return false;
    for (let i = start, own = slot * 8 + HEADER_BYTES; i < end; i++, own++) {
      if (bytes[own] !== key[i]) return false;
    }
    return true;
  }

  /** For a key that is not there. */
  #enter(hash: number, slot: number): void {
    let place = this.#place(hash);
    if (this.#index[place * 2 + 1] === 0) {
      if (isFull(this.#used, this.#capacity)) {
        this.#growIndex(capacityFor(this.size + 1));
        place = this.#place(hash);
      }
      this.#used += 1;
    }
    this.#index[place * 2] = hash;
    this.#index[place * 2 + 1] = slot + 1;
  }

  #leave(hash: number, slot: number): void {
    const index = this.#index;
    let place = hash >>> this.#shift;
    while (index[place * 2 + 1] !== slot + 1) {
      assert(index[place * 2 + 1] !== 0, 'R2: a key that is not where it should be');
      place = (place + 1) & (this.#capacity - 1);
    }
    index[place * 2 + 1] = REMOVED;
  }

  #place(hash: number): number {
    const index = this.#index;
    let place = hash >>> this.#shift;
    while (index[place * 2 + 1]! > 0) place = (place + 1) & (this.#capacity - 1);
    return place;
  }

  #growIndex(capacity: number): void {
    const index = this.#index;
    this.#reset(capacity);
    for (let from = 0; from < index.length; from += 2) {
      if (index[from + 1]! > 0) this.#enterAnew(index[from]!, index[from + 1]!);
    }
  }

  /** From the slots of `size` keys. */
  #rebuild(capacity: number): void {
    this.#reset(capacity);
    if (this.size === 0) return;
    const { words } = this.#slots;
    for (let slot = this.first(); slot >= 0; slot = this.next(slot)) {
      this.#enterAnew(words[slot * 2 + 1]!, slot + 1);
    }
  }

  #reset(capacity: number): void {
    this.#capacity = capacity;
    this.#shift = shiftOf(capacity);
    this.#index = new Int32Array(capacity * 2);
    this.#used = this.size;
  }

  #enterAnew(hash: number, entry: number): void {
    const place = this.#place(hash);
    this.#index[place * 2] = hash;
    this.#index[place * 2 + 1] = entry;
  }
}

/** Use the high bits. */
function hashBytes(bytes: Uint8Array, start: number, end: number): number {
  let hash = end - start;
  let i = start;
  for (; i + 4 <= end; i += 4) {
    const word = bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
    hash = Math.imul(hash ^ word, 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  for (; i < end; i++) hash = Math.imul(hash ^ bytes[i]!, 0x9e3779b1);
  return hashInt32(hash);
}
