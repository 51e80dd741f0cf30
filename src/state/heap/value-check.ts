/**
 * Cheap checks of what goes into state against its schema, so that a wrong type is reported where
 * it is stored and not at the next snapshot. For schemas of numbers, bigints and booleans they
 * accept exactly what the codec accepts; what is inside objects is checked by their codec, at the
 * snapshot.
 */
import type { Schema } from '../../types/schema.ts';

export type ValueCheck = (value: unknown) => boolean;

const isObject: ValueCheck = (value) => typeof value === 'object' && value !== null;

const CHECKS: Readonly<Record<string, ValueCheck | undefined>> = {
  int8: whole(-0x80, 0x7f),
  int16: whole(-0x8000, 0x7fff),
  int32: (value) => typeof value === 'number' && (value | 0) === value,
  uint8: whole(0, 0xff),
  uint16: whole(0, 0xffff),
  uint32: whole(0, 0xffff_ffff),
  integer: Number.isSafeInteger,
  timestamp: Number.isSafeInteger,
  duration: Number.isFinite,
  float32: (value) => typeof value === 'number' && Object.is(Math.fround(value), value),
  float64: (value) => typeof value === 'number',
  int64: (value) => typeof value === 'bigint' && BigInt.asIntN(64, value) === value,
  boolean: (value) => typeof value === 'boolean',
  string: (value) => typeof value === 'string',
  struct: isObject,
  union: isObject,
  oneOf: isObject,
  map: (value) => value instanceof Map,
  bytes: (value) => value instanceof Uint8Array,
  array: Array.isArray,
  tuple: Array.isArray,
};

export function valueCheckOf(schema: Schema<unknown>): ValueCheck {
  return CHECKS[schema.kind] ?? (() => true);
}

function whole(min: number, max: number): ValueCheck {
  return (value) =>
    typeof value === 'number' && value >= min && value <= max && Math.floor(value) === value;
}
