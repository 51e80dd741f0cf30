/**
 * The entries of one state in one key group (those with keys of one kind): a column of values
 * beside an index from key to slot, in which the kinds of table differ. The index also holds the
 * version of every entry.
 *
 * Invariants
 * T1. A slot holds an entry exactly if its version is greater than 0; `size` counts them.
 * T2. Every change of an entry goes through `insert`, `touch` or `remove` first, so that open
 *     snapshots see what was there (V1).
 * T3. While its version is not less than the clock's, an entry was changed after every open
 * snapshot
 *     began. It is odd exactly if the entry was made and not changed at a later one.
 * T4. Entries keep their slots until `beforeRebuild` has been told; then the memory is replaced,
 *     and what `rows` gave before is never written again.
 * T5. `times` is there exactly where values have a time-to-live: that of slot s is at s >>
 * timeShift,
 *     NaN where there has been no entry since the last rebuild. Lists and maps have the times of
 *     their elements in themselves.
 */
import type { Key } from '../../types/schema.ts';
import type { Column, ColumnKind } from './column.ts';
import type { KeyLookup } from './key-context.ts';
import { RemovalLog } from './removal-log.ts';
import type { EntryBatch } from './entry-batch.ts';
import type { VersionClock } from './version-clock.ts';

/** What `find` gives for a key without an entry. */
export const ABSENT = -1;

/** The entries of a table by slot. */
export interface TableRows {
  /** Entries lie in slots from `first`, at distances of `step`, below `end`. */
  readonly first: number;
  readonly step: number;
  readonly end: number;
  readonly values: Column;
  /** Of state with a time-to-live (T5). */
  readonly times: Float64Array | undefined;
  readonly timeShift: number;
  /** Greater than 0 for entries (T1). */
  versionAt(slot: number): number;
  /** Of an entry. */
  keyAt(slot: number): Key;
  /**
   * The first slot from `slot` on, and below `end`, whose version is greater than `since` and at
   * most `version`; one that is not below `end` if there is none.
   */
  seek(slot: number, end: number, since: number, version: number): number;
  /**
   * Adds the entries that `seek` would come to, one after another, to `batch`, until that is full;
   * returns the slot to go on from.
   */
  gather(slot: number, end: number, wanted: VersionRange, batch: EntryBatch): number;
}

/** Versions greater than `since` and at most `version`. */
export interface VersionRange {
  readonly since: number;
  readonly version: number;
}

/** Where a table belongs. */
export interface TablePlace {
  /** Which state, by its index in the backend; and which key group, by its index in the range. */
  readonly state: number;
  readonly group: number;
  readonly column: ColumnKind;
  readonly clock: VersionClock;
  /** Of sliced state: the start of the slice. */
  readonly slice?: number | undefined;
  /** T5 */
  readonly timed: boolean;
}

export abstract class KeyGroupTable implements TableRows {
  /** T1 */
  size: number;
  values: Column;
  /** T5 */
  times: Float64Array | undefined;
  readonly state: number;
  readonly group: number;
  readonly column: ColumnKind;
  readonly clock: VersionClock;
  readonly slice: number | undefined;
  /** Undefined: of nothing. */
  removals: RemovalLog<Key> | undefined;

  constructor(place: TablePlace, values: Column) {
    this.size = 0;
    this.values = values;
    this.times = undefined;
    this.state = place.state;
    this.group = place.group;
    this.column = place.column;
    this.clock = place.clock;
    this.slice = place.slice;
    this.removals = undefined;
  }

  abstract readonly first: number;
  abstract readonly step: number;
  abstract readonly timeShift: number;
  abstract get end(): number;
  abstract versionAt(slot: number): number;
  abstract keyAt(slot: number): Key;
  abstract seek(slot: number, end: number, since: number, version: number): number;
  abstract gather(slot: number, end: number, wanted: VersionRange, batch: EntryBatch): number;

  /** Whether keys are numbers. */
  abstract readonly hasNumbers: boolean;

  /** The slot of the entry with this key, else ABSENT. */
  abstract find(lookup: KeyLookup): number;

  /** Reads a word near the entry of a number, if only to have it near. @returns the word */
  abstract approach(key: number): number;

  /**
   * Makes an entry for a key that has none and returns its slot. The caller stores a value there at
   * once. A text must not be a part of a longer one: it is kept.
   */
  abstract insert(lookup: KeyLookup, key: Key): number;

  /**
   * The same for an entry that was restored, without having looked whether the key has one: then it
   * is ABSENT. Nothing has been removed from the table.
   */
  abstract insertRestored(lookup: KeyLookup, key: Key): number;

  /** Before the value of an entry is changed, in place or by another. */
  abstract touch(slot: number): void;

  /** Removes an entry; other entries may get new slots. */
  abstract remove(slot: number, lookup: KeyLookup): void;

  /** Gives an entry that was just inserted the version of restored ones. */
  abstract markRestored(slot: number): void;

  /** Makes room for that many entries at once; a hint. */
  abstract reserve(entries: number): void;

  /** The rows as they are now, for a reader that goes on after the table was rebuilt (T4). */
  abstract rows(): TableRows;

  /** Nobody but open snapshots will look at the table any more: gives its memory back. */
  drop(): void {}

  /** Of typed memory. */
  abstract get bytes(): number;

  timeAt(slot: number): number {
    return this.times![slot >> this.timeShift]!;
  }

  /** For an entry that was inserted or touched. */
  setTime(slot: number, time: number): void {
    this.times![slot >> this.timeShift] = time;
  }

  /** T5: from now on entries have times, those that are there this one; undefined: not any more. */
  stampAll(time: number | undefined): void {
    this.times = time === undefined ? undefined : new Float64Array(this.places).fill(time);
  }

  /** How many entries there is room for. */
  protected abstract get places(): number;

  /** T2: the entry at `slot`, of that version, is about to change. */
  protected announceChange(slot: number, version: number): void {
    for (const observer of this.clock.observers) {
      if (version <= observer.version && version > observer.since) {
        observer.beforeChange(this, slot);
      }
    }
  }

  /** T2: the entry at `slot`, of that version, is about to be removed. */
  protected announceRemoval(slot: number, version: number): void {
    const { clock } = this;
    if (clock.observers.length !== 0) this.announceChange(slot, version);
    // What came after the newest mark is in none that could be a base.
    if (clock.newestMark === 0 || (version > clock.newestMark && (version & 1) === 1)) return;
    (this.removals ??= new RemovalLog(clock)).add(this.keyAt(slot));
  }

  /** T4 */
  protected announceRebuild(): void {
    for (const observer of this.clock.observers) observer.beforeRebuild(this);
  }
}

/** The keys of all entries, or of those wanted, as they are now, in no particular order. */
export function keysOf(table: KeyGroupTable, wanted?: (slot: number) => boolean): readonly Key[] {
  const keys: Key[] = [];
  for (let slot = table.first; slot < table.end; slot += table.step) {
    if (table.versionAt(slot) <= 0) continue;
    if (wanted === undefined || wanted(slot)) keys.push(table.keyAt(slot));
  }
  return keys;
}
