/**
 * `t`: the constructors of schemas. A schema checks its parts when it is made, so that a codec is
 * only ever generated from a description that makes sense.
 */
import { ByteWriter } from '../base/byte-writer.ts';
import { EngineError } from '../base/errors.ts';
import type { Duration, Timestamp } from '../base/units.ts';
import type { CalendarDate } from './calendar-date.ts';
import type { Decimal } from './decimal.ts';
import { described, describedStruct, evolvingField } from './described-schema.ts';
import type {
  Infer,
  JsonValue,
  OneOfValue,
  OptionalSchema,
  Schema,
  Shape,
  Struct,
  UnionValue,
} from './schema.ts';
import type { PrimitiveKind, StructDescription } from './schema-description.ts';

/** See `t.field`. */
export interface FieldEvolution<V> {
  readonly default?: V | undefined;
  readonly alias?: string | readonly string[] | undefined;
}

export interface SchemaConstructors {
  /** Any JavaScript string, lone surrogates included. */
  readonly string: Schema<string>;
  readonly boolean: Schema<boolean>;
  readonly int8: Schema<number>;
  readonly int16: Schema<number>;
  readonly int32: Schema<number>;
  readonly uint8: Schema<number>;
  readonly uint16: Schema<number>;
  readonly uint32: Schema<number>;
  /** A whole number that a JavaScript number holds exactly: from -(2^53 - 1) to 2^53 - 1. */
  readonly integer: Schema<number>;
  /** A bigint from -2^63 to 2^63 - 1. */
  readonly int64: Schema<bigint>;
  /** A number that 32 bits hold exactly: `Math.fround(x)`; others are refused, never rounded. */
  readonly float32: Schema<number>;
  /** Any JavaScript number. */
  readonly float64: Schema<number>;
  /** Milliseconds since 1970; see `timestamp()`. */
  readonly timestamp: Schema<Timestamp>;
  /** Milliseconds; see `seconds()` and its like. */
  readonly duration: Schema<Duration>;
  /** A day of the calendar without a time zone; see `calendarDate()`. */
  readonly date: Schema<CalendarDate>;
  /**
   * A number of `precision` digits (at most 38), `scale` of them after the point; see `decimal()`.
   */
  decimal(precision: number, scale: number): Schema<Decimal>;
  readonly bytes: Schema<Uint8Array>;
  array<T>(of: Schema<T>): Schema<readonly T[]>;
  /** The order of the entries belongs to the value. */
  map<K extends string | number | bigint | boolean, V>(
    key: Schema<K>,
    value: Schema<V>,
  ): Schema<ReadonlyMap<K, V>>;
  /**
   * A field of a struct with what makes up for it in state that an older program has stored: a
   * `default` where it had no such field (or an optional one), and what it was called before.
   * @example
   * const Order = t.struct({
   *   id: t.string,
   *   currency: t.field(t.string, { default: 'EUR' }),
   *   customer: t.field(t.string, { alias: 'user' }),
   * });
   */
  field<S extends Schema<unknown>>(of: S, evolution: FieldEvolution<Infer<S>>): S;
  /** @example const Order = t.struct({ id: t.string, note: t.optional(t.string) }); */
  struct<F extends Shape>(fields: F): Struct<F>;
  tuple<const S extends readonly Schema<unknown>[]>(
    ...items: S
  ): Schema<{ readonly [I in keyof S]: Infer<S[I]> }>;
  /** A field that may be missing; elsewhere a value that may be undefined. */
  optional<T>(of: Schema<T>): OptionalSchema<T>;
  nullable<T>(of: Schema<T>): Schema<T | null>;
  literal<const V extends string | number | boolean | null>(value: V): Schema<V>;
  /** @example const Status = t.enum('open', 'paid'); */
  enum<const V extends readonly [string, ...string[]]>(...values: V): Schema<V[number]>;
  /** @example t.union('kind', { circle: t.struct({ r: t.float64 }), point: t.struct({}) }) */
  union<const D extends string, F extends Readonly<Record<string, Struct<Shape>>>>(
    discriminator: D,
    arms: F,
  ): Schema<UnionValue<D, F>>;
  /** @example t.oneOf({ left: Order, right: Payment }) // { side: 'left', value: ... } | ... */
  oneOf<F extends Shape>(arms: F): Schema<OneOfValue<F>>;
  readonly json: Schema<JsonValue>;
  /** Any plain data, each value with its type beside it; for where no schema can be declared. */
  readonly any: Schema<any>;
}

/**
 * Constructors of schemas.
 * @example
 * const Order = t.struct({ id: t.string, amount: t.decimal(12, 2), at: t.timestamp });
 * type Order = Infer<typeof Order>;
 */
export const t: SchemaConstructors = Object.freeze<SchemaConstructors>({
  string: primitive('string'),
  boolean: primitive('boolean'),
  int8: primitive('int8'),
  int16: primitive('int16'),
  int32: primitive('int32'),
  uint8: primitive('uint8'),
  uint16: primitive('uint16'),
  uint32: primitive('uint32'),
  integer: primitive('integer'),
  int64: primitive('int64'),
  float32: primitive('float32'),
  float64: primitive('float64'),
  timestamp: primitive('timestamp'),
  duration: primitive('duration'),
  date: primitive('date'),
  bytes: primitive('bytes'),
  json: primitive('json'),
  any: primitive('any'),
  decimal,
  array: (of) => described({ kind: 'array', of: of.description }),
  map,
  field,
  struct,
  tuple: (...items) =>
    described({ kind: 'tuple', items: items.map(({ description }) => description) }),
  optional,
  nullable,
  literal,
  enum: enumeration,
  union,
  oneOf,
});

/**
 * The schema of edges for which none is declared: plain data (primitives, bigint, Date, arrays,
 * plain objects, Uint8Array, Map, Set, undefined), each value with its type beside it.
 */
export const dynamic: Schema<any> = primitive('dynamic');

function primitive(kind: PrimitiveKind): Schema<never> {
  return described({ kind });
}

function decimal(precision: number, scale: number): Schema<Decimal> {
  if (!Number.isInteger(precision) || precision < 1 || precision > 38) {
    invalid(`the precision of a decimal is a whole number from 1 to 38, not ${precision}`);
  }
  if (!Number.isInteger(scale) || scale < 0 || scale > precision) {
    invalid(`the scale of a decimal is a whole number from 0 to its precision, not ${scale}`);
  }
  return described({ kind: 'decimal', precision, scale });
}

const MAP_KEYS: ReadonlySet<string> = new Set([
  ...[
    'string',
    'boolean',
    'int8',
    'int16',
    'int32',
    'uint8',
    'uint16',
    'uint32',
    'integer',
    'int64',
  ],
  ...['float32', 'float64', 'timestamp', 'duration', 'date', 'decimal', 'enum', 'literal'],
]);

function map<K, V>(key: Schema<K>, value: Schema<V>): Schema<ReadonlyMap<K, V>> {
  if (!MAP_KEYS.has(key.kind)) {
    invalid(`the keys of a map are strings, numbers, bigints or booleans, not ${key.kind}`);
  }
  return described({ kind: 'map', key: key.description, value: value.description });
}

function struct<F extends Shape>(fields: F): Struct<F> {
  return describedStruct(Object.freeze({ ...fields }));
}

function field<S extends Schema<unknown>>(of: S, evolution: FieldEvolution<Infer<S>>): S {
  const { default: missing, alias } = evolution;
  const aliases = typeof alias === 'string' ? [alias] : [...(alias ?? [])];
  if (missing === undefined && aliases.length === 0) {
    invalid('t.field takes a default, an alias, or both');
  }
  if (new Set(aliases).size !== aliases.length) invalid('an alias of a field stands there twice');
  return evolvingField(of, {
    ...(missing === undefined ? undefined : { default: jsonOf(of, missing) }),
    ...(aliases.length === 0 ? undefined : { aliases }),
  });
}

/** @throws EngineError if the value is not of the schema */
function jsonOf(of: Schema<unknown>, value: unknown): JsonValue {
  of.codec.encode(value, new ByteWriter());
  return of.codec.toJson(value) as JsonValue;
}

function optional<T>(of: Schema<T>): OptionalSchema<T> {
  if (of.kind === 'optional') invalid('an optional value is optional already');
  return described<T | undefined>({ kind: 'optional', of: of.description }) as OptionalSchema<T>;
}

function nullable<T>(of: Schema<T>): Schema<T | null> {
  if (of.kind === 'nullable') invalid('a nullable value is nullable already');
  return described({ kind: 'nullable', of: of.description });
}

function literal<const V extends string | number | boolean | null>(value: V): Schema<V> {
  const plain = value === null || ['string', 'boolean'].includes(typeof value);
  if (!plain && !Number.isFinite(value)) {
    invalid('a literal is a string, a finite number, a boolean or null');
  }
  return described({ kind: 'literal', value: typeof value === 'number' ? value + 0 : value });
}

function enumeration<const V extends readonly string[]>(...values: V): Schema<V[number]> {
  if (values.length === 0 || values.length > 0x10000) invalid('an enum has 1 to 65,536 values');
  if (values.some((value) => typeof value !== 'string'))
    invalid('the values of an enum are strings');
  if (new Set(values).size !== values.length) invalid('a value of an enum stands there twice');
  return described({ kind: 'enum', values: [...values] });
}

function union<const D extends string, F extends Readonly<Record<string, Struct<Shape>>>>(
  discriminator: D,
  arms: F,
): Schema<UnionValue<D, F>> {
  const entries = Object.entries(arms);
  if (entries.length === 0 || entries.length > 0x10000) invalid('a union has 1 to 65,536 arms');
  for (const [name, arm] of entries) {
    if (arm.kind !== 'struct') invalid(`arm ${JSON.stringify(name)} of a union is not a struct`);
    if (Object.hasOwn(arm.fields, discriminator)) {
      invalid(`arm ${JSON.stringify(name)} of a union has the discriminator as a field`);
    }
  }
  return described({
    kind: 'union',
    discriminator,
    arms: entries.map(([name, arm]) => ({
      name,
      type: arm.description as StructDescription,
    })),
  });
}

function oneOf<F extends Shape>(arms: F): Schema<OneOfValue<F>> {
  const entries = Object.entries(arms);
  if (entries.length === 0 || entries.length > 0x10000) invalid('oneOf has 1 to 65,536 arms');
  return described({
    kind: 'oneOf',
    arms: entries.map(([name, { description }]) => ({ name, type: description })),
  });
}

function invalid(reason: string): never {
  throw new EngineError('DATA_INVALID_SCHEMA', { reason });
}
