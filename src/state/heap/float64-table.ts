/**
 * A table for numeric keys that are no 32-bit integers: large ones (timestamps, ids), fractions,
 * infinities and NaN. Open addressing with linear probing, as in an Int32Table, but made to be
 * small: keys and values of eight bytes lie side by side, versions take two bytes, and capacities
 * grow in small steps.
 *
 * Invariants (besides those of KeyGroupTable)
 * D1. Place p has its key in `words` at p << timeShift, a value of eight bytes right behind it, and
 *     its version in `versions` at p: 0 where there has been no entry since the last rebuild,
 *     REMOVED where there was one, else the difference of the version and `base`, which is even. A
 *     seventh of the places are 0.
 * D2. No place between the home of a key and the place of its entry is 0.
 * D3. `used` counts the places that are not 0.
 * D4. The slot of place p is the index of its value: 2p + 1 in shared memory, else p.
 * D5. When the clock has gone too far from `base` for two bytes, `base` is moved: entries that are
 *     older than all open snapshots, marks and bases become equally old.
 * D6. `words` and, behind them, `versions` are `block`, which may move when others take memory.
 */
import { assert } from '../../base/assert.ts';
import { columnBytes, makeColumn, storeRaw, timesBytes } from './column.ts';
import type { Column, ColumnKind } from './column.ts';
import type { EntryBatch } from './entry-batch.ts';
import { isSparse, MINIMUM_CAPACITY } from './hash-slots.ts';
import { ABSENT, KeyGroupTable } from './key-group-table.ts';
import type { TablePlace, TableRows, VersionRange } from './key-group-table.ts';
import { hashLookup } from './lookup-index.ts';
import type { BlockHolder, TableBlock, TableMemory } from './table-memory.ts';

const REMOVED = 0xffff;
/** Of a restored entry: older than what is changed now. */
const OLDEST = 1;
/** Stored versions that the clock may show are below it: there is one more, for what is made. */
const LATEST = 0xfffe;
/** Entries for every place, at most; and after a rebuild of a table that is not small. */
const FULL = 0.85;
const REBUILT = 0.7;
const SMALL = 512;

export class Float64Table extends KeyGroupTable implements BlockHolder {
  readonly hasNumbers = true;
  readonly first: number;
  readonly step: number;
  readonly timeShift: number;
  readonly #memory: TableMemory;
  /** D6 */
  #block: TableBlock;
  #words: Float64Array<ArrayBuffer>;
  #versions: Uint16Array<ArrayBuffer>;
  #base: number;
  #capacity: number = MINIMUM_CAPACITY;
  #used = 0;

  constructor(place: TablePlace, memory: TableMemory) {
    super(place, []);
    const shared = isShared(place.column);
    this.first = shared ? 1 : 0;
    this.step = shared ? 2 : 1;
    this.timeShift = shared ? 1 : 0;
    this.#memory = memory;
    this.#block = memory.take(blockBytes(MINIMUM_CAPACITY, this.timeShift), this);
    this.#words = this.#wordsOfBlock();
    this.#versions = this.#versionsOfBlock().fill(0);
    this.#base = this.clock.now - OLDEST - 1;
    this.values = columnOver(this.column, this.#words, MINIMUM_CAPACITY);
    if (place.timed) this.stampAll(NaN);
  }

  protected override get places(): number {
    return this.#capacity;
  }

  override get end(): number {
    return this.#capacity << this.timeShift;
  }

  override versionAt(slot: number): number {
    return versionOf(this.#versions[slot >> this.timeShift]!, this.#base);
  }

  override keyAt(slot: number): number {
    return this.#words[slot - this.first]!;
  }

  override seek(slot: number, end: number, since: number, version: number): number {
    const rows = { versions: this.#versions, base: this.#base, timeShift: this.timeShift };
    return seek(rows, { slot, end, since, version });
  }

  override gather(slot: number, end: number, wanted: VersionRange, batch: EntryBatch): number {
    return gather(this, { slot, end, ...wanted }, batch);
  }

  override find(key: number): number {
    if (key !== key) return this.#findNaN();
    const words = this.#words;
    const versions = this.#versions;
    const capacity = this.#capacity;
    const shift = this.timeShift;
    let place = homeOf(key, capacity);
    for (;;) {
      const version = versions[place]!;
      if (version === 0) return ABSENT;
      if (words[place << shift] === key && version !== REMOVED) {
        return (place << shift) + this.first;
      }
      place += 1;
      if (place === capacity) place = 0;
    }
  }

  override approach(key: number): number {
    const place = homeOf(key, this.#capacity);
    return this.#words[place << this.timeShift]! + this.#versions[place]!;
  }

  override insert(key: number): number {
    let place = this.#place(key);
    if (this.#versions[place] === 0) {
      if (this.#used + 1 > this.#capacity * FULL) {
        this.#rebuild(capacityFor(this.size + 1));
        place = this.#place(key);
      }
      this.#used += 1;
    }
    this.#words[place << this.timeShift] = key;
    this.#versions[place] = this.#now() + 1;
    this.size += 1;
    return (place << this.timeShift) + this.first;
  }

  override insertRestored(key: number): number {
    if (this.find(key) !== ABSENT) return ABSENT;
    const slot = this.insert(key);
    this.markRestored(slot);
    return slot;
  }

  override touch(slot: number): void {
    const place = slot >> this.timeShift;
    const now = this.#now();
    const version = this.#versions[place]!;
    if (version >= now) return;
    if (this.clock.observers.length !== 0) this.announceChange(slot, version + this.#base);
    this.#versions[place] = now;
  }

  override remove(slot: number): void {
    this.announceRemoval(slot, this.versionAt(slot));
    this.#versions[slot >> this.timeShift] = REMOVED;
    if (this.column === 'reference') storeRaw(this.values, slot, undefined);
    this.size -= 1;
    if (isSparse(this.size, this.#capacity)) this.#rebuild(capacityFor(this.size));
  }

  override markRestored(slot: number): void {
    this.#versions[slot >> this.timeShift] = OLDEST;
  }

  override reserve(entries: number): void {
    if (capacityFor(entries) > this.#capacity) this.#rebuild(capacityFor(entries));
  }

  override drop(): void {
    this.#memory.release(this.#block);
  }

  /** D6. Values of their own stay where they are. */
  moved(): void {
    this.#words = this.#wordsOfBlock();
    this.#versions = this.#versionsOfBlock();
    if (this.step === 2) this.values = columnOver(this.column, this.#words, this.#capacity);
  }

  #wordsOfBlock(): Float64Array<ArrayBuffer> {
    const { buffer, at } = this.#block;
    return new Float64Array(buffer, at, this.#capacity << this.timeShift);
  }

  #versionsOfBlock(): Uint16Array<ArrayBuffer> {
    const { buffer, at } = this.#block;
    return new Uint16Array(buffer, at + (this.#capacity << this.timeShift) * 8, this.#capacity);
  }

  override rows(): TableRows {
    return new Float64Rows(this.#words, this.#versions, this.#base, this);
  }

  override get bytes(): number {
    const values = this.step === 2 ? 0 : columnBytes(this.values);
    return this.#block.bytes + values + timesBytes(this.times);
  }

  #findNaN(): number {
    for (let place = homeOf(NaN, this.#capacity); ; place = this.#after(place)) {
      const version = this.#versions[place]!;
      if (version === 0) return ABSENT;
      const key = this.#words[place << this.timeShift]!;
      if (key !== key && version !== REMOVED) return (place << this.timeShift) + this.first;
    }
  }

  #after(place: number): number {
    return place + 1 === this.#capacity ? 0 : place + 1;
  }

  /** D2: where an entry for a key that has none goes. */
  #place(key: number): number {
    const versions = this.#versions;
    const capacity = this.#capacity;
    let place = homeOf(key, capacity);
    for (;;) {
      const version = versions[place]!;
      if (version === 0 || version === REMOVED) return place;
      place += 1;
      if (place === capacity) place = 0;
    }
  }

  /** The clock's version as it is stored. */
  #now(): number {
    const now = this.clock.now - this.#base;
    return now < LATEST ? now : this.#rebase();
  }

  /** D5 */
  #rebase(): number {
    const { now, horizon } = this.clock;
    // Of an even number of versions, so that odd ones stay odd.
    const moved = (Math.min(horizon, now - 1) - OLDEST - this.#base) & ~1;
    const versions = this.#versions;
    for (let place = 0; place < versions.length; place++) {
      const version = versions[place]!;
      if (version === 0 || version === REMOVED) continue;
      versions[place] = Math.max(version - moved, OLDEST);
    }
    this.#base += moved;
    assert(now - this.#base < LATEST, 'D5: a snapshot or mark has been there for too many others');
    return now - this.#base;
  }

  /** T4 */
  #rebuild(capacity: number): void {
    this.announceRebuild();
    // This may move the old block.
    const block = this.#memory.take(blockBytes(capacity, this.timeShift), this);
    const { values, times, timeShift } = this;
    const words = this.#words;
    const versions = this.#versions;
    const old = this.#block;
    this.#block = block;
    this.#capacity = capacity;
    this.#words = this.#wordsOfBlock();
    this.#versions = this.#versionsOfBlock().fill(0);
    this.values = columnOver(this.column, this.#words, capacity);
    if (times !== undefined) this.times = new Float64Array(capacity).fill(NaN);
    this.#used = this.size;
    for (let from = 0; from < versions.length; from++) {
      const version = versions[from]!;
      if (version === 0 || version === REMOVED) continue;
      const key = words[from << timeShift]!;
      const to = this.#place(key);
      this.#words[to << timeShift] = key;
      this.#versions[to] = version;
      storeRaw(
        this.values,
        (to << timeShift) + this.first,
        values[(from << timeShift) + this.first],
      );
      if (times !== undefined) this.times![to] = times[from]!;
    }
    this.#memory.release(old);
  }
}

function blockBytes(capacity: number, timeShift: number): number {
  return capacity * ((8 << timeShift) + 2);
}

/** Capacities beyond the small ones are many, so that a table is never much too large. */
function capacityFor(entries: number): number {
  if (entries < SMALL) return Math.max(entries * 2, MINIMUM_CAPACITY);
  return Math.ceil(entries / REBUILT);
}

/** Where the search for a key begins. */
function homeOf(key: number, capacity: number): number {
  return Math.floor((hashLookup(key) >>> 0) * (capacity / 2 ** 32));
}

function versionOf(stored: number, base: number): number {
  return stored === 0 || stored === REMOVED ? 0 : stored + base;
}

function isShared(column: ColumnKind): boolean {
  return column === 'float64' || column === 'int32' || column === 'bigint';
}

/** The column of values: over `words` where a value fits in behind its key. */
function columnOver(kind: ColumnKind, words: Float64Array<ArrayBuffer>, capacity: number): Column {
  if (kind === 'bigint') return new BigInt64Array(words.buffer, words.byteOffset, words.length);
  return isShared(kind) ? words : makeColumn(kind, capacity);
}

interface VersionRows {
  readonly versions: Uint16Array;
  readonly base: number;
  readonly timeShift: number;
}

interface Sought {
  readonly slot: number;
  readonly end: number;
  readonly since: number;
  readonly version: number;
}

function seek({ versions, base, timeShift }: VersionRows, sought: Sought): number {
  const { slot, end, since, version } = sought;
  // Below them is what is no entry.
  const least = Math.max(since - base, 0);
  const most = Math.min(version - base, REMOVED - 1);
  let place = slot >> timeShift;
  const last = end >> timeShift;
  while (place < last && !(versions[place]! > least && versions[place]! <= most)) place += 1;
  return (place << timeShift) + (slot & ((1 << timeShift) - 1));
}

/** A table of this kind is of few keys, or of keys that are not from a small range: seldom. */
function gather(
  rows: Pick<TableRows, 'seek' | 'keyAt' | 'step'>,
  { slot, end, since, version }: Sought,
  batch: EntryBatch,
): number {
  let candidate = slot;
  while (!batch.isFull) {
    candidate = rows.seek(candidate, end, since, version);
    if (candidate >= end) break;
    batch.addNumber(rows.keyAt(candidate) as number, candidate);
    candidate += rows.step;
  }
  return candidate;
}

class Float64Rows implements TableRows {
  readonly first: number;
  readonly step: number;
  readonly timeShift: number;
  readonly end: number;
  readonly values: Column;
  readonly times: Float64Array | undefined;
  readonly #words: Float64Array;
  readonly #versions: Uint16Array;
  readonly #base: number;

  constructor(words: Float64Array, versions: Uint16Array, base: number, table: Float64Table) {
    this.first = table.first;
    this.step = table.step;
    this.timeShift = table.timeShift;
    this.end = table.end;
    this.values = table.values;
    this.times = table.times;
    this.#words = words;
    this.#versions = versions;
    this.#base = base;
  }

  versionAt(slot: number): number {
    return versionOf(this.#versions[slot >> this.timeShift]!, this.#base);
  }

  keyAt(slot: number): number {
    return this.#words[slot - this.first]!;
  }

  seek(slot: number, end: number, since: number, version: number): number {
    const rows = { versions: this.#versions, base: this.#base, timeShift: this.timeShift };
    return seek(rows, { slot, end, since, version });
  }

  gather(slot: number, end: number, wanted: VersionRange, batch: EntryBatch): number {
    return gather(this, { slot, end, ...wanted }, batch);
  }
}
