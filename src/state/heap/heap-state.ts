/**
 * One state of a heap backend: what it is, how its values are stored, and its tables by key group.
 *
 * Invariants
 * H1. A key's entry is in `tables` at the index of its key group, but for numbers that are no
 *     int32: those are in `wideTables`. There are only tables that have had an entry.
 * H2. What is stored has times exactly if the description says `timed`. That is so where there is a
 *     `ttl`, and in restored state that nobody has registered yet and that had one.
 */
import type { ByteReader } from '../../base/byte-reader.ts';
import type { ByteWriter } from '../../base/byte-writer.ts';
import { assert } from '../../base/assert.ts';
import type { StateDescriptor, StateMigration } from '../../functions/state.ts';
import { readKey, writeKey } from '../../types/key-bytes.ts';
import type { Key, Schema } from '../../types/schema.ts';
import type { StateDescription } from '../state-description.ts';
import type { StateNames } from '../state-errors.ts';
import type { NamespaceReading } from '../state-evolution.ts';
import { columnKindOf } from './column.ts';
import type { ColumnKind } from './column.ts';
import { Float64Table } from './float64-table.ts';
import { Int32Table } from './int32-table.ts';
import type { HandleContext, KeyContext, KeyLookup } from './key-context.ts';
import { ABSENT, keysOf } from './key-group-table.ts';
import type { KeyGroupTable, TableRows } from './key-group-table.ts';
import { ListView } from './list-view.ts';
import { MapLookups } from './map-lookup.ts';
import type { EvolvingNamespace } from './namespace-parts.ts';
import { OrderedMap } from './ordered-map.ts';
import { ReferenceTable } from './reference-table.ts';
import type { RemovalLog } from './removal-log.ts';
import type { TableMemory } from './table-memory.ts';
import type { TimedValues } from './timed-values.ts';
import { StampedList } from './ttl/stamped-list.ts';
import type { Ttl, TtlClock } from './ttl/ttl.ts';
import type { VersionClock } from './version-clock.ts';

/** What all states of a backend share. */
export interface HeapBackendParts {
  readonly context: KeyContext;
  readonly clock: VersionClock;
  readonly memory: TableMemory;
  readonly ttlClock: TtlClock;
  /** See `KeyedStateOptions`. */
  readonly onAccumulated: ((accumulator: unknown) => void) | undefined;
}

/** The schemas of a state, as far as it has them. */
export interface StateSchemas {
  readonly value: Schema<unknown>;
  readonly key: Schema<unknown> | undefined;
}

/** Finds keys damaged that cannot be where they were read. */
export type KeyCheck = (entry: ByteReader, key: Key) => void;

/** How keys of a section are read. */
export interface KeyReading {
  readonly check: KeyCheck;
  /** Undefined: namespaces are as they are now. */
  readonly former: EvolvingNamespace | undefined;
}

export class HeapState {
  readonly index: number;
  /** What a snapshot says of it. */
  description: StateDescription;
  schemas: StateSchemas;
  /** From schemas that older programs had. */
  migrations: readonly StateMigration<unknown>[];
  readonly column: ColumnKind;
  /** Of map state: how its keys are compared. */
  readonly mapLookups: MapLookups | undefined;
  readonly parts: HeapBackendParts;
  /** What handles act on. */
  readonly context: HandleContext;
  /** H1 */
  tables: (KeyGroupTable | undefined)[];
  wideTables: (KeyGroupTable | undefined)[];
  /** Of sliced state: the start of the slice whose tables these are. */
  slice: number | undefined;
  /** H2 */
  ttl: Ttl | undefined;

  constructor(
    index: number,
    description: StateDescription,
    schemas: StateSchemas,
    parts: HeapBackendParts,
    groups: number,
  ) {
    this.index = index;
    this.description = description;
    this.schemas = schemas;
    this.migrations = [];
    this.column = this.changesInPlace ? 'reference' : columnKindOf(schemas.value);
    this.mapLookups = schemas.key === undefined ? undefined : new MapLookups(schemas.key);
    this.parts = parts;
    this.context = parts.context;
    this.tables = Array.from({ length: groups });
    this.wideTables = Array.from({ length: groups });
    this.slice = undefined;
    this.ttl = undefined;
  }

  /** As the program says, whose schemas are equal to those that are here. */
  declare(schemas: StateSchemas, migrations: readonly StateMigration<unknown>[]): void {
    this.schemas = schemas;
    this.migrations = migrations;
  }

  get name(): string {
    return this.description.name;
  }

  get names(): StateNames {
    return { operator: this.parts.context.operator, state: this.name };
  }

  /** What a column holds, as it is now: it does not change with the state. */
  frozen(stored: unknown): unknown {
    switch (this.description.kind) {
      case 'list':
        if (this.isTimed) return (stored as StampedList).freeze();
        return new ListView(stored as unknown[], (stored as unknown[]).length);
      case 'map':
        return (stored as OrderedMap).view();
      case 'timeline':
        return (stored as TimedValues).view();
      default:
        return stored;
    }
  }

  get isTimed(): boolean {
    return this.description.timed === true;
  }

  /**
   * H2: what is there gets times or loses them, where this changes something. What gets one has
   * been written now. Never while a snapshot is open.
   */
  setTtl(ttl: Ttl | undefined): void {
    this.ttl = ttl;
    if (this.isTimed === (ttl !== undefined)) return;
    const time = ttl === undefined ? undefined : ttl.clock.now();
    const { timed: _, ...plain } = this.description;
    this.description = ttl === undefined ? plain : { ...plain, timed: true };
    for (const table of [...this.tables, ...this.wideTables]) {
      if (table === undefined) continue;
      assert(table.clock.observers.length === 0, 'H2: times change under a snapshot');
      if (this.changesInPlace) this.#convert(table, time);
      else table.stampAll(time);
      if (table.clock.newestMark !== 0) touchAll(table);
    }
  }

  /** For a snapshot that begins now: what has its time at or before it is left out. */
  snapshotCutoff(): number {
    const { ttl } = this;
    return ttl?.cleansSnapshots === true ? ttl.cutoffAt(ttl.clock.now()) : -Infinity;
  }

  /** What has its time at or before it is not shown. */
  visibleCutoff(): number {
    const { ttl } = this;
    return ttl?.showsExpired === false ? ttl.cutoffAt(ttl.clock.now()) : -Infinity;
  }

  /** Of a table of this state, without what has expired. */
  shownKeysOf(table: KeyGroupTable): readonly Key[] {
    const cutoff = this.visibleCutoff();
    if (cutoff === -Infinity) return keysOf(table);
    return keysOf(table, (slot) => this.holdsAfter(table, slot, cutoff));
  }

  /** Whether something of an entry has its time behind `cutoff`. */
  holdsAfter(rows: TableRows, slot: number, cutoff: number): boolean {
    switch (this.description.kind) {
      case 'list':
        return (rows.values[slot] as StampedList).holdsAfter(cutoff);
      case 'map':
        return (rows.values[slot] as OrderedMap).peek().holdsAfter(cutoff);
      default:
        return rows.times![slot >> rows.timeShift]! > cutoff;
    }
  }

  #convert(table: KeyGroupTable, time: number | undefined): void {
    const values = table.values as unknown[];
    for (let slot = table.first; slot < table.end; slot += table.step) {
      if (table.versionAt(slot) <= 0) continue;
      values[slot] =
        this.description.kind === 'list'
          ? convertedList(values[slot], time)
          : convertedMap(values[slot] as OrderedMap, this.mapLookups!, time);
    }
  }

  /** Whether what a column holds is changed, and not only replaced. */
  get changesInPlace(): boolean {
    const { kind } = this.description;
    return kind === 'list' || kind === 'map' || kind === 'timeline';
  }

  /** Where the entry of a key would be (H1). */
  tableOf(group: number, lookup: KeyLookup): KeyGroupTable | undefined {
    return (isWide(lookup) ? this.wideTables : this.tables)[group];
  }

  /** Touches the memory of entries. @returns what nobody needs, but has to be read. */
  approach(keys: readonly number[], keyGroups: Uint16Array, firstGroup: number): number {
    let touched = 0;
    for (let i = 0; i < keyGroups.length; i += 1) {
      const key = keys[i]!;
      const group = keyGroups[i]! - firstGroup;
      const table = isWide(key) ? this.wideTables[group] : this.tables[group];
      if (table !== undefined) touched += table.approach(key);
    }
    return touched;
  }

  /** The same, but the table is made if there is none. */
  makeTableOf(group: number, lookup: KeyLookup): KeyGroupTable {
    const known = this.tableOf(group, lookup);
    if (known !== undefined) return known;
    const { slice, column } = this;
    const { clock } = this.parts;
    const timed = this.isTimed && !this.changesInPlace;
    const place = { state: this.index, group, column, clock, slice, timed };
    if (isWide(lookup))
      return (this.wideTables[group] = new Float64Table(place, this.parts.memory));
    const tuples = this.context.family === 'tuple';
    const table =
      typeof lookup === 'number' ? new Int32Table(place) : new ReferenceTable(place, tuples);
    this.tables[group] = table;
    return table;
  }

  /** Whether entries of a snapshot have the keys that are in tables, and these alone. */
  get hasPlainKeys(): boolean {
    return true;
  }

  /** The key of an entry of a snapshot, of a key as it is in a table. */
  writeKey(key: Key, _table: KeyGroupTable, out: ByteWriter): void {
    writeKey(key, out);
  }

  /** Of namespaces that were stored with another schema. */
  evolving(_namespace: NamespaceReading | undefined): EvolvingNamespace | undefined {
    return undefined;
  }

  /**
   * Gives the key as it is in a table; `check` is of the user's key, `_former` of its namespace.
   */
  readKey(entry: ByteReader, check: KeyCheck, _former?: EvolvingNamespace): Key {
    const key = readKey(entry);
    check(entry, key);
    return key;
  }

  /** Writes what has gone from a table or, of sliced state, that a slice has. */
  writeRemoval(key: Key, table: KeyGroupTable | undefined, out: ByteWriter): void {
    this.writeKey(key, table!, out);
  }

  /** Takes away what `writeRemoval` has told of. */
  readRemoval(entry: ByteReader, group: number, { check, former }: KeyReading): void {
    const key = this.readKey(entry, check, former);
    this.removeAt(group, key);
  }

  /** Parts of a group that have gone as a whole, as keys, with what is known of their going. */
  dropsOf(_group: number): RemovalLog<Key> | undefined {
    return undefined;
  }

  /** Without a word to anybody: during a restore, of what was restored. */
  clearGroup(group: number): void {
    for (const table of this.tablesOf(group)) table.drop();
    this.tables[group] = undefined;
    this.wideTables[group] = undefined;
  }

  protected removeAt(group: number, key: Key): void {
    const lookup = this.context.lookupOf(key);
    const table = this.tableOf(group, lookup);
    const slot = table?.find(lookup) ?? ABSENT;
    if (slot !== ABSENT) table!.remove(slot, lookup);
  }

  *allTables(): Iterable<KeyGroupTable> {
    for (let group = 0; group < this.tables.length; group++) yield* this.tablesOf(group);
  }

  /** Lets go of everything. */
  drop(): void {
    for (const table of this.allTables()) table.drop();
    this.tables.fill(undefined);
    this.wideTables.fill(undefined);
  }

  tablesOf(group: number): readonly KeyGroupTable[] {
    const found: KeyGroupTable[] = [];
    const [table, wide] = [this.tables[group], this.wideTables[group]];
    if (table !== undefined) found.push(table);
    if (wide !== undefined) found.push(wide);
    return found;
  }
}

/** All is written anew by the next snapshot. */
function touchAll(table: KeyGroupTable): void {
  for (let slot = table.first; slot < table.end; slot += table.step) {
    if (table.versionAt(slot) > 0) table.touch(slot);
  }
}

function convertedList(list: unknown, time: number | undefined): unknown {
  if (time !== undefined) return StampedList.of(list as unknown[], time);
  const stamped = list as StampedList;
  return stamped.items.slice(0, stamped.length);
}

function convertedMap(map: OrderedMap, lookups: MapLookups, time: number | undefined): OrderedMap {
  const view = map.peek();
  const converted = new OrderedMap(lookups, time !== undefined);
  for (let at = 0; at < view.end; at++) {
    if (view.holds(at)) converted.set(lookups.of(view.key(at)), view.key(at), view.value(at), time);
  }
  return converted;
}

function isWide(lookup: KeyLookup): boolean {
  return typeof lookup === 'number' && (lookup | 0) !== lookup;
}

export function schemasOf(descriptor: StateDescriptor): StateSchemas {
  switch (descriptor.kind) {
    case 'list':
      return { value: descriptor.element, key: undefined };
    case 'map':
      return { value: descriptor.value, key: descriptor.key };
    case 'aggregating':
      return { value: descriptor.aggregate.accumulator, key: undefined };
    case 'value':
    case 'timeline':
    case 'reducing':
      return { value: descriptor.value, key: undefined };
  }
}
