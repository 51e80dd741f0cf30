/**
 * Goes through one table for one snapshot, and shows every entry as it was when the snapshot began,
 * while the table goes on changing: what is about to be changed before the cursor has come to it is
 * kept aside, and what has changed already is told by its version.
 *
 * Invariants
 * U1. An entry of the snapshot is in exactly one place: passed (slot below `#slot`, or given out
 *     from what was saved), saved, or still in its slot with its old version and its old content.
 * U2. `#detached` are columns that nobody changes any more: the table has been rebuilt since the
 *     cursor began, and gives out slots that mean nothing to it.
 * U3. Nothing saved can change: lists and maps are saved as views.
 */
import type { Key } from '../../types/schema.ts';
import { loadValue } from './column.ts';
import type { EntryBatch } from './entry-batch.ts';
import type { HeapState } from './heap-state.ts';
import type { KeyGroupTable, TableRows, VersionRange } from './key-group-table.ts';

/** `pause`: there may be more, and it is a good moment to look at the clock. */
export type Progress = 'entry' | 'pause' | 'end';

/** In one step. */
const LOOKED_SLOTS = 64 * 1024;

export class TableCursor {
  /** Of the entry that `next` has come to. */
  key: Key = false;
  /** What the column holds, or what the state has frozen of it. */
  value: unknown = undefined;
  /** Of an entry of a state with a time-to-live that has one time. */
  time = 0;
  readonly table: KeyGroupTable;
  readonly #state: HeapState;
  readonly #wanted: VersionRange;
  #slot: number;
  #detached: TableRows | undefined;
  /** Instead of the values of `#detached`, where those may change in place (U3). */
  #detachedValues: unknown[] | undefined;
  readonly #savedKeys: Key[] = [];
  readonly #savedValues: unknown[] = [];
  readonly #savedTimes: number[] = [];
  #given = 0;

  /** Of entries changed last after `since`, at `version` or before. */
  constructor(state: HeapState, table: KeyGroupTable, since: number, version: number) {
    this.#state = state;
    this.table = table;
    this.#wanted = { since, version };
    this.#slot = table.first;
  }

  /**
   * Comes to the next entry, and is past it at once: what happens to it later is no matter. It
   * pauses when it has looked at many slots.
   */
  next(): Progress {
    const rows = this.#detached ?? this.table;
    const { end, step } = rows;
    if (this.#slot < end) {
      const limit = Math.min(end, this.#slot + LOOKED_SLOTS * step);
      const { since, version } = this.#wanted;
      const slot = rows.seek(this.#slot, limit, since, version);
      if (slot >= limit) {
        this.#slot = slot;
        return 'pause';
      }
      this.#slot = slot + step;
      this.key = rows.keyAt(slot);
      this.value = loadValue(this.table.column, this.#detachedValues ?? rows.values, slot);
      if (rows.times !== undefined) this.time = rows.times[slot >> rows.timeShift]!;
      return 'entry';
    }
    if (this.#given === this.#savedKeys.length) return 'end';
    this.key = this.#savedKeys[this.#given]!;
    this.value = this.#savedValues[this.#given];
    this.#savedValues[this.#given] = undefined;
    if (this.table.times !== undefined) this.time = this.#savedTimes[this.#given]!;
    this.#given += 1;
    return 'entry';
  }

  /**
   * Fills the batch with the next entries, and is past them at once; of state without a
   * time-to-live whose values do not change in place.
   */
  nextBatch(batch: EntryBatch): Progress {
    const rows = this.#detached ?? this.table;
    const { end, step } = rows;
    batch.clear(this.table.hasNumbers);
    if (this.#slot < end) {
      const limit = Math.min(end, this.#slot + LOOKED_SLOTS * step);
      this.#slot = rows.gather(this.#slot, limit, this.#wanted, batch);
      batch.load(this.table.column, rows.values);
      return batch.end === 0 ? 'pause' : 'entry';
    }
    const saved = this.#savedKeys.length;
    for (; this.#given < saved && !batch.isFull; this.#given++) {
      batch.addValue(this.#savedKeys[this.#given]!, this.#savedValues[this.#given]);
      this.#savedValues[this.#given] = undefined;
    }
    batch.loaded(this.table.column);
    return batch.end === 0 ? 'end' : 'entry';
  }

  /** U1: the entry at `slot`, which belongs to the snapshot, is about to change. */
  save(slot: number): void {
    if (this.#detached !== undefined || slot < this.#slot) return;
    const table = this.table;
    this.#savedKeys.push(table.keyAt(slot));
    this.#savedValues.push(this.#state.frozen(loadValue(table.column, table.values, slot)));
    if (table.times !== undefined) this.#savedTimes.push(table.timeAt(slot));
  }

  /**
   * U2: the table is about to give out its slots anew. A cursor that has not begun begins in the
   * new ones.
   */
  detach(): void {
    if (this.#detached !== undefined || this.#slot === this.table.first) return;
    const rows = this.table.rows();
    this.#detached = rows;
    if (!this.#state.changesInPlace) return;
    const values = (rows.values as unknown[]).slice();
    for (let slot = this.#slot; slot < rows.end; slot += rows.step) {
      if (this.#isIn(rows.versionAt(slot))) values[slot] = this.#state.frozen(values[slot]);
    }
    this.#detachedValues = values;
  }

  #isIn(version: number): boolean {
    return version > this.#wanted.since && version <= this.#wanted.version;
  }
}
