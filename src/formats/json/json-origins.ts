/**
 * Which texts and structs of JSON are noted where they are read, and copied where they are written
 * again: the rules that the generators of both sides share. A struct is copied as a whole if
 * nothing but its fields decides its bytes.
 */
import type {
  FieldDescription,
  SchemaDescription,
  StructDescription,
} from '../../types/schema-description.ts';
import type { JsonOptions } from './json.ts';

/** See RecordOrigins. */
export const JSON_FORM = 'json';

/** Where a StructOrigin has the value of a field. */
export type Place = 'numbers' | 'values';

/** Undefined if structs of it are not noted; else what tells it from others. */
export function copiedKind({ fields }: StructDescription): string | undefined {
  if (fields.length === 0 || fields.length > FIELDS_MAX) return undefined;
  const kinds: string[] = [];
  for (const { name, type } of fields) {
    if (placeOf(type) === undefined || !isPlain(name)) return undefined;
    kinds.push(JSON.stringify([name, type]));
  }
  return kinds.join();
}

/** The same for a writer, whose options decide as well. */
export function writtenKind(
  description: StructDescription,
  { timestamp }: JsonOptions,
): string | undefined {
  const hasTimes = description.fields.some((field) => kindOf(field) === 'timestamp');
  return timestamp === 'iso' && hasTimes ? undefined : copiedKind(description);
}

/** Comparing more fields is no faster than writing them. */
const FIELDS_MAX = 64;

/** Undefined for kinds whose bytes the value alone does not decide, or not easily. */
export function placeOf(type: SchemaDescription): Place | undefined {
  switch (type.kind) {
    case 'int8':
    case 'int16':
    case 'int32':
    case 'uint8':
    case 'uint16':
    case 'uint32':
    case 'integer':
    case 'timestamp':
    case 'float64':
      return 'numbers';
    case 'string':
    case 'boolean':
      return 'values';
    case 'enum':
      return type.values.every(isPlain) ? 'values' : undefined;
    case 'nullable':
    case 'optional':
      return isWrapper(type.of) ? undefined : placeOf(type.of);
    default:
      return undefined;
  }
}

export function kindOf({ type }: FieldDescription): string {
  return type.kind === 'optional' || type.kind === 'nullable' ? type.of.kind : type.kind;
}

function isWrapper({ kind }: SchemaDescription): boolean {
  return kind === 'optional' || kind === 'nullable';
}

/** It stands in JSON as it is. */
function isPlain(text: string): boolean {
  return JSON.stringify(text) === `"${text}"`;
}

/** A statement that notes the value `a` of a field in the origin `origin`. */
export function noteSource(type: SchemaDescription, origin: string, i: number, a: string): string {
  const place = placeOf(type)!;
  if (place === 'values') return `${origin}.values[${i}] = ${a};`;
  const value = isWrapper(type) ? `${a} == null ? NaN : ${a}` : a;
  return `${origin}.numbers[${i}] = ${value};`;
}

/** An expression that is true if the value `x` is the one noted. */
export function sameSource(type: SchemaDescription, origin: string, i: number, x: string): string {
  const noted = `${origin}.${placeOf(type)!}[${i}]`;
  if (placeOf(type) === 'values' || !isWrapper(type)) return `${x} === ${noted}`;
  const nothing = type.kind === 'nullable' ? 'null' : 'undefined';
  return `(${x} === ${nothing} ? ${noted} !== ${noted} : ${x} === ${noted})`;
}
