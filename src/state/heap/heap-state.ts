/**
 * One state of a heap backend: what it is, how its values are stored, and its tables by key group.
 *
 * Invariants
 * H1. A key's entry is in `tables` at the index of its key group, but for numbers that are no
 *     int32: those are in `wideTables`. There are only tables that have had an entry.
 */
import type { ByteReader } from '../../base/byte-reader.ts';
import type { ByteWriter } from '../../base/byte-writer.ts';
import type { StateDescriptor } from '../../functions/state.ts';
import { readKey, writeKey } from '../../types/key-bytes.ts';
import type { Key, Schema } from '../../types/schema.ts';
import type { StateDescription } from '../state-description.ts';
import type { StateNames } from '../state-errors.ts';
import { columnKindOf } from './column.ts';
import type { ColumnKind } from './column.ts';
import { Float64Table } from './float64-table.ts';
import type { Float64Halves } from './float64-table.ts';
import { Int32Table } from './int32-table.ts';
import type { KeyContext, KeyLookup } from './key-context.ts';
import type { KeyGroupTable } from './key-group-table.ts';
import { ListView } from './list-view.ts';
import { MapLookups } from './map-lookup.ts';
import type { OrderedMap } from './ordered-map.ts';
import { ReferenceTable } from './reference-table.ts';
import type { TimedValues } from './timed-values.ts';
import type { VersionClock } from './version-clock.ts';

/** What all states of a backend share. */
export interface HeapBackendParts {
  readonly context: KeyContext;
  readonly clock: VersionClock;
  readonly halves: Float64Halves;
}

/** The schemas of a state, as far as it has them. */
export interface StateSchemas {
  readonly value: Schema<unknown>;
  readonly key: Schema<unknown> | undefined;
}

/** Finds keys damaged that cannot be where they were read. */
export type KeyCheck = (entry: ByteReader, key: Key) => void;

export class HeapState {
  readonly index: number;
  readonly description: StateDescription;
  readonly schemas: StateSchemas;
  readonly column: ColumnKind;
  /** Of map state: how its keys are compared. */
  readonly mapLookups: MapLookups | undefined;
  readonly parts: HeapBackendParts;
  /** H1 */
  tables: (KeyGroupTable | undefined)[];
  wideTables: (KeyGroupTable | undefined)[];
  /** Of sliced state: the start of the slice whose tables these are. */
  slice: number | undefined;

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
    this.column = this.changesInPlace ? 'reference' : columnKindOf(schemas.value);
    this.mapLookups = schemas.key === undefined ? undefined : new MapLookups(schemas.key);
    this.parts = parts;
    this.tables = Array.from({ length: groups });
    this.wideTables = Array.from({ length: groups });
    this.slice = undefined;
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
        return new ListView(stored as unknown[], (stored as unknown[]).length);
      case 'map':
        return (stored as OrderedMap).view();
      case 'timeline':
        return (stored as TimedValues).view();
      default:
        return stored;
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

  /** The same, but the table is made if there is none. */
  makeTableOf(group: number, lookup: KeyLookup): KeyGroupTable {
    const known = this.tableOf(group, lookup);
    if (known !== undefined) return known;
    const { slice, column } = this;
    const place = { state: this.index, group, column, clock: this.parts.clock, slice };
    if (isWide(lookup))
      return (this.wideTables[group] = new Float64Table(place, this.parts.halves));
    const tuples = this.parts.context.family === 'tuple';
    const table =
      typeof lookup === 'number' ? new Int32Table(place) : new ReferenceTable(place, tuples);
    this.tables[group] = table;
    return table;
  }

  /** The key of an entry of a snapshot, of a key as it is in a table. */
  writeKey(key: Key, _table: KeyGroupTable, out: ByteWriter): void {
    writeKey(key, out);
  }

  /** Gives the key as it is in a table; `check` is of the user's key. */
  readKey(entry: ByteReader, check: KeyCheck): Key {
    const key = readKey(entry);
    check(entry, key);
    return key;
  }

  *allTables(): Iterable<KeyGroupTable> {
    for (let group = 0; group < this.tables.length; group++) yield* this.tablesOf(group);
  }

  /** Lets go of everything. */
  drop(): void {
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
