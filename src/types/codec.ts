/**
 * Puts the codec of a description together: generated encoder, decoder and comparison, each
 * compiled when it is first used, and the explanation of what the encoder refuses.
 */
import { asciiText } from '../base/ascii-text.ts';
import type { ByteReader } from '../base/byte-reader.ts';
import type { ByteWriter } from '../base/byte-writer.ts';
import { EngineError } from '../base/errors.ts';
import { compile } from '../base/generated-code.ts';
import type { TextBuffer } from '../base/text-buffer.ts';
import { isCalendarDate } from './calendar-date.ts';
import { decimalDigits, decimalNumber, decimalOfNumber, fromUnscaled } from './decimal.ts';
import { decodeRecordsSource, decodeSource } from './decode-source.ts';
import { decodeDynamic, encodeDynamic, sameBytes, sameDynamic } from './dynamic-codec.ts';
import { encodeRecordsSource, encodeSource } from './encode-source.ts';
import { equalsSource } from './equals-source.ts';
import type { FromJson } from './from-json.ts';
import { fromJsonOf } from './from-json.ts';
import { storeNumberKey } from './key-bytes.ts';
import { jsonProblem, problemOf } from './problem.ts';
import { REFUSED, refuse } from './refusal.ts';
import type { Codec, RecordColumns, RecordRange } from './schema.ts';
import type { SchemaDescription } from './schema-description.ts';
import type { ToJson } from './to-json.ts';
import { toJsonOf } from './to-json.ts';

export function createCodec(description: SchemaDescription): Codec<unknown> {
  return new GeneratedCodec(description);
}

type Encode = (value: unknown, out: ByteWriter) => void;
type EncodeRecords = (records: RecordColumns, range: RecordRange, out: ByteWriter) => number;
type Decode = (input: ByteReader) => unknown;
type DecodeRecords = (
  input: ByteReader,
  count: number,
  values: unknown[],
  timestamps: Float64Array | undefined,
  keyGroups: Uint16Array | undefined,
) => void;
type Equals = (left: unknown, right: unknown) => boolean;

/** Each part is made on first use: many codecs only ever encode, or only decode. */
class GeneratedCodec implements Codec<unknown> {
  readonly #description: SchemaDescription;
  #encode: Encode | undefined;
  #encodeRecords: EncodeRecords | undefined;
  #decode: Decode | undefined;
  #decodeRecords: DecodeRecords | undefined;
  #equals: Equals | undefined;
  #toJson: ToJson | undefined;
  #fromJson: FromJson | undefined;

  constructor(description: SchemaDescription) {
    this.#description = description;
  }

  encode(value: unknown, out: ByteWriter): void {
    const before = out.position - out.start;
    this.#encode ??= generate('encode', this.#description, encodeSource) as Encode;
    try {
      this.#encode(value, out);
    } catch (thrown) {
      out.truncate(before);
      throw thrown === REFUSED ? notSerializable(this.#description, value) : thrown;
    }
  }

  encodeRecords(records: RecordColumns, range: RecordRange, out: ByteWriter): number {
    const before = out.offset;
    this.#encodeRecords ??= generate(
      'encode-records',
      this.#description,
      encodeRecordsSource,
    ) as EncodeRecords;
    try {
      return this.#encodeRecords(records, range, out);
    } catch (thrown) {
      out.truncate(before);
      throw thrown === REFUSED ? firstRefused(this.#description, records, range) : thrown;
    }
  }

  decode(input: ByteReader): unknown {
    this.#decode ??= generate('decode', this.#description, decodeSource) as Decode;
    return this.#decode(input);
  }

  decodeRecords(input: ByteReader, count: number, into: RecordColumns): void {
    this.#decodeRecords ??= generate(
      'decode-records',
      this.#description,
      decodeRecordsSource,
    ) as DecodeRecords;
    this.#decodeRecords(input, count, into.values, into.timestamps, into.keyGroups);
  }

  equals(left: unknown, right: unknown): boolean {
    this.#equals ??= generate('equals', this.#description, equalsSource) as Equals;
    return this.#equals(left, right);
  }

  toJson(value: unknown): unknown {
    const problem = problemOf(this.#description, value);
    if (problem !== undefined) throw notSerializable(this.#description, value);
    this.#toJson ??= toJsonOf(this.#description);
    return this.#toJson(value);
  }

  fromJson(json: unknown): unknown {
    this.#fromJson ??= fromJsonOf(this.#description);
    return this.#fromJson(json, undefined, undefined);
  }
}

function notSerializable(description: SchemaDescription, value: unknown): EngineError {
  const problem = problemOf(description, value) ?? {
    path: 'record',
    reason: 'it changed while it was being encoded',
  };
  return new EngineError('DATA_NOT_SERIALIZABLE', { field: problem.path, reason: problem.reason });
}

function firstRefused(
  description: SchemaDescription,
  { values }: RecordColumns,
  { from, end }: RecordRange,
): EngineError {
  let index = from;
  while (index < end - 1 && problemOf(description, values[index]) === undefined) index += 1;
  return notSerializable(description, values[index]);
}

/** Compiles what a generator of this folder has made of a description. */
export function generate(
  part: string,
  description: SchemaDescription,
  source: (description: SchemaDescription) => string,
): unknown {
  const names = Object.keys(CODEC_HELPERS);
  const name = `codec/${shortName(description)}/${part}`;
  return compile(name, names, source(description))(...Object.values(CODEC_HELPERS));
}

/** For stack traces and profiles, e.g. `struct(id,amount,at)`. */
function shortName(description: SchemaDescription): string {
  if (description.kind !== 'struct') return description.kind;
  const fields = description.fields.map(({ name }) => name.replaceAll(/\W/g, '_')).join();
  return `struct(${fields.length > 60 ? `${fields.slice(0, 60)}...` : fields})`;
}

/** What generated code may call, by the names it uses. */
const CODEC_HELPERS = Object.freeze({
  refuse,
  encodeDynamic,
  decodeDynamic,
  sameDynamic,
  encodeJson,
  decodeJson,
  sameBytes,
  sameLength,
  asciiText,
  wideText,
  textHeader,
  short,
  varintAt,
  indexes,
  indexOf,
  storeNumberKey,
  blanks,
  isCalendarDate,
  decimalNumber,
  decimalOfNumber,
  decimalDigits,
  fromUnscaled,
});

function encodeJson(value: unknown, out: ByteWriter): void {
  if (jsonProblem(value) !== undefined) refuse();
  encodeDynamic(value, out);
}

function decodeJson(input: ByteReader): unknown {
  const value = decodeDynamic(input);
  return jsonProblem(value) === undefined ? value : input.corrupt('a value that is not JSON');
}

function sameLength(left: unknown, right: unknown): boolean {
  return Array.isArray(left) && Array.isArray(right) && left.length === right.length;
}

function wideText(input: ByteReader, at: number, header: number): string {
  input.position = at;
  return input.text(header);
}

/** The header of a string that is longer than one byte; the caller has found that out. */
function textHeader(input: ByteReader): number {
  const header = input.varint();
  return header <= 0xffff_ffff ? header : input.corrupt('text longer than there can be');
}

/** `count` bytes are missing at index `at`. */
function short(input: ByteReader, at: number, count: number): never {
  input.position = at;
  input.need(count);
  return input.corrupt('an end too early');
}

/** Stores a varint below 2^32 where there is room and returns the index after it. */
function varintAt(bytes: TextBuffer, at: number, value: number): number {
  let p = at;
  let rest = value;
  for (; rest > 0x7f; rest >>>= 7) bytes[p++] = (rest & 0x7f) | 0x80;
  bytes[p++] = rest;
  return p;
}

function indexes(values: readonly string[]): ReadonlyMap<unknown, number> {
  return new Map(values.map((value, i) => [value, i]));
}

function indexOf(of: ReadonlyMap<unknown, number>, value: unknown): number {
  return of.get(value) ?? -1;
}

/** Texts of so many NUL characters and less, by their length: room in a longer text. */
function blanks(most: number): readonly string[] {
  return Array.from({ length: most + 1 }, (_, length) => '\0'.repeat(length));
}
