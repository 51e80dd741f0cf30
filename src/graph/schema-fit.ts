/**
 * Whether values of one schema may go where another is asked for, told from their descriptions when
 * the graph is built. It speaks up only where no value could fit or a needed field is never there;
 * what depends on the values (ranges of numbers, arms of a union) is left to the codec.
 */
import type { FieldDescription, SchemaDescription } from '../types/schema-description.ts';

/** What JavaScript value a kind holds; kinds of one class can hold values of each other. */
const CLASSES: Readonly<Partial<Record<SchemaDescription['kind'], string>>> = {
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
  bytes: 'bytes',
  array: 'array',
  tuple: 'array',
  map: 'map',
  struct: 'struct',
};

/** Undefined if values of `from` may be values of `to`, else why not, naming the field. */
export function schemaMismatch(
  from: SchemaDescription,
  to: SchemaDescription,
  path = '',
): string | undefined {
  if (to.kind === 'optional' || to.kind === 'nullable') {
    return schemaMismatch(from.kind === to.kind ? from.of : from, to.of, path);
  }
  if (from.kind === 'optional' || from.kind === 'nullable')
    return schemaMismatch(from.of, to, path);
  const given = CLASSES[from.kind];
  const wanted = CLASSES[to.kind];
  if (given === undefined || wanted === undefined) return undefined;
  if (given !== wanted) {
    const at = path === '' ? '' : ` at ${path}`;
    return `it is given ${from.kind} where it takes ${to.kind}${at}`;
  }
  if (from.kind === 'struct' && to.kind === 'struct')
    return missingField(from.fields, to.fields, path);
  if (from.kind === 'array' && to.kind === 'array')
    return schemaMismatch(from.of, to.of, `${path}[]`);
  return undefined;
}

function missingField(
  from: readonly FieldDescription[],
  to: readonly FieldDescription[],
  path: string,
): string | undefined {
  for (const field of to) {
    const name = path === '' ? field.name : `${path}.${field.name}`;
    const given = from.find((other) => other.name === field.name);
    if (given === undefined) {
      if (field.type.kind === 'optional') continue;
      return `the field ${name} that it takes is not in what it is given`;
    }
    const mismatch = schemaMismatch(given.type, field.type, name);
    if (mismatch !== undefined) return mismatch;
  }
  return undefined;
}
