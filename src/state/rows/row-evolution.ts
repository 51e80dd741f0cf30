/**
 * Rows that were stored with other schemas, as those that are declared: they are restored as they
 * lie in memory, and then read and written again one by one. Rows whose schemas have not changed,
 * or of which no schema is known, are never looked at.
 *
 * Invariants
 * F1. A key group is restored into the rows of one form only: that of the subtask that wrote it.
 * F2. After `settle` nothing is left in other forms than that of the state.
 */
import { assert } from '../../base/assert.ts';
import { ByteReader } from '../../base/byte-reader.ts';
import { ByteWriter } from '../../base/byte-writer.ts';
import { bareDescription, schemaOf } from '../../types/index.ts';
import type { Convert } from '../../types/index.ts';
import { keyFamilyOfSchema } from '../../types/key-schema.ts';
import type { SchemaDescription } from '../../types/schema-description.ts';
import type { Codec } from '../../types/schema.ts';
import type { RowTableGroup } from '../row-state.ts';
import { typeText } from '../state-description.ts';
import type { StateDescription } from '../state-description.ts';
import { canEvolve, readingOf } from '../state-evolution.ts';
import type { EvolvingState, StateReading } from '../state-evolution.ts';
import { HeapRowLog, HeapRows, HeapRowTable } from './heap-rows.ts';

type Column = number | bigint;

/** Undefined: they are as the program has them. */
export function rowReading(
  operator: string,
  stored: StateDescription,
  declared: StateDescription,
): StateReading | undefined {
  return readingOf(stored, evolving(operator, declared));
}

function evolving(operator: string, description: StateDescription): EvolvingState {
  const names = { operator, state: description.name };
  return { names, description, schema: schemaOf(description.value), migrations: [] };
}

/** What a restore fills besides the states themselves. */
export class FormerRows {
  readonly #operator: string;
  readonly #make: (description: StateDescription) => HeapRows;
  /** By form. */
  readonly #made = new Map<string, HeapRows>();

  constructor(operator: string, make: (description: StateDescription) => HeapRows) {
    this.#operator = operator;
    this.#make = make;
  }

  /**
   * Where rows of that form go (F1). `isDeclared`: the program has registered `known` as it is.
   * @throws EngineError STATE_NOT_EVOLVABLE if they cannot become one
   */
  of(stored: StateDescription, known: HeapRows, isDeclared: boolean): HeapRows {
    const form = `${stored.name} ${typeText(stored)}`;
    if (typeText(known.description) === typeText(stored)) return known;
    const made = this.#made.get(form);
    if (made !== undefined) return made;
    if (isDeclared || !this.#canBecome(known.description, stored)) {
      rowReading(this.#operator, stored, known.description);
    }
    const rows = this.#make(stored);
    this.#made.set(form, rows);
    return rows;
  }

  /** F2. After the restore; gives what the state is from now on. */
  settle(known: HeapRows, isDeclared: boolean): HeapRows {
    let now = known;
    for (const [form, rows] of this.#made) {
      if (rows.name !== known.name) continue;
      this.#made.delete(form);
      const turns = !isDeclared && !this.#canBecome(rows.description, now.description);
      const [from, to] = turns ? [now, rows] : [rows, now];
      evolveRows(from, to, rowReading(this.#operator, from.description, to.description)!);
      now = to;
    }
    return now;
  }

  #canBecome(stored: StateDescription, declared: StateDescription): boolean {
    return canEvolve(stored, evolving(this.#operator, declared));
  }
}

/** Nothing is left in `from`. Before the first snapshot. */
export function evolveRows(from: HeapRows, to: HeapRows, reading: StateReading): void {
  const [stored, declared] = [from.description, to.description];
  const key = new Recoded(stored.key, declared.key, reading.key);
  if (from instanceof HeapRowLog && to instanceof HeapRowLog) {
    moveLog(from, to, key, new Recoded(stored.value, declared.value, reading.value));
  } else {
    assert(from instanceof HeapRowTable && to instanceof HeapRowTable, 'rows of another kind');
    moveTable(from, to, key, reading.value);
  }
}

function moveLog(from: HeapRowLog, to: HeapRowLog, key: Recoded, value: Recoded): void {
  const rows: number[] = [];
  for (const [keyGroup, slice, unit] of from.takeUnits()) {
    const target = to.of(keyGroup, slice);
    for (let chain = unit.firstChain(); chain >= 0; chain = unit.nextChain(chain)) {
      key.read(unit.keyBytes, unit.keyStart(chain), unit.keyEnd(chain));
      rows.length = 0;
      for (let row = unit.newest(chain); row >= 0; row = unit.previous(row)) rows.push(row);
      // The oldest first; an append may move the chain.
      for (const row of rows.reverse()) {
        value.read(unit.bytes, unit.startOf(row), unit.endOf(row));
        const into = target.findOrInsert(key.bytes, key.start, key.end);
        target.append(into, value.bytes, value.start, value.end);
      }
    }
  }
}

function moveTable(
  from: HeapRowTable,
  to: HeapRowTable,
  key: Recoded,
  convert: Convert | undefined,
): void {
  const [stored, declared] = [columnsOf(from.description), columnsOf(to.description)];
  for (const [keyGroup, , unit] of from.takeUnits()) {
    const target = to.of(keyGroup);
    for (let slot = unit.first(); slot >= 0; slot = unit.next(slot)) {
      const value: Record<string, Column> = {};
      for (const [at, { name, isBig }] of stored.entries())
        value[name] = read(unit, slot, at, isBig);
      const now = (convert === undefined ? value : convert(value)) as typeof value;
      key.read(unit.bytes, unit.keyStart(slot), unit.keyEnd(slot));
      const into = target.findOrInsert(key.bytes, key.start, key.end);
      assert(target.isNew, 'two keys of rows have become one');
      for (const [at, { name }] of declared.entries()) write(target, into, at, now[name]!);
    }
  }
}

/** Bytes of one schema, as those of another. */
class Recoded {
  bytes: Uint8Array = new Uint8Array(0);
  start = 0;
  end = 0;
  /** Undefined: they are the same. */
  readonly #from: Codec<unknown> | undefined;
  readonly #to: Codec<unknown> | undefined;
  readonly #convert: Convert | undefined;
  readonly #out = new ByteWriter(256);

  constructor(
    stored: SchemaDescription | undefined,
    declared: SchemaDescription | undefined,
    convert: Convert | undefined,
  ) {
    this.#convert = convert;
    if (stored === undefined || declared === undefined) return;
    const [was, is] = [stored, declared].map((each) => JSON.stringify(bareDescription(each)));
    if (was === is) return;
    this.#from = schemaOf(stored).codec;
    this.#to = schemaOf(declared).codec;
  }

  /** @throws EngineError DATA_CORRUPT if they are not of the schema that they were stored with */
  read(bytes: Uint8Array, start: number, end: number): void {
    if (this.#from === undefined) {
      this.bytes = bytes;
      this.start = start;
      this.end = end;
      return;
    }
    const reader = new ByteReader(bytes, start, end);
    const value = this.#from.decode(reader);
    reader.expectEnd();
    const out = this.#out;
    out.reset();
    this.#to!.encode(this.#convert === undefined ? value : this.#convert(value), out);
    this.bytes = out.written();
    this.start = 0;
    this.end = this.bytes.length;
  }
}

interface ColumnOfSlots {
  readonly name: string;
  /** A bigint of 64 bits; else a double. */
  readonly isBig: boolean;
}

/** Of the value of a slot: each of 8 bytes, in the order of the fields. */
export function columnsOf({ name, value, width }: StateDescription): readonly ColumnOfSlots[] {
  assert(value.kind === 'struct' && value.fields.length * 8 === width, `columns of ${name}`);
  return value.fields.map((field) => {
    const family = keyFamilyOfSchema(field.type);
    assert(family === 'number' || family === 'bigint', `the column ${field.name} of ${name}`);
    return { name: field.name, isBig: family === 'bigint' };
  });
}

function read(rows: RowTableGroup, slot: number, at: number, isBig: boolean): Column {
  const place = (rows.valueAt(slot) >> 3) + at;
  if (!isBig) return rows.doubles[place]!;
  const [low, high] = [rows.words[place * 2]!, rows.words[place * 2 + 1]!];
  return BigInt.asIntN(64, (BigInt(high) << 32n) | BigInt(low >>> 0));
}

function write(rows: RowTableGroup, slot: number, at: number, value: Column): void {
  const place = (rows.valueAt(slot) >> 3) + at;
  if (typeof value === 'number') {
    rows.doubles[place] = value;
    return;
  }
  rows.words[place * 2] = Number(BigInt.asIntN(32, value));
  rows.words[place * 2 + 1] = Number(BigInt.asIntN(32, value >> 32n));
}
