/**
 * Projection of a value to a schema: the fields of its structs and no others, in their order. Sinks
 * use it, so that a stream of wider records can be written to a narrower sink.
 */
import { EngineError } from '../base/errors.ts';
import { compile, quote, quoteField, quoteProperty } from '../base/generated-code.ts';
import { GeneratedSource } from './generated-source.ts';
import { problemOf } from './problem.ts';
import { REFUSED, refuse } from './refusal.ts';
import type { Schema } from './schema.ts';
import type { ArmDescription, FieldDescription, SchemaDescription } from './schema-description.ts';

/**
 * The projection to `schema`; undefined if its values have no fields, and nothing is to be done.
 * Parts without fields are passed on by reference and not checked.
 * @throws (the projection) EngineError DATA_NOT_SERIALIZABLE if there is no object where there must
 * be one.
 * @example projectionOf(t.struct({ id: t.string }))?.({ id: 'a', more: 1 }) // { id: 'a' }
 */
export function projectionOf(schema: Schema<unknown>): ((value: unknown) => unknown) | undefined {
  const { description } = schema;
  if (!hasFields(description)) return undefined;
  const source = new GeneratedSource();
  const root = source.function('p', 'x', () => `return ${copyOf(source, description, 'x')};`);
  const copy = compile('projection', ['refuse'], source.finish(root))(refuse) as (
    value: unknown,
  ) => unknown;
  return (value) => {
    try {
      return copy(value);
    } catch (thrown) {
      throw thrown === REFUSED ? misfit(description, value) : thrown;
    }
  };
}

/** A value with the fields of its schema and no others. */
export function project<T>(value: T, schema: Schema<T>): T {
  return (projectionOf(schema)?.(value) ?? value) as T;
}

function misfit(description: SchemaDescription, value: unknown): EngineError {
  const { path: field, reason } = problemOf(description, value) ?? {
    path: 'record',
    reason: 'it changed while it was being copied',
  };
  return new EngineError('DATA_NOT_SERIALIZABLE', { field, reason });
}

function hasFields(description: SchemaDescription): boolean {
  switch (description.kind) {
    case 'struct':
    case 'union':
    case 'oneOf':
      return true;
    case 'array':
    case 'optional':
    case 'nullable':
      return hasFields(description.of);
    case 'map':
      return hasFields(description.value);
    case 'tuple':
      return description.items.some(hasFields);
    default:
      return false;
  }
}

/** An expression for the projection of the expression `x`. */
function copyOf(source: GeneratedSource, description: SchemaDescription, x: string): string {
  if (!hasFields(description)) return x;
  const copy = source.function('p', 'x', () => copyBody(source, description));
  return `${copy}(${x})`;
}

const OBJECT_ONLY = `if (typeof x !== 'object' || x === null) refuse();`;

function copyBody(source: GeneratedSource, description: SchemaDescription): string {
  switch (description.kind) {
    case 'optional':
      return `return x === undefined ? x : ${copyOf(source, description.of, 'x')};`;
    case 'nullable':
      return `return x === null ? x : ${copyOf(source, description.of, 'x')};`;
    case 'array':
      return [
        'if (!Array.isArray(x)) refuse();',
        'const v = [];',
        `for (let i = 0; i < x.length; i++) v.push(${copyOf(source, description.of, 'x[i]')});`,
        'return v;',
      ].join('\n');
    case 'map':
      return [
        'if (!(x instanceof Map)) refuse();',
        'const v = new Map();',
        `for (const [k, y] of x) v.set(k, ${copyOf(source, description.value, 'y')});`,
        'return v;',
      ].join('\n');
    case 'tuple': {
      const items = description.items.map((item, i) => copyOf(source, item, `x[${i}]`));
      return `if (!Array.isArray(x)) refuse();\nreturn [${items.join(', ')}];`;
    }
    case 'struct':
      return `${OBJECT_ONLY}\nreturn ${literal(source, description.fields, [])};`;
    case 'union':
      return arms(description.discriminator, description.arms, (name, { fields }) =>
        literal(source, fields, [`${quoteProperty(description.discriminator)}: ${quote(name)}`]),
      );
    case 'oneOf':
      return arms('side', description.arms, (name, type) => {
        const value = copyOf(source, type, 'x["value"]');
        return `{ "side": ${quote(name)}, "value": ${value} }`;
      });
    default:
      return 'return x;';
  }
}

function literal(
  source: GeneratedSource,
  fields: readonly FieldDescription[],
  first: readonly string[],
): string {
  const properties = fields.map(
    ({ name, type }) => `${quoteProperty(name)}: ${copyOf(source, type, quoteField('x', name))}`,
  );
  return `{ ${[...first, ...properties].join(', ')} }`;
}

function arms<D extends SchemaDescription>(
  discriminator: string,
  list: readonly ArmDescription<D>[],
  make: (name: string, type: D) => string,
): string {
  const cases = list.map(({ name, type }) => `case ${quote(name)}: return ${make(name, type)};`);
  const arm = `switch (x[${quote(discriminator)}]) {`;
  return [OBJECT_ONLY, arm, ...cases, 'default: refuse();\n}'].join('\n');
}
