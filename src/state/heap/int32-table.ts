/**
 * A table for keys that are 32-bit integers, which most numeric keys are: open addressing with
 * linear probing. Key and version lie side by side, and a value of eight bytes right behind them,
 * because with many keys the time goes into fetching lines of memory: finding an entry, marking it
 * as changed and changing it touch one. Removed entries leave a mark until their place is used
 * again or the table is rebuilt; entries never move under a snapshot's cursor.
 *
 * Invariants (besides those of KeyGroupTable)
 * I1. Place p has its key and its version in `words`, at p * stride and behind that. The stride is
 *     4 where `values` is the same memory, else 2. The version is 0 where there has been no entry
 *     since the last rebuild, and REMOVED where there was one. At least a quarter of the places are
 *     0.
 * I2. No place between the home of a key and the place of its entry is 0.
 * I3. `used` counts the places that are not 0.
 * I4. The slot of place p is the index of its value: 2p + 1 in shared memory, else p. So the
 *     version of a slot is at 2 * slot + `toVersion`, and the key before it.
 */
import { columnBytes, makeColumn, storeRaw, timesBytes } from './column.ts';
import type { Column, ColumnKind } from './column.ts';
import type { EntryBatch } from './entry-batch.ts';
import {
  capacityFor,
  hashInt32,
  isFull,
  isSparse,
  MINIMUM_CAPACITY,
  shiftOf,
} from './hash-slots.ts';
import { ABSENT, KeyGroupTable } from './key-group-table.ts';
import type { TablePlace, TableRows, VersionRange } from './key-group-table.ts';
import { RESTORED_VERSION } from './version-clock.ts';

const REMOVED = -1;

export class Int32Table extends KeyGroupTable {
  readonly hasNumbers = true;
  #words: Int32Array;
  #capacity: number;
  #shift: number;
  #used = 0;
  /** I1: 2 ** logStride is the stride. */
  readonly #logStride: number;
  /** I4: -1 in shared memory, else 1. */
  readonly #toVersion: number;
  readonly step: number;
  readonly first: number;
  readonly timeShift: number;

  constructor(place: TablePlace) {
    super(place, []);
    const shared = isShared(place.column);
    this.#logStride = shared ? 2 : 1;
    this.#toVersion = shared ? -1 : 1;
    this.step = shared ? 2 : 1;
    this.first = shared ? 1 : 0;
    this.#capacity = MINIMUM_CAPACITY;
    this.#shift = shiftOf(MINIMUM_CAPACITY);
    this.#words = new Int32Array(MINIMUM_CAPACITY << this.#logStride);
    this.values = columnOver(this.column, this.#words, MINIMUM_CAPACITY);
    this.timeShift = shared ? 1 : 0;
    if (place.timed) this.stampAll(NaN);
  }

  protected override get places(): number {
    return this.#capacity;
  }

  override get end(): number {
    return this.#capacity * this.step;
  }

  override versionAt(slot: number): number {
    return this.#words[slot * 2 + this.#toVersion]!;
  }

  override keyAt(slot: number): number {
    return this.#words[slot * 2 + this.#toVersion - 1]!;
  }

  override seek(slot: number, end: number, since: number, version: number): number {
    return seek(this.#words, { slot, end, step: this.step, at: this.#toVersion, since, version });
  }

  override gather(slot: number, end: number, wanted: VersionRange, batch: EntryBatch): number {
    const sought = { slot, end, step: this.step, at: this.#toVersion, ...wanted };
    return gather(this.#words, sought, batch);
  }

  override find(key: number): number {
    const words = this.#words;
    const last = this.#capacity - 1;
    const logStride = this.#logStride;
    let place = hashInt32(key) >>> this.#shift;
    for (;;) {
      const at = place << logStride;
      const version = words[at + 1]!;
      if (version > 0 && words[at] === key) return place * this.step + this.first;
      if (version === 0) return ABSENT;
      place = (place + 1) & last;
    }
  }

  override approach(key: number): number {
    return this.#words[(hashInt32(key) >>> this.#shift) << this.#logStride]!;
  }

  override insert(key: number): number {
    let place = this.#place(key);
    if (this.#words[(place << this.#logStride) + 1] === 0) {
      if (isFull(this.#used, this.#capacity)) {
        this.#rebuild(capacityFor(this.size + 1));
        place = this.#place(key);
      }
      this.#used += 1;
    }
    const at = place << this.#logStride;
    this.#words[at] = key;
    this.#words[at + 1] = this.clock.now + 1;
    this.size += 1;
    return place * this.step + this.first;
  }

  override insertRestored(key: number): number {
    if (isFull(this.#used, this.#capacity)) this.#rebuild(capacityFor(this.size + 1));
    const words = this.#words;
    const last = this.#capacity - 1;
    const logStride = this.#logStride;
    let place = hashInt32(key) >>> this.#shift;
    for (;;) {
      const at = place << logStride;
      if (words[at + 1] === 0) {
        words[at] = key;
        words[at + 1] = RESTORED_VERSION;
        break;
      }
      if (words[at] === key) return ABSENT;
      place = (place + 1) & last;
    }
    this.#used += 1;
    this.size += 1;
    return place * this.step + this.first;
  }

  override touch(slot: number): void {
    const words = this.#words;
    const now = this.clock.now;
    const at = slot * 2 + this.#toVersion;
    const version = words[at]!;
    if (version >= now) return;
    if (this.clock.observers.length !== 0) this.announceChange(slot, version);
    words[at] = now;
  }

  override remove(slot: number): void {
    this.announceRemoval(slot, this.versionAt(slot));
    this.#words[slot * 2 + this.#toVersion] = REMOVED;
    if (this.column === 'reference') storeRaw(this.values, slot, undefined);
    this.size -= 1;
    if (isSparse(this.size, this.#capacity)) this.#rebuild(capacityFor(this.size));
  }

  override markRestored(slot: number): void {
    this.#words[slot * 2 + this.#toVersion] = RESTORED_VERSION;
  }

  override reserve(entries: number): void {
    if (capacityFor(entries) > this.#capacity) this.#rebuild(capacityFor(entries));
  }

  override rows(): TableRows {
    return new Int32Rows(this.#words, this.values, this);
  }

  override get bytes(): number {
    const values = this.step === 2 ? 0 : columnBytes(this.values);
    return this.#words.byteLength + values + timesBytes(this.times);
  }

  /** I2: where an entry for a key that has none goes. */
  #place(key: number): number {
    const words = this.#words;
    const last = this.#capacity - 1;
    const logStride = this.#logStride;
    let place = hashInt32(key) >>> this.#shift;
    while (words[(place << logStride) + 1]! > 0) place = (place + 1) & last;
    return place;
  }

  /** T4 */
  #rebuild(capacity: number): void {
    this.announceRebuild();
    const words = this.#words;
    const values = this.values;
    const times = this.times;
    const stride = 1 << this.#logStride;
    this.#capacity = capacity;
    this.#shift = shiftOf(capacity);
    this.#words = new Int32Array(capacity * stride);
    this.values = columnOver(this.column, this.#words, capacity);
    if (times !== undefined) this.times = new Float64Array(capacity).fill(NaN);
    this.#used = this.size;
    for (let from = 0; from < words.length; from += stride) {
      const version = words[from + 1]!;
      if (version <= 0) continue;
      const key = words[from]!;
      const place = this.#place(key);
      const to = place * stride;
      this.#words[to] = key;
      this.#words[to + 1] = version;
      if (times !== undefined) this.times![place] = times[from >> this.#logStride]!;
      if (stride === 4) {
        this.#words[to + 2] = words[from + 2]!;
        this.#words[to + 3] = words[from + 3]!;
      } else {
        storeRaw(this.values, place, values[from >> 1]);
      }
    }
  }
}

function isShared(column: ColumnKind): boolean {
  return column === 'float64' || column === 'int32' || column === 'bigint';
}

/** The column of values: over `words` where a value fits in behind its key. */
function columnOver(column: ColumnKind, words: Int32Array, capacity: number): Column {
  const { buffer } = words;
  if (column === 'bigint') return new BigInt64Array(buffer);
  return isShared(column) ? new Float64Array(buffer) : makeColumn(column, capacity);
}

interface Sought {
  readonly slot: number;
  readonly end: number;
  readonly step: number;
  /** From twice the slot to the version. */
  readonly at: number;
  readonly since: number;
  readonly version: number;
}

function seek(words: Int32Array, { slot, end, step, at, since, version }: Sought): number {
  let candidate = slot;
  for (; candidate < end; candidate += step) {
    const found = words[candidate * 2 + at]!;
    if (found > since && found <= version) break;
  }
  return candidate;
}

function gather(words: Int32Array, sought: Sought, batch: EntryBatch): number {
  const { slot, end, step, at, since, version } = sought;
  const { numbers, slots, places } = batch;
  let { count } = batch;
  let candidate = slot;
  for (; candidate < end && count < places; candidate += step) {
    const found = words[candidate * 2 + at]!;
    if (found <= since || found > version) continue;
    numbers[count] = words[candidate * 2 + at - 1]!;
    slots[count] = candidate;
    count += 1;
  }
  batch.count = count;
  return candidate;
}

class Int32Rows implements TableRows {
  readonly first: number;
  readonly step: number;
  readonly end: number;
  readonly values: Column;
  readonly times: Float64Array | undefined;
  readonly timeShift: number;
  readonly #words: Int32Array;
  readonly #toVersion: number;

  constructor(words: Int32Array, values: Column, table: Int32Table) {
    const { first, step, end } = table;
    this.times = table.times;
    this.timeShift = table.timeShift;
    this.first = first;
    this.step = step;
    this.end = end;
    this.values = values;
    this.#words = words;
    this.#toVersion = step === 2 ? -1 : 1;
  }

  versionAt(slot: number): number {
    return this.#words[slot * 2 + this.#toVersion]!;
  }

  keyAt(slot: number): number {
    return this.#words[slot * 2 + this.#toVersion - 1]!;
  }

  seek(slot: number, end: number, since: number, version: number): number {
    return seek(this.#words, { slot, end, step: this.step, at: this.#toVersion, since, version });
  }

  gather(slot: number, end: number, wanted: VersionRange, batch: EntryBatch): number {
    const sought = { slot, end, step: this.step, at: this.#toVersion, ...wanted };
    return gather(this.#words, sought, batch);
  }
}
