/**
 * The one implementation of Schema: a frozen description, and the codec generated from it on first
 * use, which is a memo: whatever the codec is, the description says.
 */
import { createCodec } from './codec.ts';
import type { Codec, Schema, Shape, Struct } from './schema.ts';
import type { SchemaDescription } from './schema-description.ts';

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
      fields: Object.entries(fields).map(([name, { description }]) => ({
        name,
        type: description,
      })),
    });
    this.fields = fields;
  }
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  Object.values(value).forEach(deepFreeze);
  return Object.freeze(value);
}
