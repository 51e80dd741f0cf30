/**
 * A table for keys that are 32-bit integers, which most numeric keys are: open addressing with
 * linear probing, key and version side by side, so that finding an entry and marking it as changed
 * touch one line of memory. Removed entries leave a mark until their slot is used again or the
 * table is rebuilt; entries never move under a snapshot's cursor.
 *
 * Invariants (besides those of KeyGroupTable)
 * I1. `words` holds key and version of slot s at 2s and 2s + 1; the version is 0 where there has
 *     been no entry since the last rebuild, and REMOVED where there was one. At least a quarter of
 *     the slots are 0.
 * I2. No slot between the home slot of a key and the slot of its entry is 0.
 * I3. `used` counts the slots that are not 0.
 */
import { columnBytes, makeColumn, storeRaw } from './column.ts';
import type { Column } from './column.ts';
import {
  capacityFor,
  hashInt32,
  isFull,
  isSparse,
  MINIMUM_CAPACITY,
  shiftOf,
} from './hash-slots.ts';
import { ABSENT, KeyGroupTable } from './key-group-table.ts';
import type { TablePlace, TableRows } from './key-group-table.ts';
import { RESTORED_VERSION } from './version-clock.ts';

const REMOVED = -1;

export class Int32Table extends KeyGroupTable {
  #words: Int32Array;
  #capacity: number;
  #shift: number;
  #used = 0;

  constructor(place: TablePlace) {
    super(place, makeColumn(place.column, MINIMUM_CAPACITY));
    this.#capacity = MINIMUM_CAPACITY;
    this.#shift = shiftOf(MINIMUM_CAPACITY);
    this.#words = new Int32Array(MINIMUM_CAPACITY * 2);
  }

  override get end(): number {
    return this.#capacity;
  }

  override versionAt(slot: number): number {
    return this.#words[slot * 2 + 1]!;
  }

  override keyAt(slot: number): number {
    return this.#words[slot * 2]!;
  }

  override find(key: number): number {
    const words = this.#words;
    const last = this.#capacity - 1;
    let slot = hashInt32(key) >>> this.#shift;
    for (;;) {
      const version = words[slot * 2 + 1]!;
      if (version > 0 && words[slot * 2] === key) return slot;
      if (version === 0) return ABSENT;
      slot = (slot + 1) & last;
    }
  }

  override insert(key: number): number {
    let slot = this.#place(key);
    if (this.#words[slot * 2 + 1] === 0) {
      if (isFull(this.#used, this.#capacity)) {
        this.#rebuild(capacityFor(this.size + 1));
        slot = this.#place(key);
      }
      this.#used += 1;
    }
    this.#words[slot * 2] = key;
    this.#words[slot * 2 + 1] = this.clock.now;
    this.size += 1;
    return slot;
  }

  override touch(slot: number): void {
    const words = this.#words;
    const now = this.clock.now;
    const version = words[slot * 2 + 1]!;
    if (version === now) return;
    if (this.clock.observers.length !== 0) this.announceChange(slot, version);
    words[slot * 2 + 1] = now;
  }

  override remove(slot: number): void {
    if (this.clock.observers.length !== 0) this.announceChange(slot, this.versionAt(slot));
    this.#words[slot * 2 + 1] = REMOVED;
    if (this.column === 'reference') storeRaw(this.values, slot, undefined);
    this.size -= 1;
    if (isSparse(this.size, this.#capacity)) this.#rebuild(capacityFor(this.size));
  }

  override markRestored(slot: number): void {
    this.#words[slot * 2 + 1] = RESTORED_VERSION;
  }

  override reserve(entries: number): void {
    if (capacityFor(entries) > this.#capacity) this.#rebuild(capacityFor(entries));
  }

  override rows(): TableRows {
    return new Int32Rows(this.#words, this.values);
  }

  override get bytes(): number {
    return this.#words.byteLength + columnBytes(this.values);
  }

  /** I2: where an entry for a key that has none goes. */
  #place(key: number): number {
    const words = this.#words;
    const last = this.#capacity - 1;
    let slot = hashInt32(key) >>> this.#shift;
    while (words[slot * 2 + 1]! > 0) slot = (slot + 1) & last;
    return slot;
  }

  /** T4 */
  #rebuild(capacity: number): void {
    this.announceRebuild();
    const words = this.#words;
    const values = this.values;
    this.#capacity = capacity;
    this.#shift = shiftOf(capacity);
    this.#words = new Int32Array(capacity * 2);
    this.values = makeColumn(this.column, capacity);
    this.#used = this.size;
    for (let from = 0; from * 2 < words.length; from++) {
      const version = words[from * 2 + 1]!;
      if (version <= 0) continue;
      const key = words[from * 2]!;
      const to = this.#place(key);
      this.#words[to * 2] = key;
      this.#words[to * 2 + 1] = version;
      storeRaw(this.values, to, values[from]);
    }
  }
}

class Int32Rows implements TableRows {
  readonly end: number;
  readonly values: Column;
  readonly #words: Int32Array;

  constructor(words: Int32Array, values: Column) {
    this.end = words.length / 2;
    this.values = values;
    this.#words = words;
  }

  versionAt(slot: number): number {
    return this.#words[slot * 2 + 1]!;
  }

  keyAt(slot: number): number {
    return this.#words[slot * 2]!;
  }
}
