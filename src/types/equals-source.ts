/**
 * Generates the comparison of two values of a description: true exactly if both encode to the same
 * bytes. It may be asked about values that do not fit, and then answers anything but does not
 * throw.
 */
import { quote, quoteField } from '../base/generated-code.ts';
import { fixedKind } from './fixed-kinds.ts';
import { GeneratedSource } from './generated-source.ts';
import type { ArmDescription, FieldDescription, SchemaDescription } from './schema-description.ts';

/** The body of a function of the codec helpers that returns `(left, right) => boolean`. */
export function equalsSource(description: SchemaDescription): string {
  const source = new GeneratedSource();
  const root = source.function('q', 'x, y', () => `return ${same(source, description, 'x', 'y')};`);
  return source.finish(root);
}

/** An expression over two side-effect-free expressions. */
function same(
  source: GeneratedSource,
  description: SchemaDescription,
  x: string,
  y: string,
): string {
  const fixed = fixedKind(description);
  if (fixed !== undefined) return fixed.same(x, y);
  switch (description.kind) {
    case 'string':
      return `${x} === ${y}`;
    case 'bytes':
      return `sameBytes(${x}, ${y})`;
    case 'optional':
    case 'nullable': {
      const empty = description.kind === 'optional' ? 'undefined' : 'null';
      const inner = same(source, description.of, x, y);
      return `(${x} === ${empty} || ${y} === ${empty} ? ${x} === ${y} : ${inner})`;
    }
    case 'json':
    case 'any':
    case 'dynamic':
      return `sameDynamic(${x}, ${y})`;
    default:
      return `${composite(source, description)}(${x}, ${y})`;
  }
}

const OBJECTS = `typeof x !== 'object' || typeof y !== 'object' || x === null || y === null`;

const SAME_LENGTH = 'if (x === y) return true;\nif (!sameLength(x, y)) return false;';

function composite(source: GeneratedSource, description: SchemaDescription): string {
  return source.function('q', 'x, y', () => {
    switch (description.kind) {
      case 'struct':
        return [
          'if (x === y) return true;',
          `if (${OBJECTS}) return false;`,
          `return ${fields(source, description.fields)};`,
        ].join('\n');
      case 'tuple': {
        const items = description.items.map((item, i) => same(source, item, `x[${i}]`, `y[${i}]`));
        return `${SAME_LENGTH}\nreturn ${all(items)};`;
      }
      case 'array':
        return [
          SAME_LENGTH,
          'for (let i = 0; i < x.length; i++) {',
          `if (!(${same(source, description.of, 'x[i]', 'y[i]')})) return false;`,
          '}\nreturn true;',
        ].join('\n');
      case 'map':
        return maps(source, description.key, description.value);
      case 'union':
        return arms(description.arms, description.discriminator, (type) =>
          type.kind === 'struct' ? fields(source, type.fields) : 'false',
        );
      case 'oneOf':
        return arms(description.arms, 'side', (type) =>
          same(source, type, 'x["value"]', 'y["value"]'),
        );
      default:
        throw new Error(`no composite: ${description.kind}`);
    }
  });
}

function all(conditions: readonly string[]): string {
  return conditions.length === 0
    ? 'true'
    : conditions.map((condition) => `(${condition})`).join(' && ');
}

function fields(source: GeneratedSource, list: readonly FieldDescription[]): string {
  return all(
    list.map(({ name, type }) => same(source, type, quoteField('x', name), quoteField('y', name))),
  );
}

function arms(
  list: readonly ArmDescription[],
  discriminator: string,
  body: (type: SchemaDescription) => string,
): string {
  const arm = quote(discriminator);
  const cases = list.map(({ name, type }) => `case ${quote(name)}: return ${body(type)};`);
  return [
    'if (x === y) return true;',
    `if (${OBJECTS} || x[${arm}] !== y[${arm}]) return false;`,
    `switch (x[${arm}]) {`,
    ...cases,
    'default: return false;\n}',
  ].join('\n');
}

function maps(source: GeneratedSource, key: SchemaDescription, value: SchemaDescription): string {
  return [
    'if (x === y) return true;',
    'if (!(x instanceof Map) || !(y instanceof Map) || x.size !== y.size) return false;',
    'const others = y.entries();',
    'for (const [k, v] of x) {',
    'const [l, u] = others.next().value;',
    `if (!(${same(source, key, 'k', 'l')}) || !(${same(source, value, 'v', 'u')})) return false;`,
    '}\nreturn true;',
  ].join('\n');
}
