/**
 * The JSON form of values, to be put into a JSON text; `from-json.ts` takes it back. Strings,
 * finite numbers, booleans, timestamps, durations and enums are themselves, decimals their text. An
 * int64 is a string of digits; NaN, infinities and -0 are strings; bytes are base64, dates
 * `YYYY-MM-DD`. A map is an object if its keys are strings that an object keeps in order, else an
 * array of pairs. Values without a schema are marked where JSON has no form of its own, e.g. `{
 * "$bigint": "7" }`.
 */
import { dateText } from './calendar-date.ts';
import type { CalendarDate } from './calendar-date.ts';
import type { ArmDescription, FieldDescription, SchemaDescription } from './schema-description.ts';

export type ToJson = (value: any) => unknown;

const itself: ToJson = (value: unknown) => value;

/**
 * The form of a kind that a format writes in another one than that of this file, else undefined.
 */
export type KindForm = (description: SchemaDescription) => ToJson | undefined;

const noOther: KindForm = () => undefined;

/** Values must fit the schema. */
export function toJsonOf(description: SchemaDescription, other: KindForm = noOther): ToJson {
  return other(description) ?? formOf(description, other);
}

function formOf(description: SchemaDescription, other: KindForm): ToJson {
  switch (description.kind) {
    case 'int64':
      return String;
    case 'float32':
    case 'float64':
    case 'duration':
      return numberToJson;
    case 'date':
      return (value: CalendarDate) => dateText(value);
    case 'bytes':
      return bytesToJson;
    case 'array':
      return arrayToJson(toJsonOf(description.of, other));
    case 'optional':
      return optionalToJson(toJsonOf(description.of, other), holdsNull(description.of));
    case 'nullable': {
      const inner = insideNullable(description.of, other);
      return (value) => (value === null ? null : inner(value));
    }
    case 'map':
      return mapToJson(description.key, other, toJsonOf(description.value, other));
    case 'tuple': {
      const items = description.items.map((item) => toJsonOf(item, other));
      return (value: readonly unknown[]) => items.map((item, i) => item(value[i]));
    }
    case 'struct':
      return fieldsToJson(description.fields, [], other);
    case 'union':
      return armsToJson(description.discriminator, description.arms, (name, type) =>
        fieldsToJson(type.fields, [[description.discriminator, name]], other),
      );
    case 'oneOf':
      return armsToJson('side', description.arms, (name, type) => {
        const inner = toJsonOf(type, other);
        return ({ value }: { readonly value: unknown }) => ({ side: name, value: inner(value) });
      });
    case 'any':
    case 'dynamic':
      return dynamicToJson;
    default:
      return itself;
  }
}

export function bytesToJson(value: Uint8Array): string {
  return Buffer.from(value.buffer, value.byteOffset, value.length).toString('base64');
}

function numberToJson(value: number): unknown {
  return Number.isFinite(value) && !Object.is(value, -0) ? value : textOfNumber(value);
}

function textOfNumber(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value);
}

function arrayToJson(item: ToJson): ToJson {
  return (value: readonly unknown[]) => value.map((element) => item(element));
}

/** Outside of structs, where a missing field says it: null, unless null is a value itself. */
function optionalToJson(inner: ToJson, marked: boolean): ToJson {
  const empty = marked ? UNDEFINED : null;
  return (value) => (value === undefined ? empty : inner(value));
}

function insideNullable(of: SchemaDescription, other: KindForm): ToJson {
  return of.kind === 'optional'
    ? optionalToJson(toJsonOf(of.of, other), true)
    : toJsonOf(of, other);
}

const UNDEFINED: { readonly $undefined: true } = Object.freeze({ $undefined: true });

export function holdsNull(description: SchemaDescription): boolean {
  const { kind } = description;
  if (kind === 'literal') return description.value === null;
  if (kind === 'optional') return true;
  return kind === 'nullable' || kind === 'json' || kind === 'any' || kind === 'dynamic';
}

function mapToJson(key: SchemaDescription, other: KindForm, item: ToJson): ToJson {
  const keyToJson = toJsonOf(key, other);
  return (value: ReadonlyMap<unknown, unknown>) => {
    const pairs = [...value].map(([k, x]): [unknown, unknown] => [keyToJson(k), item(x)]);
    const named = key.kind === 'string' && pairs.every(([k]) => !/^\d+$/.test(k as string));
    return named ? Object.fromEntries(pairs as [string, unknown][]) : pairs;
  };
}

function fieldsToJson(
  fields: readonly FieldDescription[],
  first: readonly (readonly [string, string])[],
  other: KindForm,
): ToJson {
  const readers = fields.map(({ name, type }) => ({
    name,
    read: toJsonOf(type.kind === 'optional' ? type.of : type, other),
    optional: type.kind === 'optional',
  }));
  return (value: Readonly<Record<string, unknown>>) => {
    const json: Record<string, unknown> = {};
    for (const [name, arm] of first) define(json, name, arm);
    for (const { name, read, optional } of readers) {
      const field = value[name];
      if (!optional || field !== undefined) define(json, name, read(field));
    }
    return json;
  };
}

/** An assignment, which for `__proto__` would be no property. */
function define(object: Record<string, unknown>, name: string, value: unknown): void {
  if (name !== '__proto__') {
    object[name] = value;
    return;
  }
  Object.defineProperty(object, name, {
    value,
    enumerable: true,
    configurable: true,
    writable: true,
  });
}

function armsToJson<D extends SchemaDescription>(
  discriminator: string,
  arms: readonly ArmDescription<D>[],
  make: (name: string, type: D) => ToJson,
): ToJson {
  const byName = new Map(arms.map(({ name, type }) => [name, make(name, type)]));
  return (value: Readonly<Record<string, unknown>>) =>
    byName.get(value[discriminator] as string)!(value);
}

/**
 * Plain data in which every value that JSON cannot say is an object with one name beginning with
 * `$`.
 */
function dynamicToJson(value: unknown): unknown {
  switch (typeof value) {
    case 'number':
      return Number.isFinite(value) && !Object.is(value, -0)
        ? value
        : { $number: textOfNumber(value) };
    case 'bigint':
      return { $bigint: String(value) };
    case 'undefined':
      return UNDEFINED;
    case 'object':
      return value === null ? null : objectToJson(value);
    default:
      return value;
  }
}

function objectToJson(value: object): unknown {
  if (Array.isArray(value)) return value.map(dynamicToJson);
  if (value instanceof Uint8Array) return { $bytes: bytesToJson(value) };
  if (value instanceof Date) return { $date: dynamicToJson(value.getTime()) };
  if (value instanceof Map) return { $map: pairsToJson([...value]) };
  if (value instanceof Set) return { $set: [...value].map(dynamicToJson) };
  const entries = Object.entries(value);
  if (Object.getPrototypeOf(value) === null) return { $plain: pairsToJson(entries) };
  if (entries.some(([name]) => name.startsWith('$'))) return { $object: pairsToJson(entries) };
  return Object.fromEntries(entries.map(([name, item]) => [name, dynamicToJson(item)]));
}

function pairsToJson(pairs: readonly (readonly [unknown, unknown])[]): unknown {
  return pairs.map((pair) => pair.map(dynamicToJson));
}
