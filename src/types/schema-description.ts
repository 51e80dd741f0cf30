/**
 * The serialisable description of a schema: plain JSON that names fields and types, stored in the
 * JobGraph and in snapshots, from which an equal schema can be made again. Two schemas are equal
 * exactly if their descriptions are. Kinds are never renamed or reused: old snapshots hold them.
 */
import type { JsonValue } from './schema.ts';

export type SchemaDescription =
  | PrimitiveDescription
  | DecimalDescription
  | LiteralDescription
  | EnumDescription
  | WrapperDescription
  | MapDescription
  | TupleDescription
  | StructDescription
  | UnionDescription
  | OneOfDescription;

export type PrimitiveKind =
  | 'string'
  | 'boolean'
  | 'int8'
  | 'int16'
  | 'int32'
  | 'uint8'
  | 'uint16'
  | 'uint32'
  | 'integer'
  | 'int64'
  | 'float32'
  | 'float64'
  | 'timestamp'
  | 'duration'
  | 'date'
  | 'bytes'
  | 'json'
  | 'any'
  | 'dynamic';

interface PrimitiveDescription {
  readonly kind: PrimitiveKind;
}

export interface DecimalDescription {
  readonly kind: 'decimal';
  /** Digits in all, 1 to 38. */
  readonly precision: number;
  /** Digits after the point, 0 to precision. */
  readonly scale: number;
}

interface LiteralDescription {
  readonly kind: 'literal';
  readonly value: string | number | boolean | null;
}

interface EnumDescription {
  readonly kind: 'enum';
  readonly values: readonly string[];
}

interface WrapperDescription {
  readonly kind: 'array' | 'optional' | 'nullable';
  readonly of: SchemaDescription;
}

interface MapDescription {
  readonly kind: 'map';
  readonly key: SchemaDescription;
  readonly value: SchemaDescription;
}

interface TupleDescription {
  readonly kind: 'tuple';
  readonly items: readonly SchemaDescription[];
}

export interface StructDescription {
  readonly kind: 'struct';
  readonly fields: readonly FieldDescription[];
}

/** Objects whose field `discriminator` holds the name of their arm beside the arm's fields. */
interface UnionDescription {
  readonly kind: 'union';
  readonly discriminator: string;
  readonly arms: readonly ArmDescription<StructDescription>[];
}

/** `{ side: name of the arm, value: its value }`. */
interface OneOfDescription {
  readonly kind: 'oneOf';
  readonly arms: readonly ArmDescription[];
}

export interface FieldDescription {
  readonly name: string;
  readonly type: SchemaDescription;
  /** For structs that were stored without the field; in the JSON form of its type. */
  readonly default?: JsonValue;
  /** What the field was called before. */
  readonly aliases?: readonly string[];
}

export interface ArmDescription<D extends SchemaDescription = SchemaDescription> {
  readonly name: string;
  readonly type: D;
}
