/**
 * The canonical bytes of a key: one form for each value, whatever schema it was declared with. They
 * define the key's hash (`key.ts`), the order of canonical savepoints and equality in SQL. The form
 * is part of every snapshot: it may get new tags, but what stands here never changes.
 *
 *   1, 2         false, true
 *   3 int64      a number without fraction from -2^63 to 2^63 - 1; -0 is 0
 *   4 float64    any other number; one NaN
 *   5 int64      a bigint from -2^63 to 2^63 - 1
 *   6 n bytes    any other bigint: a varint n, then n bytes of two's complement, as few as will do
 *   7 text 255   a string in UTF-8, which never holds 255; lone surrogates are refused
 *   8 n keys     a tuple: a varint n, then its elements
 *
 * Numbers are little-endian. No key's bytes are the beginning of another's.
 */
import { ByteReader } from '../base/byte-reader.ts';
import { ByteWriter } from '../base/byte-writer.ts';
import { EngineError } from '../base/errors.ts';
import type { Key } from './schema.ts';

export const KeyTag = {
  false: 1,
  true: 2,
  integer: 3,
  float: 4,
  int64: 5,
  bigint: 6,
  string: 7,
  tuple: 8,
} as const;

export const TEXT_END = 255;
/** Deeper tuples are a mistake, and damaged bytes must not exhaust the stack. */
export const TUPLE_DEPTH_MAX = 64;

const TWO_63 = 2 ** 63;
const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;

/** @throws EngineError DATA_INVALID_KEY */
export function canonicalKeyBytes(key: Key): Uint8Array {
  const out = new ByteWriter(64);
  writeKey(key, out);
  return out.copy();
}

/** @throws EngineError DATA_INVALID_KEY */
export function writeKey(key: Key, out: ByteWriter, depth: number = 0): void {
  if (typeof key === 'string') {
    writeText(key, out);
  } else if (typeof key === 'number') {
    writeNumber(key, out);
  } else if (typeof key === 'bigint') {
    writeBigInt(key, out);
  } else if (typeof key === 'boolean') {
    out.uint8(key ? KeyTag.true : KeyTag.false);
  } else if (Array.isArray(key) && depth < TUPLE_DEPTH_MAX) {
    out.uint8(KeyTag.tuple);
    out.varint(key.length);
    for (let i = 0; i < key.length; i++) writeKey((key as readonly Key[])[i]!, out, depth + 1);
  } else {
    invalidKey(key);
  }
}

/** Most keys are ASCII, and that is well formed in any case. */
function writeText(key: string, out: ByteWriter): void {
  out.ensure(key.length * 3 + 2);
  if (out.ascii(key, out.position + 1)) {
    out.bytes[out.position] = KeyTag.string;
    out.position += key.length + 1;
    out.bytes[out.position++] = TEXT_END;
    return;
  }
  if (!key.isWellFormed()) invalidKey(key);
  out.uint8(KeyTag.string);
  out.stringBody(key);
  out.uint8(TEXT_END);
}

/** True for numbers whose canonical form is an int64. */
export function isInt64Number(value: number): boolean {
  return Number.isInteger(value) && value >= -TWO_63 && value < TWO_63;
}

/** True for bigints whose canonical form is an int64. */
export function isInt64(value: bigint): boolean {
  return value >= INT64_MIN && value <= INT64_MAX;
}

function writeNumber(value: number, out: ByteWriter): void {
  if (isInt64Number(value)) {
    out.uint8(KeyTag.integer);
    out.int32(value | 0);
    out.int32(Math.floor(value / 2 ** 32));
  } else {
    out.uint8(KeyTag.float);
    out.float64(value);
  }
}

/** Of a number in canonical form. */
export const NUMBER_KEY_BYTES = 9;

/** The same where there is room at `at`. For generated code. */
export function storeNumberKey(key: number, bytes: Uint8Array, view: DataView, at: number): void {
  if ((key | 0) === key) {
    bytes[at] = KeyTag.integer;
    view.setInt32(at + 1, key, true);
    view.setInt32(at + 5, key >> 31, true);
  } else if (isInt64Number(key)) {
    bytes[at] = KeyTag.integer;
    view.setInt32(at + 1, key | 0, true);
    view.setInt32(at + 5, Math.floor(key / 2 ** 32), true);
  } else {
    bytes[at] = KeyTag.float;
    // Two calls for the sake of V8, as in ByteWriter.
    if (key === key) view.setFloat64(at + 1, key, true);
    else view.setFloat64(at + 1, NaN, true);
  }
}

function writeBigInt(value: bigint, out: ByteWriter): void {
  if (isInt64(value)) {
    out.uint8(KeyTag.int64);
    out.int64(value);
    return;
  }
  const bytes = twosComplement(value);
  out.uint8(KeyTag.bigint);
  out.lengthPrefixed(bytes);
}

/** Little-endian, in the fewest bytes that keep the sign. */
export function twosComplement(value: bigint): Uint8Array {
  const magnitude = value < 0n ? -value - 1n : value;
  const hex = magnitude.toString(16);
  // One bit more than the magnitude has, for the sign.
  const bits = (hex.length - 1) * 4 + (32 - Math.clz32(Number.parseInt(hex[0]!, 16))) + 1;
  const bytes = new Uint8Array(Math.ceil(bits / 8));
  const digits = hex.padStart(bytes.length * 2, '0');
  const flip = value < 0n ? 0xff : 0;
  for (let i = 0; i < bytes.length; i++) {
    const at = digits.length - 2 * i - 2;
    bytes[i] = Number.parseInt(digits.slice(at, at + 2), 16) ^ flip;
  }
  return bytes;
}

export function fromTwosComplement(bytes: Uint8Array): bigint {
  let hex = '0x0';
  for (let i = bytes.length - 1; i >= 0; i--) hex += bytes[i]!.toString(16).padStart(2, '0');
  return BigInt.asIntN(bytes.length * 8, BigInt(hex));
}

/** The key of canonical bytes. @throws EngineError DATA_CORRUPT */
export function readKey(input: ByteReader, depth: number = 0): Key {
  const tag = input.uint8();
  switch (tag) {
    case KeyTag.false:
      return false;
    case KeyTag.true:
      return true;
    case KeyTag.integer: {
      const low = input.uint32();
      return input.int32() * 2 ** 32 + low;
    }
    case KeyTag.float:
      return input.float64();
    case KeyTag.int64:
      return input.int64();
    case KeyTag.bigint:
      return fromTwosComplement(input.lengthPrefixed());
    case KeyTag.string:
      return readText(input);
    case KeyTag.tuple: {
      if (depth >= TUPLE_DEPTH_MAX) input.corrupt('a key nested too deeply');
      const items: Key[] = [];
      for (let left = input.count(); left > 0; left--) items.push(readKey(input, depth + 1));
      return items;
    }
    default:
      return input.corrupt(`a key with tag ${tag}`);
  }
}

/** The same where most keys are 32-bit integers. */
export function readNumberKey(input: ByteReader): Key {
  const { position, bytes, view } = input;
  if (position + NUMBER_KEY_BYTES <= input.end && bytes[position] === KeyTag.integer) {
    const low = view.getInt32(position + 1, true);
    if (view.getInt32(position + 5, true) === low >> 31) {
      input.position = position + NUMBER_KEY_BYTES;
      return low;
    }
  }
  return readKey(input);
}

function readText(input: ByteReader): string {
  const { bytes, position, end: last } = input;
  let end = position;
  let seen = 0;
  while (end < last && bytes[end] !== TEXT_END) seen |= bytes[end++]!;
  if (end === last) input.corrupt('a key without its end');
  // The header of a text says whether it is all ASCII, which is read several times as fast.
  const text = input.text((end - position) * 2 + (seen < 0x80 ? 0 : 1));
  input.position = end + 1;
  return text;
}

/** @throws EngineError DATA_INVALID_KEY, saying what is wrong with `key`. */
export function invalidKey(key: unknown): never {
  throw new EngineError('DATA_INVALID_KEY', { reason: reasonOf(key, 0) ?? 'it is no key' });
}

function reasonOf(key: unknown, depth: number): string | undefined {
  if (typeof key === 'string') {
    return key.isWellFormed()
      ? undefined
      : `the text ${JSON.stringify(key)} holds half a surrogate pair`;
  }
  if (Array.isArray(key)) {
    if (depth >= TUPLE_DEPTH_MAX) return `a tuple is nested more than ${TUPLE_DEPTH_MAX} deep`;
    return [...key.keys()]
      .map((i) => reasonOf(key[i], depth + 1))
      .find((reason) => reason !== undefined);
  }
  if (key === undefined || key === null) return `it is ${key}`;
  if (typeof key === 'object') return `it is ${key instanceof Date ? 'a Date' : 'an object'}`;
  return typeof key === 'symbol' || typeof key === 'function' ? `it is a ${typeof key}` : undefined;
}
