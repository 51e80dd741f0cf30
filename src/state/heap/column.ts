/**
 * Columns hold the values of a table by slot: typed memory for values of fixed width, else an array
 * of references. A typed column would bend whatever is stored into its type without a word, so that
 * values are checked against the schema before they get here.
 */
import type { Schema } from '../../types/schema.ts';

export type Column = Float64Array | Int32Array | Uint8Array | BigInt64Array | unknown[];
export type ColumnKind = 'float64' | 'int32' | 'boolean' | 'bigint' | 'reference';

const COLUMN_KINDS: Readonly<Record<string, ColumnKind | undefined>> = {
  int8: 'int32',
  int16: 'int32',
  int32: 'int32',
  uint8: 'int32',
  uint16: 'int32',
  uint32: 'float64',
  integer: 'float64',
  timestamp: 'float64',
  duration: 'float64',
  float32: 'float64',
  float64: 'float64',
  boolean: 'boolean',
  int64: 'bigint',
};

export function columnKindOf(schema: Schema<unknown>): ColumnKind {
  return COLUMN_KINDS[schema.kind] ?? 'reference';
}

export function makeColumn(kind: ColumnKind, length: number): Column {
  switch (kind) {
    case 'float64':
      return new Float64Array(length);
    case 'int32':
      return new Int32Array(length);
    case 'boolean':
      return new Uint8Array(length);
    case 'bigint':
      return new BigInt64Array(length);
    case 'reference':
      return new Array<unknown>(length).fill(undefined);
  }
}

/** A longer column with the same content; the old one is left as it is. */
export function growColumn(kind: ColumnKind, column: Column, length: number): Column {
  const grown = makeColumn(kind, length);
  if (Array.isArray(column)) {
    for (let i = 0; i < column.length; i++) (grown as unknown[])[i] = column[i];
  } else {
    (grown as Float64Array).set(column as Float64Array);
  }
  return grown;
}

/** Stores what another column of the same kind holds, or undefined for no reference. */
export function storeRaw(column: Column, slot: number, raw: unknown): void {
  (column as unknown[])[slot] = raw;
}

/** The value at a slot as the user knows it. */
export function loadValue(kind: ColumnKind, column: Column, slot: number): unknown {
  return kind === 'boolean' ? column[slot] === 1 : column[slot];
}

/** Stores a value that was checked, or that a codec of the schema has made. */
export function storeValue(kind: ColumnKind, column: Column, slot: number, value: unknown): void {
  (column as unknown[])[slot] = kind === 'boolean' ? (value === true ? 1 : 0) : value;
}

/** Of the column of times, where there is one. */
export function timesBytes(times: Float64Array | undefined): number {
  return times === undefined ? 0 : times.byteLength;
}

export function columnBytes(column: Column): number {
  return Array.isArray(column) ? 0 : column.byteLength;
}
