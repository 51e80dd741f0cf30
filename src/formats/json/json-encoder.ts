/** Writes values as lines of JSON: what `JSON.stringify` makes of the JSON form of the schema. */
import { EngineError } from '../../base/errors.ts';
import { compile } from '../../base/generated-code.ts';
import { problemOf } from '../../types/problem.ts';
import type { SchemaDescription } from '../../types/schema-description.ts';
import type { Schema } from '../../types/schema.ts';
import type { ToJson } from '../../types/to-json.ts';
import { toJsonOf } from '../../types/to-json.ts';
import type { LineEncoder } from '../format.ts';
import { isoText } from '../../base/iso-timestamp.ts';
import { MISFIT } from '../misfit.ts';
import { writeUtf8 } from '../utf8.ts';
import { refuseValue } from '../value-check.ts';
import { WRITER_PARAMETERS, writerSource } from './json-writer-source.ts';
import type { JsonOptions } from './json.ts';

export class JsonLineEncoder<T> implements LineEncoder<T> {
  readonly header: undefined = undefined;
  readonly #description: SchemaDescription;
  readonly #toJson: ToJson;

  constructor(schema: Schema<T>, options: JsonOptions) {
    this.#description = schema.description;
    this.#toJson = checkedToJson(schema.description, options);
  }

  encode(value: T, out: Uint8Array, at: number): number {
    // No escape of JSON leaves a line end or half of a character.
    return writeUtf8(`${this.#line(value)}\n`, out, at);
  }

  #line(value: T): string {
    let json: unknown;
    try {
      json = this.#toJson(value);
    } catch (thrown) {
      throw thrown === MISFIT ? notWritable(this.#description, value) : thrown;
    }
    const line: string | undefined = JSON.stringify(json);
    // Of undefined there is no JSON.
    if (line === undefined) throw notWritable(this.#description, value);
    return line;
  }
}

/** Generated; throws MISFIT for values that do not fit. */
function checkedToJson(description: SchemaDescription, options: JsonOptions): ToJson {
  const { text, others } = writerSource(description, options);
  return compile(
    'json/write',
    WRITER_PARAMETERS,
    text,
  )(
    ...[refuseValue, rawNumber],
    others.map((kind) => otherToJson(kind, options)),
  ) as ToJson;
}

function otherToJson(description: SchemaDescription, options: JsonOptions): ToJson {
  const toJson = toJsonOf(description, (kind) => formOf(kind, options));
  return (value: unknown) => {
    if (problemOf(description, value) !== undefined) refuseValue();
    return toJson(value);
  };
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

function notWritable(description: SchemaDescription, value: unknown): EngineError {
  const { path, reason } = problemOf(description, value) ?? {
    path: 'record',
    reason: 'it has no form in JSON',
  };
  return new EngineError('DATA_NOT_WRITABLE', {
    format: 'json',
    field: path,
    reason,
    fix: 'Make the records what the schema of the format says, or change that.',
  });
}
