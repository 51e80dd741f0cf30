/** Which keys a schema describes: their family, by which they are hashed and kept. */
import type { KeyFamily } from './key.ts';
import type { SchemaDescription } from './schema-description.ts';

const FAMILIES: Readonly<Partial<Record<SchemaDescription['kind'], KeyFamily>>> = {
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
  date: 'number',
  decimal: 'string',
  int64: 'bigint',
};

/** The family of the keys that a schema describes; undefined if they are no keys. */
export function keyFamilyOfSchema(schema: SchemaDescription): KeyFamily | undefined {
  if (schema.kind === 'literal') {
    const type = typeof schema.value;
    return type === 'string' || type === 'number' || type === 'boolean' ? type : undefined;
  }
  if (schema.kind === 'tuple') {
    return schema.items.every((item) => keyFamilyOfSchema(item) !== undefined)
      ? 'tuple'
      : undefined;
  }
  if (schema.kind === 'array')
    return keyFamilyOfSchema(schema.of) === undefined ? undefined : 'tuple';
  return FAMILIES[schema.kind];
}
