/**
 * Reads a parameter's text by its schema: numbers, booleans and times as people write them,
 * everything with parts as JSON.
 */
import { EngineError } from '../base/errors.ts';
import { parseBoolean, parseDuration, parseInteger, parseNumber } from '../config/values.ts';
import type { Schema } from '../types/schema.ts';
import type { SchemaDescription } from '../types/schema-description.ts';

/** @throws EngineError DATA_MALFORMED or DATA_NOT_SERIALIZABLE if the text is no such value. */
export function fromText(text: string, schema: Schema<unknown>): unknown {
  return schema.codec.fromJson(jsonOf(text, schema.description));
}

/** The JSON form of the value that the text stands for. */
function jsonOf(text: string, description: SchemaDescription): unknown {
  switch (description.kind) {
    case 'string':
    case 'enum':
    case 'bytes':
    case 'date':
    case 'decimal':
    case 'int64':
      return text;
    case 'boolean':
      return parseBoolean(text) ?? malformed(text, 'it is neither true nor false');
    case 'int8':
    case 'int16':
    case 'int32':
    case 'uint8':
    case 'uint16':
    case 'uint32':
    case 'integer':
      return parseInteger(text) ?? malformed(text, 'it is no whole number');
    case 'float32':
    case 'float64':
      return parseNumber(text) ?? malformed(text, 'it is no number');
    case 'timestamp':
      return parseInteger(text) ?? instant(text);
    case 'duration':
      return parseDuration(text) ?? malformed(text, 'it is no duration');
    case 'optional':
      return jsonOf(text, description.of);
    case 'nullable':
      return text === 'null' ? null : jsonOf(text, description.of);
    case 'literal':
      return typeof description.value === 'string' ? text : parseJson(text);
    default:
      return parseJson(text);
  }
}

/** ISO-8601 with a zone, or a day, which is its first moment in UTC. */
function instant(text: string): number {
  const pattern = /^[+-]?\d{4,6}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d))?$/;
  const millis = pattern.test(text) ? Date.parse(text) : NaN;
  if (Number.isNaN(millis)) malformed(text, 'it is no time such as 2001-01-31T12:00:00Z');
  return millis;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return malformed(text, 'it is no JSON');
  }
}

function malformed(text: string, reason: string): never {
  throw new EngineError('DATA_MALFORMED', { field: text, reason });
}
