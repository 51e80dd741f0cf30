/** From the serialisable description back to the schema, and the short name of a description. */
import { murmur128 } from '../base/murmur128.ts';
import { EngineError } from '../base/errors.ts';
import type { Schema, Shape, Struct } from './schema.ts';
import type { SchemaDescription, StructDescription } from './schema-description.ts';
import { dynamic, t } from './t.ts';

/**
 * The schema of a description, equal to the one it came from.
 * @throws EngineError DATA_INVALID_SCHEMA if it is none.
 */
export function schemaOf(description: SchemaDescription): Schema<unknown> {
  switch (description.kind) {
    case 'decimal':
      return t.decimal(description.precision, description.scale);
    case 'literal':
      return t.literal(description.value);
    case 'enum':
      return t.enum(...(description.values as [string]));
    case 'array':
      return t.array(schemaOf(description.of));
    case 'optional':
      return t.optional(schemaOf(description.of));
    case 'nullable':
      return t.nullable(schemaOf(description.of));
    case 'map':
      return t.map(schemaOf(description.key) as Schema<string>, schemaOf(description.value));
    case 'tuple':
      return t.tuple(...description.items.map(schemaOf));
    case 'struct':
      return structOf(description);
    case 'union':
      return t.union(description.discriminator, shapeOf(description.arms, structOf));
    case 'oneOf':
      return t.oneOf(shapeOf(description.arms, schemaOf));
    default:
      return (
        PRIMITIVES.find(({ kind }) => kind === description.kind) ??
        invalid(
          `there is no schema of kind ${JSON.stringify((description as SchemaDescription).kind)}`,
        )
      );
  }
}

function structOf(description: StructDescription): Struct<Shape> {
  const shape = shapeOf(description.fields, schemaOf);
  for (const { name, default: missing, aliases: alias } of description.fields) {
    if (missing === undefined && alias === undefined) continue;
    const of = shape[name]!;
    const value = missing === undefined ? undefined : of.codec.fromJson(missing);
    shape[name] = t.field(of, { default: value, alias });
  }
  return t.struct(shape);
}

function shapeOf<D, S>(
  parts: readonly { readonly name: string; readonly type: D }[],
  make: (type: D) => S,
): Record<string, S> {
  const shape = Object.fromEntries(parts.map(({ name, type }) => [name, make(type)]));
  if (Object.keys(shape).length !== parts.length) invalid('a name stands there twice');
  return shape;
}

/** By kind. */
const PRIMITIVES: readonly Schema<unknown>[] = [
  ...Object.values(t).filter((member): member is Schema<unknown> => typeof member === 'object'),
  dynamic,
];

/**
 * 32 hex digits, equal exactly for equal descriptions, stable over versions of the engine.
 * @example fingerprintOf(Order.description)
 */
export function fingerprintOf(description: SchemaDescription): string {
  // Through the constructors, so that the order of properties in stored JSON does not matter.
  return murmur128(JSON.stringify(schemaOf(description).description));
}

function invalid(reason: string): never {
  throw new EngineError('DATA_INVALID_SCHEMA', { reason });
}
