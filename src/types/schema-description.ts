/**
 * The serialisable description of a schema: plain JSON that names fields and types, stored in the
 * JobGraph and in snapshots. Two schemas are equal exactly if their descriptions are.
 */

export type SchemaDescription =
  | { readonly kind: PrimitiveKind }
  | { readonly kind: 'decimal'; readonly precision: number; readonly scale: number }
  | { readonly kind: 'literal'; readonly value: LiteralValue }
  | { readonly kind: 'enum'; readonly values: readonly string[] }
  | { readonly kind: 'array' | 'optional' | 'nullable'; readonly of: SchemaDescription }
  | { readonly kind: 'map'; readonly key: SchemaDescription; readonly value: SchemaDescription }
  | { readonly kind: 'tuple'; readonly items: readonly SchemaDescription[] }
  | { readonly kind: 'struct'; readonly fields: readonly FieldDescription[] }
  | {
      readonly kind: 'union';
      readonly discriminator: string;
      readonly arms: readonly ArmDescription[];
    }
  | { readonly kind: 'oneOf'; readonly arms: readonly ArmDescription[] };

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

export type LiteralValue = string | number | boolean | null | { readonly bigint: string };

export interface FieldDescription {
  readonly name: string;
  readonly type: SchemaDescription;
}

export interface ArmDescription {
  readonly name: string;
  readonly type: SchemaDescription;
}
