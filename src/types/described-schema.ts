/**
 * The one implementation of Schema: a frozen description, and the codec generated from it on first
 * use, which is a memo: whatever the codec is, the description says.
 */
import { createCodec } from './codec.ts';
import type { Codec, Schema, Shape, Struct } from './schema.ts';
import type { FieldDescription, SchemaDescription } from './schema-description.ts';

export function described<T>(description: SchemaDescription): Schema<T> {
  return new DescribedSchema<T>(description);
}

export function describedStruct<F extends Shape>(fields: F): Struct<F> {
  return new StructSchema(fields);
}

class DescribedSchema<out T> implements Schema<T> {
  readonly kind: SchemaDescription['kind'];
  readonly description: SchemaDescription;
  #codec: Codec<T> | undefined;

  constructor(description: SchemaDescription) {
    this.kind = description.kind;
    this.description = deepFreeze(description);
  }

  get codec(): Codec<T> {
    return (this.#codec ??= createCodec(this.description) as Codec<T>);
  }
}

class StructSchema<out F extends Shape> extends DescribedSchema<any> implements Struct<F> {
  override readonly kind = 'struct';
  readonly fields: F;

  constructor(fields: F) {
    super({
      kind: 'struct',
      fields: Object.entries(fields).map(([name, field]) => ({
        name,
        type: field.description,
        ...(field as Partial<EvolvingField>).evolution,
      })),
    });
    this.fields = fields;
  }
}

/** A schema of a field, with what is to be done about older values. */
type Evolution = Pick<FieldDescription, 'default' | 'aliases'>;

class EvolvingField implements Schema<unknown> {
  readonly kind: SchemaDescription['kind'];
  readonly description: SchemaDescription;
  readonly evolution: Evolution;
  /** Of a struct. */
  readonly fields: Shape | undefined;
  readonly #of: Schema<unknown>;

  constructor(of: Schema<unknown>, evolution: Evolution) {
    this.kind = of.kind;
    this.description = of.description;
    this.evolution = evolution;
    this.fields = (of as Partial<Struct<Shape>>).fields;
    this.#of = of;
  }

  get codec(): Codec<unknown> {
    return this.#of.codec;
  }
}

/** The same schema for its values; as a field of a struct, one that can do without older ones. */
export function evolvingField<S extends Schema<unknown>>(of: S, evolution: Evolution): S {
  return new EvolvingField(of, deepFreeze(evolution)) as Schema<unknown> as S;
}

/** What a field with this schema was called before. */
export function formerNamesOf(schema: Schema<unknown>): readonly string[] {
  return (schema as Partial<EvolvingField>).evolution?.aliases ?? [];
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  Object.values(value).forEach(deepFreeze);
  return Object.freeze(value);
}
