/** Writes values as lines of JSON: what `JSON.stringify` makes of the JSON form of the schema. */
import { textBufferOf } from '../../base/text-buffer.ts';
import { EngineError } from '../../base/errors.ts';
import { problemOf } from '../../types/problem.ts';
import type { SchemaDescription } from '../../types/schema-description.ts';
import type { Schema } from '../../types/schema.ts';
import type { ToJson } from '../../types/to-json.ts';
import { toJsonOf } from '../../types/to-json.ts';
import type { LineEncoder } from '../format.ts';
import { isoText } from '../iso-timestamp.ts';
import type { JsonOptions } from './json.ts';

export class JsonLineEncoder<T> implements LineEncoder<T> {
  readonly header: undefined = undefined;
  readonly #description: SchemaDescription;
  readonly #toJson: ToJson;

  constructor(schema: Schema<T>, options: JsonOptions) {
    this.#description = schema.description;
    this.#toJson = toJsonOf(schema.description, (kind) => formOf(kind, options));
  }

  encode(value: T, out: Uint8Array, at: number): number {
    const problem = problemOf(this.#description, value);
    if (problem !== undefined) refuse(problem.path, problem.reason);
    const line: string | undefined = JSON.stringify(this.#toJson(value));
    // No escape of JSON.stringify leaves a line end or half of a character.
    if (line === undefined) refuse('record', 'it is undefined, of which there is no JSON');
    const length = Buffer.byteLength(line, 'utf8');
    if (at + length + 1 > out.length) return -1;
    const end = at + textBufferOf(out).utf8Write(line, at, length);
    out[end] = 0x0a;
    return end + 1;
  }
}

function formOf(description: SchemaDescription, options: JsonOptions): ToJson | undefined {
  switch (description.kind) {
    case 'int64':
      return options.int64 === 'number' ? (value: bigint) => rawNumber(String(value)) : undefined;
    case 'decimal':
      return options.decimal === 'number' ? rawNumber : undefined;
    case 'timestamp':
      return options.timestamp === 'iso' ? (at: number) => isoText(at) ?? at : undefined;
    default:
      return undefined;
  }
}

interface RawJson {
  rawJSON(text: string): unknown;
}

/** A number with all its digits. */
function rawNumber(text: string): unknown {
  return (JSON as unknown as RawJson).rawJSON(text);
}

function refuse(field: string, reason: string): never {
  throw new EngineError('DATA_NOT_WRITABLE', {
    format: 'json',
    field,
    reason,
    fix: 'Make the records what the schema of the format says, or change that.',
  });
}
