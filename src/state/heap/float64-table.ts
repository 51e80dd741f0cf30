/**
 * A table for numeric keys that are no 32-bit integers: large ones (timestamps, ids), fractions,
 * infinities and NaN, told from one another by their 64 bits. Otherwise it is an Int32Table.
 *
 * Invariants (besides those of KeyGroupTable)
 * D1. `words` holds the low and the high half of the key and the version of slot s at 3s, 3s + 1
 *     and 3s + 2; the version is 0 where there has been no entry since the last rebuild, and
 *     REMOVED where there was one. At least a quarter of the slots are 0.
 * D2. No slot between the home slot of a key and the slot of its entry is 0.
 * D3. `used` counts the slots that are not 0.
 * D4. Every NaN has the same bits; -0 is an int32.
 */
import { columnBytes, makeColumn, storeRaw, timesBytes } from './column.ts';
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
const NAN_HIGH = 0x7ff8_0000;

/** Where the halves of a number are seen; one for a backend. */
export class Float64Halves {
  low = 0;
  high = 0;
  readonly #float = new Float64Array(1);
  readonly #words = new Int32Array(this.#float.buffer);

  /** D4 */
  split(value: number): void {
    this.#float[0] = value;
    this.low = value === value ? this.#words[0]! : 0;
    this.high = value === value ? this.#words[1]! : NAN_HIGH;
  }

  join(low: number, high: number): number {
    this.#words[0] = low;
    this.#words[1] = high;
    return this.#float[0]!;
  }
}

export class Float64Table extends KeyGroupTable {
  readonly first = 0;
  readonly step = 1;
  readonly timeShift = 0;
  #words: Int32Array;
  #capacity: number;
  #shift: number;
  #used = 0;
  readonly #halves: Float64Halves;

  constructor(place: TablePlace, halves: Float64Halves) {
    super(place, makeColumn(place.column, MINIMUM_CAPACITY));
    this.#capacity = MINIMUM_CAPACITY;
    this.#shift = shiftOf(MINIMUM_CAPACITY);
    this.#words = new Int32Array(MINIMUM_CAPACITY * 3);
    this.#halves = halves;
    if (place.timed) this.stampAll(0);
  }

  protected override get places(): number {
    return this.#capacity;
  }

  override get end(): number {
    return this.#capacity;
  }

  override versionAt(slot: number): number {
    return this.#words[slot * 3 + 2]!;
  }

  override keyAt(slot: number): number {
    return this.#halves.join(this.#words[slot * 3]!, this.#words[slot * 3 + 1]!);
  }

  override find(key: number): number {
    this.#halves.split(key);
    const { low, high } = this.#halves;
    const words = this.#words;
    const last = this.#capacity - 1;
    let slot = hash(low, high) >>> this.#shift;
    for (;;) {
      const at = slot * 3;
      const version = words[at + 2]!;
      if (version > 0 && words[at] === low && words[at + 1] === high) return slot;
      if (version === 0) return ABSENT;
      slot = (slot + 1) & last;
    }
  }

  override insert(key: number): number {
    this.#halves.split(key);
    const { low, high } = this.#halves;
    let slot = this.#place(low, high);
    if (this.#words[slot * 3 + 2] === 0) {
      if (isFull(this.#used, this.#capacity)) {
        this.#rebuild(capacityFor(this.size + 1));
        slot = this.#place(low, high);
      }
      this.#used += 1;
    }
    this.#store(slot, low, high, this.clock.now);
    this.size += 1;
    return slot;
  }

  override touch(slot: number): void {
    const words = this.#words;
    const now = this.clock.now;
    const version = words[slot * 3 + 2]!;
    if (version === now) return;
    if (this.clock.observers.length !== 0) this.announceChange(slot, version);
    words[slot * 3 + 2] = now;
  }

  override remove(slot: number): void {
    if (this.clock.observers.length !== 0) this.announceChange(slot, this.versionAt(slot));
    this.#words[slot * 3 + 2] = REMOVED;
    if (this.column === 'reference') storeRaw(this.values, slot, undefined);
    this.size -= 1;
    if (isSparse(this.size, this.#capacity)) this.#rebuild(capacityFor(this.size));
  }

  override markRestored(slot: number): void {
    this.#words[slot * 3 + 2] = RESTORED_VERSION;
  }

  override reserve(entries: number): void {
    if (capacityFor(entries) > this.#capacity) this.#rebuild(capacityFor(entries));
  }

  override rows(): TableRows {
    return new Float64Rows(this.#words, this, this.#halves);
  }

  override get bytes(): number {
    return this.#words.byteLength + columnBytes(this.values) + timesBytes(this.times);
  }

  #store(slot: number, low: number, high: number, version: number): void {
    const words = this.#words;
    words[slot * 3] = low;
    words[slot * 3 + 1] = high;
    words[slot * 3 + 2] = version;
  }

  /** D2: where an entry for a key that has none goes. */
  #place(low: number, high: number): number {
    const words = this.#words;
    const last = this.#capacity - 1;
    let slot = hash(low, high) >>> this.#shift;
    while (words[slot * 3 + 2]! > 0) slot = (slot + 1) & last;
    return slot;
  }

  /** T4 */
  #rebuild(capacity: number): void {
    this.announceRebuild();
    const words = this.#words;
    const values = this.values;
    const times = this.times;
    this.#capacity = capacity;
    this.#shift = shiftOf(capacity);
    this.#words = new Int32Array(capacity * 3);
    this.values = makeColumn(this.column, capacity);
    if (times !== undefined) this.times = new Float64Array(capacity);
    this.#used = this.size;
    for (let from = 0; from * 3 < words.length; from++) {
      const version = words[from * 3 + 2]!;
      if (version <= 0) continue;
      const low = words[from * 3]!;
      const high = words[from * 3 + 1]!;
      const to = this.#place(low, high);
      this.#store(to, low, high, version);
      storeRaw(this.values, to, values[from]);
      if (times !== undefined) this.times![to] = times[from]!;
    }
  }
}

function hash(low: number, high: number): number {
  return hashInt32(low ^ Math.imul(high, 0x85ebca6b));
}

class Float64Rows implements TableRows {
  readonly first = 0;
  readonly step = 1;
  readonly timeShift = 0;
  readonly end: number;
  readonly values: Column;
  readonly times: Float64Array | undefined;
  readonly #words: Int32Array;
  readonly #halves: Float64Halves;

  constructor(words: Int32Array, { values, times }: Float64Table, halves: Float64Halves) {
    this.end = words.length / 3;
    this.values = values;
    this.times = times;
    this.#words = words;
    this.#halves = halves;
  }

  versionAt(slot: number): number {
    return this.#words[slot * 3 + 2]!;
  }

  keyAt(slot: number): number {
    return this.#halves.join(this.#words[slot * 3]!, this.#words[slot * 3 + 1]!);
  }
}
