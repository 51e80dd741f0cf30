/**
 * Schema<T>: a type known both to the compiler (T) and to the runtime: binary codec, key family,
 * equality, JSON form and a serialisable description for later evolution. Every edge and every
 * piece of state of a job has one. Schemas are immutable; generated code hangs on the schema object
 * and is made on first use.
 */
import type { ByteReader } from '../base/byte-reader.ts';
import type { ByteWriter } from '../base/byte-writer.ts';
import type { SchemaDescription } from './schema-description.ts';

declare const type: unique symbol;

/** @example const Order: Schema<{ readonly id: string }> = t.struct({ id: t.string }); */
export interface Schema<out T> {
  readonly [type]?: () => T;
  /** The kind of the outermost constructor, e.g. `struct`. */
  readonly kind: SchemaDescription['kind'];
  /**
   * Plain JSON, stable under the order of construction; `schemaOf(description)` gives an equal
   * schema back.
   */
  readonly description: SchemaDescription;
  /** Generated on first use. */
  readonly codec: Codec<T>;
}

/** A schema whose value may be left out of the struct it is a field of. */
export interface OptionalSchema<out T> extends Schema<T | undefined> {
  readonly kind: 'optional';
}

export type Shape = Readonly<Record<string, Schema<unknown>>>;

/**
 * A schema of objects; its fields may be taken into other structs: `t.struct({ ...Order.fields,
 * paid: t.boolean })`.
 */
export interface Struct<F extends Shape> extends Schema<StructValue<F>> {
  readonly kind: 'struct';
  readonly fields: F;
}

/** Records as columns of as many places as there are records, or more. */
export interface RecordColumns {
  readonly values: unknown[];
  readonly timestamps: Float64Array | undefined;
  readonly keyGroups: Uint16Array | undefined;
}

/** Which records of columns to write: those from `from` on and below `end`, as far as they fit. */
export interface RecordRange {
  readonly from: number;
  readonly end: number;
  /**
   * Offset in the writer: no record is begun that would go beyond it if it is as large as the one
   * before it. The first one always is.
   */
  readonly limit: number;
}

/**
 * Binary form. `encode` trusts neither type nor shape where a mistake would corrupt data: a value
 * that does not fit throws EngineError DATA_NOT_SERIALIZABLE with the path of the field, and leaves
 * the writer as it was. A struct's fields are written and no others. -0 is kept by float32,
 * float64, duration and dynamic values, and is 0 for integers.
 * Methods are bivariant on purpose: a `Schema<T>` is covariant in T for its users.
 */
export interface Codec<out T> {
  encode(value: unknown, out: ByteWriter): void;
  /**
   * Encodes records one after another as `decodeRecords` reads them. @returns the index of the
   * first one that was not written. @throws as `encode`, with none of them written
   */
  encodeRecords(records: RecordColumns, range: RecordRange, out: ByteWriter): number;
  /** @throws EngineError DATA_CORRUPT, whatever the bytes are. */
  decode(input: ByteReader): T;
  /**
   * Decodes `count` values one after another, each behind its timestamp (float64) and its key group
   * (uint16) where there is a column for them. @throws as `decode`
   */
  decodeRecords(input: ByteReader, count: number, into: RecordColumns): void;
  /**
   * True when both encode to the same bytes, decided without encoding; both must fit the schema.
   */
  equals(left: unknown, right: unknown): boolean;
  /**
   * The value as `JSON.stringify` may take it (bigint and bytes as strings, timestamps as numbers).
   */
  toJson(value: unknown): unknown;
  /**
   * Takes what `toJson` gives, after `JSON.parse`. @throws EngineError DATA_MALFORMED with the path
   * of the field.
   */
  fromJson(json: unknown): T;
}

/** The TypeScript type of a schema's values; deeply readonly. */
export type Infer<S> = S extends Schema<infer T> ? T : never;

/** What can be a key: its hash is a function of its canonical bytes. */
export type Key = string | number | bigint | boolean | readonly Key[];

/** The same type, shown in editors as one object. */
type Simplify<T> = { [K in keyof T]: T[K] } & {};

/** The objects of a struct. */
type StructValue<F extends Shape> = Simplify<
  {
    readonly [K in keyof F as F[K] extends OptionalSchema<unknown> ? never : K]: Infer<F[K]>;
  } & {
    readonly [K in keyof F as F[K] extends OptionalSchema<unknown> ? K : never]?: Infer<F[K]>;
  }
>;

/** The objects of `t.union`: those of each arm, with the arm's name in the discriminator. */
export type UnionValue<D extends string, F extends Readonly<Record<string, Struct<Shape>>>> = {
  [K in keyof F]: Simplify<{ readonly [N in D]: K } & Infer<F[K]>>;
}[keyof F];

/** The objects of `t.oneOf`. */
export type OneOfValue<F extends Shape> = {
  [K in keyof F]: { readonly side: K; readonly value: Infer<F[K]> };
}[keyof F];

/** What JSON can say. */
export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [name: string]: JsonValue };
