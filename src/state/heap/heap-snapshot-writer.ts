/**
 * Writes a snapshot of a heap backend in slices, key group by key group and in each state by state,
 * while the state goes on changing.
 *
 * Invariants
 * W1. `#group` and `#state` are the place of the table being written; tables before it are written,
 *     tables behind it have a cursor exactly if one of their entries has been saved.
 * W2. Only entries of `version` or less are written, each as it was at that version.
 * W3. Once closed (done, aborted) it observes nothing and holds no state.
 * W4. A table that has left its state before its section began is in `#dropped`; its cursor reads
 *     on in it, since nobody changes it any more.
 */
import { assert } from '../../base/assert.ts';
import type { KeyedManifest } from '../snapshot-layout.ts';
import { FrozenRows } from '../rows/frozen-rows.ts';
import type { HeapRows } from '../rows/heap-rows.ts';
import { SnapshotFileWriter } from '../snapshot-file-writer.ts';
import type { SliceResult, SnapshotOutput, SnapshotWriter } from '../snapshot.ts';
import { EntryWriter } from './entry-writer.ts';
import type { EntrySource } from './entry-writer.ts';
import { FrozenTimers } from './timers/frozen-timers.ts';
import { HeapState } from './heap-state.ts';
import type { HeapTimerQueue } from './timers/heap-timer-queue.ts';
import type { KeyGroupTable } from './key-group-table.ts';
import { CanonicalSectionWriter, NaturalSectionWriter } from './section-writer.ts';
import type { SectionWriter } from './section-writer.ts';
import { TableCursor } from './table-cursor.ts';
import type { ChangeObserver, VersionClock } from './version-clock.ts';

export interface HeapSnapshotOptions {
  readonly clock: VersionClock;
  /** Those that exist at this moment. */
  readonly states: readonly (HeapState | HeapTimerQueue | HeapRows)[];
  readonly manifest: KeyedManifest;
  readonly output: SnapshotOutput;
  /** By state: what has its time at or before it has expired and is left out. */
  readonly cutoffs: readonly number[];
}

export class HeapSnapshotWriter implements SnapshotWriter, ChangeObserver {
  readonly version: number;
  readonly #clock: VersionClock;
  #states: readonly (HeapState | FrozenTimers | FrozenRows)[];
  readonly #manifest: KeyedManifest;
  readonly #file: SnapshotFileWriter;
  readonly #cursors = new Map<KeyGroupTable, TableCursor>();
  /** W4, by state and group. */
  readonly #dropped = new Map<number, KeyGroupTable[]>();
  readonly #cutoffs: readonly number[];
  readonly #groups: number;
  /** W1 */
  #group = 0;
  #state = 0;
  #section: SectionWriter | undefined;
  /** Those that the section is made of. */
  #tables: readonly KeyGroupTable[] = [];
  /** W3 */
  #closed = false;

  /** Begins at once. */
  constructor(options: HeapSnapshotOptions) {
    const { keyGroups } = options.manifest;
    this.#clock = options.clock;
    this.#manifest = options.manifest;
    this.#file = new SnapshotFileWriter(options.output, 'keyed');
    this.#cutoffs = options.cutoffs;
    this.#groups = keyGroups.last - keyGroups.first + 1;
    this.version = options.clock.advance();
    options.clock.open(this);
    this.#states = options.states.map((s) => (s instanceof HeapState ? s : s.freeze()));
  }

  get bytesWritten(): number {
    return this.#file.bytesWritten;
  }

  get entriesWritten(): number {
    return this.#file.entriesWritten;
  }

  writeSlice(budgetMillis: number, now: () => number): SliceResult {
    assert(!this.#closed, 'W3: a slice of a snapshot that has ended');
    const deadline = now() + budgetMillis;
    do {
      if (this.#file.full) return 'blocked';
      if (!this.#step()) {
        this.#file.finish(this.#manifest);
        this.#close();
        return 'done';
      }
    } while (now() < deadline);
    return 'more';
  }

  abort(): void {
    this.#close();
  }

  beforeChange(table: KeyGroupTable, slot: number): void {
    if (!this.#isWritten(table)) this.#cursorOf(table).save(slot);
  }

  beforeRebuild(table: KeyGroupTable): void {
    if (!this.#isWritten(table)) this.#cursors.get(table)?.detach();
  }

  beforeDrop(table: KeyGroupTable): void {
    const later = table.state >= this.#states.length;
    if (later || this.#isWritten(table) || this.#tables.includes(table)) return;
    const place = this.#placeOf(table.state, table.group);
    const known = this.#dropped.get(place);
    if (known === undefined) this.#dropped.set(place, [table]);
    else known.push(table);
  }

  #placeOf(state: number, group: number): number {
    return group * this.#states.length + state;
  }

  /**
   * W1. Tables of states that came later hold nothing of this version, and are never asked about.
   */
  #isWritten(table: KeyGroupTable): boolean {
    return table.group < this.#group || (table.group === this.#group && table.state < this.#state);
  }

  #cursorOf(table: KeyGroupTable): TableCursor {
    const known = this.#cursors.get(table);
    if (known !== undefined) return known;
    const state = this.#states[table.state] as HeapState;
    const cursor = new TableCursor(state, table, this.version);
    this.#cursors.set(table, cursor);
    return cursor;
  }

  /** Does a little; false when every section is written. */
  #step(): boolean {
    if (this.#section !== undefined) {
      if (!this.#section.step(this.#file)) this.#endSection();
      return true;
    }
    for (let looked = 0; looked < 256; looked++) {
      if (this.#group === this.#groups) return false;
      const state = this.#states[this.#state];
      if (state instanceof FrozenTimers && !state.prepare()) return true;
      const entries = state && this.#entriesOf(state);
      if (entries !== undefined) {
        this.#beginSection(entries);
        return true;
      }
      this.#advance();
    }
    return true;
  }

  /** Of the state in the current group; undefined if it has none. */
  #entriesOf(state: HeapState | FrozenTimers | FrozenRows): EntrySource | undefined {
    if (!(state instanceof HeapState)) return state.entriesOf(this.#group);
    const place = this.#placeOf(this.#state, this.#group);
    const tables = [...state.tablesOf(this.#group), ...(this.#dropped.get(place) ?? [])];
    this.#dropped.delete(place);
    if (tables.length === 0) return undefined;
    this.#tables = tables;
    return new EntryWriter(
      state,
      tables.map((table) => this.#cursorOf(table)),
      this.#cutoffs[this.#state],
    );
  }

  #beginSection(entries: EntrySource): void {
    this.#section =
      this.#manifest.order === 'canonical'
        ? new CanonicalSectionWriter(entries)
        : new NaturalSectionWriter(entries);
    this.#file.beginSection(this.#state, this.#manifest.keyGroups.first + this.#group);
  }

  #endSection(): void {
    this.#file.endSection();
    this.#section = undefined;
    for (const table of this.#tables) this.#cursors.delete(table);
    this.#tables = [];
    const state = this.#states[this.#state];
    if (state instanceof FrozenRows) state.releaseGroup(this.#group);
    this.#advance();
  }

  #advance(): void {
    this.#state += 1;
    if (this.#state < this.#states.length) return;
    this.#state = 0;
    this.#group += 1;
  }

  /** W3 */
  #close(): void {
    this.#closed = true;
    this.#section = undefined;
    this.#tables = [];
    this.#cursors.clear();
    this.#dropped.clear();
    for (const state of this.#states) if (state instanceof FrozenRows) state.release();
    this.#states = [];
    this.#clock.close(this);
  }
}
