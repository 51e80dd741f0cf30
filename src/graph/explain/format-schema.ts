/**
 * A schema in one line, for plans and messages: `{ id: string, note?: string, lines: int32[] }`.
 */
import type { SchemaDescription } from '../../types/schema-description.ts';

/** @example formatSchema(t.array(t.int32).description) // 'int32[]' */
export function formatSchema(schema: SchemaDescription): string {
  switch (schema.kind) {
    case 'decimal':
      return `decimal(${schema.precision}, ${schema.scale})`;
    case 'literal':
      return JSON.stringify(schema.value);
    case 'enum':
      return schema.values.map((value) => JSON.stringify(value)).join(' | ');
    case 'array':
      return `${grouped(schema.of)}[]`;
    case 'optional':
      return `${grouped(schema.of)} | undefined`;
    case 'nullable':
      return `${grouped(schema.of)} | null`;
    case 'map':
      return `map<${formatSchema(schema.key)}, ${formatSchema(schema.value)}>`;
    case 'tuple':
      return `[${schema.items.map(formatSchema).join(', ')}]`;
    case 'struct':
      return fields(schema.fields);
    case 'union':
    case 'oneOf':
      return schema.arms
        .map(({ name, type }) => `${fieldName(name)}: ${formatSchema(type)}`)
        .join(' | ');
    default:
      return schema.kind;
  }
}

function fields(
  parts: readonly { readonly name: string; readonly type: SchemaDescription }[],
): string {
  if (parts.length === 0) return '{}';
  const texts = parts.map(({ name, type }) =>
    type.kind === 'optional'
      ? `${fieldName(name)}?: ${formatSchema(type.of)}`
      : `${fieldName(name)}: ${formatSchema(type)}`,
  );
  return `{ ${texts.join(', ')} }`;
}

function fieldName(name: string): string {
  return /^[\p{L}_$][\p{L}\p{N}_$]*$/u.test(name) ? name : JSON.stringify(name);
}

function grouped(schema: SchemaDescription): string {
  const text = formatSchema(schema);
  const compound = ['enum', 'optional', 'nullable', 'union', 'oneOf'].includes(schema.kind);
  return compound ? `(${text})` : text;
}
