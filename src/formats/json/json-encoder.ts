/** Writes values as lines of JSON: what `JSON.stringify` makes of the JSON form of the schema. */
import { EngineError } from '../../base/errors.ts';
import { compile } from '../../base/generated-code.ts';
import type { RecordOrigins } from '../../functions/record-origins.ts';
import { problemOf } from '../../types/problem.ts';
import type { SchemaDescription } from '../../types/schema-description.ts';
import type { Schema } from '../../types/schema.ts';
import type { ToJson } from '../../types/to-json.ts';
import { toJsonOf } from '../../types/to-json.ts';
import type { LineEncoder } from '../format.ts';
import { isoText } from '../../base/iso-timestamp.ts';
import { MISFIT } from '../misfit.ts';
import { ODD_ROW, RowWriter } from '../row-bytes.ts';
import type { WriteRow } from '../row-bytes.ts';
import { writeUtf8 } from '../utf8.ts';
import { refuseValue } from '../value-check.ts';
import { writeInteger } from '../write-integer.ts';
import { LINE_PARAMETERS, lineSource } from './json-bytes-source.ts';
import { WRITER_PARAMETERS, writerSource } from './json-writer-source.ts';
import type { JsonOptions } from './json.ts';

/** JE1. A line is what `JSON.stringify` makes of the JSON form, whichever way it is written. */
export class JsonLineEncoder<T> implements LineEncoder<T> {
  readonly header: undefined = undefined;
  readonly #description: SchemaDescription;
  readonly #toJson: ToJson;
  readonly #lines: RowWriter | undefined;

  /** @param lines the fast way, which all encoders of a format share */
  constructor(schema: Schema<T>, options: JsonOptions, lines: RowWriter | undefined) {
    this.#description = schema.description;
    this.#toJson = checkedToJson(schema.description, options);
    this.#lines = lines;
  }

  encode(value: T, out: Uint8Array, at: number): number {
    const end = this.#lines?.write(value, out, at) ?? ODD_ROW;
    if (end !== ODD_ROW) return end;
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

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Undefined where lines of the schema are not written as bytes. */
export function jsonLineWriter(
  description: SchemaDescription,
  options: JsonOptions,
  origins?: RecordOrigins,
): RowWriter | undefined {
  const source = lineSource(description, options, origins);
  if (source === undefined) return undefined;
  const others = source.others.map((kind) => otherToJson(kind, options));
  const line = compile('json/bytes', LINE_PARAMETERS, source.text);
  const parts = { marks: [QUOTE, BACKSLASH], fixed: source.fixed } as const;
  const { texts, structs } = source;
  return new RowWriter(
    parts,
    (target) => line(target, ODD_ROW, writeInteger, others, texts, structs) as WriteRow,
  );
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
