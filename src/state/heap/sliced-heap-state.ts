/**
 * State of a key in a slice of time: a set of tables for each slice. Those of the current slice
 * stand where other states have their only ones, so that handles work on them as on any.
 *
 * Invariants
 * L1. `#slices` has exactly the slices for which there is a table. If it has the current one,
 *     `tables` and `wideTables` are that slice's, else they are `#none`, which stays empty.
 * L2. Before a slice leaves `#slices`, open snapshots are told of its tables; afterwards nobody
 *     writes to them.
 */
import { assert } from '../../base/assert.ts';
import type { ByteReader } from '../../base/byte-reader.ts';
import type { ByteWriter } from '../../base/byte-writer.ts';
import { readKey, writeKey } from '../../types/key-bytes.ts';
import type { Key } from '../../types/schema.ts';
import { readCompoundKey, writeCompoundKey } from './compound-key.ts';
import { HeapState } from './heap-state.ts';
import type { KeyCheck, KeyReading } from './heap-state.ts';
import type { KeyLookup } from './key-context.ts';
import { ABSENT, keysOf } from './key-group-table.ts';
import type { KeyGroupTable } from './key-group-table.ts';
import { RemovalLog } from './removal-log.ts';

type Tables = (KeyGroupTable | undefined)[];

interface Slice {
  readonly start: number;
  readonly tables: Tables;
  readonly wideTables: Tables;
  /** The version of what is in it at least. */
  readonly made: number;
}

export class SlicedHeapState extends HeapState {
  /** L1 */
  readonly #slices = new Map<number, Slice>();
  readonly #none: Slice = {
    start: NaN,
    tables: this.tables,
    wideTables: this.wideTables,
    made: 0,
  };
  /** By group: the slices that had something of it when they were dropped. */
  readonly #drops: (RemovalLog<Key> | undefined)[] = [];
  /** The latest of those that were made later than all before them, and its forerunner. */
  #latest: Slice | undefined = undefined;
  #before: Slice | undefined = undefined;
  /** Of `#slices`, ascending; undefined: to be made anew. */
  #starts: readonly number[] | undefined = undefined;
  readonly #parts: Key[] = [];

  /** Makes a slice current; false if it has been. */
  select(start: number): boolean {
    if (start === this.slice) return false;
    assert(start === start, 'L1: a slice without a start');
    this.slice = start + 0;
    this.#show(this.#slices.get(start) ?? this.#none);
    return true;
  }

  override makeTableOf(group: number, lookup: KeyLookup): KeyGroupTable {
    if (this.tables === this.#none.tables) {
      assert(this.slice !== undefined, 'L1: sliced state before setSlice');
      const slice = this.#newSlice(this.slice);
      this.#slices.set(slice.start, slice);
      this.#starts = undefined;
      if (this.#latest === undefined || slice.start > this.#latest.start) {
        this.#before = this.#latest;
        this.#latest = slice;
      }
      this.#show(slice);
    }
    const table = super.makeTableOf(group, lookup);
    if (table.size === 0 && this.slice === this.#latest?.start) this.#makeRoom(group, table);
    return table;
  }

  /** Slices that follow one another hold about as many keys. */
  #makeRoom(group: number, table: KeyGroupTable): void {
    const { tables, wideTables } = this.#before ?? this.#none;
    const former = table === this.tables[group] ? tables[group] : wideTables[group];
    if (former !== undefined) table.reserve(former.size);
  }

  /** Starts of slices that hold something, ascending. */
  starts(): readonly number[] {
    for (const slice of this.#slices.values())
      if (!holdsSomething(slice)) this.dropSlice(slice.start);
    this.#starts ??= [...this.#slices.keys()].sort((a, b) => a - b);
    return this.#starts;
  }

  tablesOfSlice(start: number): readonly KeyGroupTable[] {
    const slice = this.#slices.get(start);
    if (slice === undefined) return [];
    return [...slice.tables, ...slice.wideTables].filter((table) => table !== undefined);
  }

  /** Its handle must be told. */
  dropSlice(start: number): void {
    const slice = this.#slices.get(start);
    if (slice === undefined) return;
    const { clock } = this.parts;
    for (const table of this.tablesOfSlice(start)) {
      for (const observer of clock.observers) observer.beforeDrop(table);
      table.drop();
      // What came after the newest mark is in none that could be a base.
      if (slice.made > clock.newestMark) continue;
      (this.#drops[table.group] ??= new RemovalLog<Key>(clock)).add(slice.start);
    }
    this.#slices.delete(slice.start);
    if (slice === this.#before) this.#before = undefined;
    if (slice === this.#latest) this.#latest = undefined;
    this.#starts = undefined;
    if (this.slice === slice.start) this.#show(this.#none);
  }

  /** Calls `visit` for every key that holds something in any slice, with that key current. */
  forEachKey(visit: (key: Key) => void): void {
    const { context } = this.parts;
    for (let group = 0; group < this.#none.tables.length; group++) {
      const keys = new Map<KeyLookup, Key>();
      for (const table of this.tablesOf(group)) {
        for (const key of keysOf(table)) keys.set(context.lookupOf(key), key);
      }
      for (const [lookup, key] of keys) {
        // Another visit may have removed it.
        if (!this.tablesOf(group).some((table) => table.find(lookup) !== ABSENT)) continue;
        context.take(key, lookup, group);
        visit(key);
      }
    }
  }

  override tablesOf(group: number): readonly KeyGroupTable[] {
    const found: KeyGroupTable[] = [];
    for (const { tables, wideTables } of this.#slices.values()) {
      const [table, wide] = [tables[group], wideTables[group]];
      if (table !== undefined) found.push(table);
      if (wide !== undefined) found.push(wide);
    }
    return found;
  }

  override drop(): void {
    for (const table of this.allTables()) table.drop();
    this.#slices.clear();
    this.#latest = undefined;
    this.#before = undefined;
    this.#starts = undefined;
    this.#show(this.#none);
  }

  override get hasPlainKeys(): boolean {
    return false;
  }

  override writeKey(key: Key, { slice }: KeyGroupTable, out: ByteWriter): void {
    this.#parts[0] = slice!;
    writeCompoundKey(key, this.#parts, out);
  }

  override readKey(entry: ByteReader, check: KeyCheck): Key {
    const parts = this.#parts;
    const key = readCompoundKey(entry, parts);
    check(entry, key);
    const start = parts[0];
    if (parts.length !== 1 || typeof start !== 'number' || start !== start) {
      entry.corrupt('a key without its slice');
    }
    this.select(start);
    return key;
  }

  override dropsOf(group: number): RemovalLog<Key> | undefined {
    return this.#drops[group];
  }

  override writeRemoval(key: Key, table: KeyGroupTable | undefined, out: ByteWriter): void {
    out.boolean(table === undefined);
    if (table === undefined) writeKey(key, out);
    else this.writeKey(key, table, out);
  }

  override readRemoval(entry: ByteReader, group: number, reading: KeyReading): void {
    if (!entry.boolean()) return super.readRemoval(entry, group, reading);
    const start = readKey(entry);
    if (typeof start !== 'number') entry.corrupt('a slice without its start');
    this.select(start);
    super.clearGroup(group);
  }

  override clearGroup(group: number): void {
    for (const start of this.#slices.keys()) {
      this.select(start);
      super.clearGroup(group);
    }
  }

  #show({ tables, wideTables }: Slice): void {
    this.tables = tables;
    this.wideTables = wideTables;
  }

  #newSlice(start: number): Slice {
    const length = this.tables.length;
    const made = this.parts.clock.now + 1;
    return { start, made, tables: Array.from({ length }), wideTables: Array.from({ length }) };
  }
}

function holdsSomething({ tables, wideTables }: Slice): boolean {
  for (let group = 0; group < tables.length; group++) {
    if ((tables[group]?.size ?? 0) > 0 || (wideTables[group]?.size ?? 0) > 0) return true;
  }
  return false;
}
