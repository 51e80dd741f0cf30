/** The family that a declared key schema stands for. */
import type { KeyFamily } from '../../types/key.ts';
import type { SchemaDescription } from '../../types/schema-description.ts';

const FAMILIES: Readonly<Record<string, KeyFamily | undefined>> = {
  string: 'string',
  enum: 'string',
  boolean: 'boolean',
  int8: 'number',
  int16: 'number',
  int32: 'number',
  uint8: 'number',
  uint16: 'number',
  uint32: 'number',
  integer: 'number',
  float32: 'number',
  float64: 'number',
  timestamp: 'number',
  duration: 'number',
  int64: 'bigint',
  tuple: 'tuple',
  array: 'tuple',
};

/** Undefined where the first key has to tell. */
export function familyOfSchema(description: SchemaDescription): KeyFamily | undefined {
  if (description.kind !== 'literal') return FAMILIES[description.kind];
  const type = typeof description.value;
  return type === 'string' || type === 'number' || type === 'boolean' ? type : undefined;
}
