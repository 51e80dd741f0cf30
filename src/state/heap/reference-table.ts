/**
 * A table for keys that are not numbers: dense columns, and an index from lookup to slot. Slots of
 * removed entries are given out again.
 *
 * Invariants (besides those of KeyGroupTable)
 * M1. `index` has exactly the lookups of the entries, each with its slot; `lookups` has them by
 *     slot, and is `keys` itself where keys are their own lookups.
 * M2. Slots below `end` without an entry are in `free`, each once.
 */
import type { Key } from '../../types/schema.ts';
import { columnBytes, growColumn, makeColumn, storeRaw, timesBytes } from './column.ts';
import type { Column } from './column.ts';
import type { EntryBatch } from './entry-batch.ts';
import { ABSENT, KeyGroupTable } from './key-group-table.ts';
import type { TablePlace, TableRows, VersionRange } from './key-group-table.ts';
import { LookupIndex } from './lookup-index.ts';
import type { Lookup, LookupHolder } from './lookup-index.ts';
import { RESTORED_VERSION } from './version-clock.ts';

const MINIMUM_CAPACITY = 4;
const SPARSE_MIN = 64;

export class ReferenceTable extends KeyGroupTable implements LookupHolder {
  readonly hasNumbers = false;
  readonly first = 0;
  readonly step = 1;
  readonly timeShift = 0;
  #keys: Key[] = [];
  /** M1 */
  #lookups: Lookup[];
  #versions: Int32Array;
  #index = new LookupIndex();
  #free: number[] = [];

  readonly #tuples: boolean;

  /** @param tuples whether keys are tuples, whose lookups are texts */
  constructor(place: TablePlace, tuples: boolean) {
    super(place, makeColumn(place.column, MINIMUM_CAPACITY));
    this.#tuples = tuples;
    this.#lookups = tuples ? [] : (this.#keys as Lookup[]);
    this.#versions = new Int32Array(MINIMUM_CAPACITY);
    if (place.timed) this.stampAll(NaN);
  }

  protected override get places(): number {
    return this.#versions.length;
  }

  override get end(): number {
    return this.#keys.length;
  }

  override versionAt(slot: number): number {
    return this.#versions[slot]!;
  }

  override keyAt(slot: number): Key {
    return this.#keys[slot]!;
  }

  override seek(slot: number, end: number, since: number, version: number): number {
    return seek(this.#versions, slot, end, since, version);
  }

  override gather(slot: number, end: number, wanted: VersionRange, batch: EntryBatch): number {
    return gather(this, this.#versions, { slot, end, ...wanted }, batch);
  }

  lookupAt(slot: number): Lookup {
    return this.#lookups[slot];
  }

  /** Keys that are numbers are in tables of another kind. */
  override approach(): number {
    return 0;
  }

  override find(lookup: Lookup): number {
    return this.#index.find(lookup, this);
  }

  override insert(lookup: Lookup, key: Key): number {
    const slot = this.#free.pop() ?? this.#append();
    this.#index.add(lookup, slot);
    if (this.#tuples) this.#keys[slot] = key;
    this.#lookups[slot] = lookup;
    this.#versions[slot] = this.clock.now + 1;
    this.size += 1;
    return slot;
  }

  override insertRestored(lookup: Lookup, key: Key): number {
    const slot = this.end;
    if (!this.#index.addNew(lookup, slot, this)) return ABSENT;
    this.#append();
    if (this.#tuples) this.#keys[slot] = key;
    this.#lookups[slot] = lookup;
    this.#versions[slot] = RESTORED_VERSION;
    this.size += 1;
    return slot;
  }

  override touch(slot: number): void {
    const versions = this.#versions;
    const now = this.clock.now;
    const version = versions[slot]!;
    if (version >= now) return;
    if (this.clock.observers.length !== 0) this.announceChange(slot, version);
    versions[slot] = now;
  }

  override remove(slot: number, lookup: Lookup): void {
    this.announceRemoval(slot, this.#versions[slot]!);
    this.#index.remove(lookup, slot);
    this.#versions[slot] = 0;
    this.#keys[slot] = false;
    this.#lookups[slot] = false;
    if (this.column === 'reference') storeRaw(this.values, slot, undefined);
    this.#free.push(slot);
    this.size -= 1;
    if (this.end > SPARSE_MIN && this.size * 8 < this.end) this.#rebuild();
  }

  override markRestored(slot: number): void {
    this.#versions[slot] = RESTORED_VERSION;
  }

  override reserve(entries: number): void {
    if (entries > this.#versions.length) this.#resize(entries);
    this.#index.reserve(entries);
  }

  override rows(): TableRows {
    return new ReferenceRows(this.#keys, this.#versions, this);
  }

  override get bytes(): number {
    const values = columnBytes(this.values) + timesBytes(this.times);
    return this.#index.bytes + this.#versions.byteLength + values;
  }

  #append(): number {
    const slot = this.#keys.length;
    if (slot === this.#versions.length) this.#resize(slot * 2);
    this.#keys.push(false);
    if (this.#tuples) this.#lookups.push(false);
    return slot;
  }

  /** Slots stay as they are. */
  #resize(capacity: number): void {
    const versions = new Int32Array(capacity);
    versions.set(this.#versions);
    this.#versions = versions;
    this.values = growColumn(this.column, this.values, capacity);
    const times = this.times;
    if (times === undefined) return;
    this.times = new Float64Array(capacity).fill(NaN);
    this.times.set(times);
  }

  /** T4: gives out all slots anew, without gaps. */
  #rebuild(): void {
    this.announceRebuild();
    const keys = this.#keys;
    const versions = this.#versions;
    const values = this.values;
    const lookups = this.#lookups;
    const times = this.times;
    const capacity = Math.max(this.size, MINIMUM_CAPACITY);
    this.#keys = [];
    this.#lookups = this.#tuples ? [] : (this.#keys as Lookup[]);
    this.#versions = new Int32Array(capacity);
    this.values = makeColumn(this.column, capacity);
    if (times !== undefined) this.times = new Float64Array(capacity).fill(NaN);
    this.#index = new LookupIndex();
    this.#free = [];
    for (let from = 0; from < keys.length; from++) {
      if (versions[from] === 0) continue;
      const to = this.#append();
      this.#keys[to] = keys[from]!;
      this.#lookups[to] = lookups[from];
      this.#versions[to] = versions[from]!;
      storeRaw(this.values, to, values[from]);
      if (times !== undefined) this.times![to] = times[from]!;
      this.#index.add(lookups[from], to);
    }
  }
}

function seek(
  versions: Int32Array,
  slot: number,
  end: number,
  since: number,
  version: number,
): number {
  let candidate = slot;
  while (candidate < end && !(versions[candidate]! > since && versions[candidate]! <= version)) {
    candidate += 1;
  }
  return candidate;
}

interface Sought extends VersionRange {
  readonly slot: number;
  readonly end: number;
}

function gather(
  rows: Pick<TableRows, 'keyAt'>,
  versions: Int32Array,
  { slot, end, since, version }: Sought,
  batch: EntryBatch,
): number {
  let candidate = slot;
  for (; candidate < end && !batch.isFull; candidate++) {
    const found = versions[candidate]!;
    if (found > since && found <= version) batch.add(rows.keyAt(candidate), candidate);
  }
  return candidate;
}

class ReferenceRows implements TableRows {
  readonly first = 0;
  readonly step = 1;
  readonly timeShift = 0;
  readonly end: number;
  readonly values: Column;
  readonly times: Float64Array | undefined;
  readonly #keys: readonly Key[];
  readonly #versions: Int32Array;

  constructor(keys: readonly Key[], versions: Int32Array, { values, times }: ReferenceTable) {
    this.end = keys.length;
    this.values = values;
    this.times = times;
    this.#keys = keys;
    this.#versions = versions;
  }

  versionAt(slot: number): number {
    return this.#versions[slot]!;
  }

  keyAt(slot: number): Key {
    return this.#keys[slot]!;
  }

  seek(slot: number, end: number, since: number, version: number): number {
    return seek(this.#versions, slot, end, since, version);
  }

  gather(slot: number, end: number, wanted: VersionRange, batch: EntryBatch): number {
    return gather(this, this.#versions, { slot, end, ...wanted }, batch);
  }
}
