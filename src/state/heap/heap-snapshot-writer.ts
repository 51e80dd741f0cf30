/**
 * Writes a snapshot of a heap backend in slices, key group by key group and in each state by state,
 * while the state goes on changing.
 *
 * Invariants
 * W1. `#group` and `#state` are the place of the table being written; tables before it are written,
 *     tables behind it have a cursor exactly if one of their entries has been saved.
 * W2. Only entries of `version` or less, and greater than `since`, are written, each as it was at
 *     that version.
 * W3. Once closed (done, aborted) it observes nothing and holds no state.
 * W4. A table that has left its state before its section began is in `#dropped`; its cursor reads
 *     on in it, since nobody changes it any more.
 */
import { assert } from '../../base/assert.ts';
import type { KeyedManifest, SectionMode } from '../snapshot-layout.ts';
import { FrozenRows } from '../rows/frozen-rows.ts';
import type { HeapRows } from '../rows/heap-rows.ts';
import { SnapshotFileWriter } from '../snapshot-file-writer.ts';
import type { SliceResult, SnapshotMark, SnapshotOutput, SnapshotWriter } from '../snapshot.ts';
import { BatchEncoder, BatchSectionWriter, isBatchable } from './batch-section-writer.ts';
import { EntryWriter } from './entry-writer.ts';
import type { EntrySource } from './entry-writer.ts';
import { FrozenTimers } from './timers/frozen-timers.ts';
import { HeapState } from './heap-state.ts';
import type { HeapTimerQueue } from './timers/heap-timer-queue.ts';
import type { KeyGroupTable } from './key-group-table.ts';
import { RemovalEntries } from './removal-entries.ts';
import type { RemovedKeys } from './removal-entries.ts';
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
  readonly base: SnapshotMark | undefined;
  readonly marked: boolean;
  /** By state: what has its time at or before it has expired and is left out. */
  readonly cutoffs: readonly number[];
}

export class HeapSnapshotWriter implements SnapshotWriter, ChangeObserver {
  readonly version: number;
  readonly since: number;
  readonly mark: SnapshotMark | undefined;
  readonly #clock: VersionClock;
  #states: readonly (HeapState | FrozenTimers | FrozenRows)[];
  readonly #manifest: KeyedManifest;
  readonly #file: SnapshotFileWriter;
  readonly #cursors = new Map<KeyGroupTable, TableCursor>();
  /** W4, by state and group. */
  readonly #dropped = new Map<number, KeyGroupTable[]>();
  readonly #cutoffs: readonly number[];
  readonly #groups: number;
  /** By state, of those that need them. */
  #encoders: (BatchEncoder | undefined)[] = [];
  /** W1 */
  #group = 0;
  #state = 0;
  /** Whether what has gone at this place is written, or there can be nothing. */
  #removed = false;
  #section: SectionWriter | undefined;
  #mode: SectionMode = 'entries';
  /** Those that the section is made of; undefined before it is known. */
  #tables: readonly KeyGroupTable[] | undefined;
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
    this.since = options.base ?? 0;
    this.version = options.clock.advance();
    options.clock.open(this);
    this.mark = options.marked ? (this.version as SnapshotMark) : undefined;
    if (this.mark !== undefined) options.clock.mark(this.mark);
    this.#states = options.states.map((s) =>
      s instanceof HeapState ? s : s.freeze(this.since, this.version),
    );
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
        const identity = this.#file.finish(this.#manifest);
        if (this.mark !== undefined) this.#clock.complete(this.mark, identity);
        this.#close();
        return 'done';
      }
    } while (now() < deadline);
    return 'more';
  }

  abort(): void {
    if (this.mark !== undefined) this.#clock.release(this.mark);
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
    if (later || this.#isWritten(table) || this.#tables?.includes(table)) return;
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
    const cursor = new TableCursor(state, table, this.since, this.version);
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
      if (state !== undefined && this.#beginNext(state)) return true;
      this.#advance();
    }
    return true;
  }

  /** Begins the next section of the state in the current group; false if there is none. */
  #beginNext(state: HeapState | FrozenTimers | FrozenRows): boolean {
    if (!(state instanceof HeapState)) return this.#beginFrozen(state);
    this.#tables ??= this.#tablesOf(state);
    if (!this.#removed) {
      this.#removed = true;
      const removed = this.since === 0 ? [] : this.#removedOf(state, this.#tables);
      if (removed.length > 0) {
        this.#beginSection(new RemovalEntries(state, removed), 'removals');
        return true;
      }
    }
    if (this.#tables.length === 0) return false;
    const cursors = this.#tables.map((table) => this.#cursorOf(table));
    // What a base holds must not come back by what is left out here.
    const cutoff = this.since === 0 ? this.#cutoffs[this.#state] : undefined;
    if (this.#manifest.order === 'natural' && isBatchable(state)) {
      const encoder = (this.#encoders[this.#state] ??= new BatchEncoder(state));
      this.#begin(new BatchSectionWriter(encoder, cursors), 'entries');
    } else {
      this.#beginSection(new EntryWriter(state, cursors, cutoff), 'entries');
    }
    return true;
  }

  #beginFrozen(state: FrozenTimers | FrozenRows): boolean {
    if (!this.#removed) {
      this.#removed = true;
      const removed = state.removedOf(this.#group);
      if (removed !== undefined) {
        this.#beginSection(removed, 'removals');
        return true;
      }
    }
    const entries = state.entriesOf(this.#group);
    if (entries === undefined) return false;
    this.#beginSection(entries, 'entries');
    return true;
  }

  #tablesOf(state: HeapState): readonly KeyGroupTable[] {
    const place = this.#placeOf(this.#state, this.#group);
    const tables = [...state.tablesOf(this.#group), ...(this.#dropped.get(place) ?? [])];
    this.#dropped.delete(place);
    return tables;
  }

  #removedOf(state: HeapState, tables: readonly KeyGroupTable[]): readonly RemovedKeys[] {
    const { since, version } = this;
    const drops = state.dropsOf(this.#group)?.between(since, version) ?? [];
    const removed: RemovedKeys[] = [{ table: undefined, keys: drops }];
    for (const table of tables) {
      removed.push({ table, keys: table.removals?.between(since, version) ?? [] });
    }
    return removed.filter(({ keys }) => keys.length > 0);
  }

  #beginSection(entries: EntrySource, mode: SectionMode): void {
    const isCanonical = this.#manifest.order === 'canonical';
    const section = isCanonical
      ? new CanonicalSectionWriter(entries)
      : new NaturalSectionWriter(entries);
    this.#begin(section, mode);
  }

  #begin(section: SectionWriter, mode: SectionMode): void {
    this.#section = section;
    this.#file.beginSection(this.#state, this.#manifest.keyGroups.first + this.#group, mode);
    this.#mode = mode;
  }

  #endSection(): void {
    this.#file.endSection();
    this.#section = undefined;
    if (this.#mode === 'removals') return;
    for (const table of this.#tables ?? []) this.#cursors.delete(table);
    const state = this.#states[this.#state];
    if (state instanceof FrozenRows) state.releaseGroup(this.#group);
    this.#advance();
  }

  #advance(): void {
    this.#tables = undefined;
    this.#removed = false;
    this.#state += 1;
    if (this.#state < this.#states.length) return;
    this.#state = 0;
    this.#group += 1;
  }

  /** W3 */
  #close(): void {
    this.#closed = true;
    this.#section = undefined;
    this.#tables = undefined;
    this.#encoders = [];
    this.#cursors.clear();
    this.#dropped.clear();
    for (const state of this.#states) if (!(state instanceof HeapState)) state.release();
    this.#states = [];
    this.#clock.close(this);
  }
}
