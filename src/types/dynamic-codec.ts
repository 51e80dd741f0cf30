/**
 * The codec of values without a schema: plain data, each value with a tag for its type. What comes
 * back is equal to what went in: -0, NaN, undefined, the order of keys and entries included. Class
 * instances, functions, symbols and arrays with holes are refused, because they would come back as
 * something else. The bytes depend on the value and the frame alone.
 *
 *   0 undefined   1 null   2 false   3 true   4 int32   5 float64   6 string   7 int64 (bigint)
 *   8 other bigint (length, two's complement)   9 Date (float64)   10 bytes   11 array (count,
 *   values)
 *   12 object, 13 object without prototype: the keys as by `shape.ts`, then the values
 *   14 object with the keys of a definition of the frame: its number, then the values
 *   15 Map   16 Set (count, then the entries)   17, 18 as 12, 13 with count, then keys and values
 *   in turn
 *   128 to 255: the whole numbers 0 to 127
 */
import type { ByteReader } from '../base/byte-reader.ts';
import type { ByteWriter } from '../base/byte-writer.ts';
import { fromTwosComplement, isInt64, twosComplement } from './key-bytes.ts';
import { Tag } from './dynamic-tag.ts';
import { refuse } from './refusal.ts';
import { decodeDefined, decodeShaped, encodeShaped, SHAPE_KEYS_MAX } from './shape.ts';

/** Deeper is taken for a cycle. */
export const DYNAMIC_DEPTH_MAX = 500;

export function encodeDynamic(value: unknown, out: ByteWriter): void {
  encodeValue(value, out, 0);
}

export function decodeDynamic(input: ByteReader): unknown {
  return decodeValue(input, 0);
}

export function encodeValue(value: unknown, out: ByteWriter, depth: number): void {
  switch (typeof value) {
    case 'string':
      return encodeString(value, out);
    case 'number':
      return encodeNumber(value, out);
    case 'boolean':
      return out.uint8(value ? Tag.true : Tag.false);
    case 'undefined':
      return out.uint8(Tag.undefined);
    case 'object':
      return value === null ? out.uint8(Tag.null) : encodeObject(value, out, depth);
    case 'bigint':
      return encodeBigInt(value, out);
    default:
      return refuse();
  }
}

function encodeString(value: string, out: ByteWriter): void {
  out.uint8(Tag.string);
  out.string(value);
}

function encodeNumber(value: number, out: ByteWriter): void {
  if (out.position + 9 > out.limit) return encodeNumberAtEnd(value, out);
  const at = out.position;
  if ((value | 0) === value && (value !== 0 || 1 / value > 0)) {
    if (value >= 0 && value < 0x80) {
      out.bytes[at] = 0x80 | value;
      out.position = at + 1;
      return;
    }
    out.bytes[at] = Tag.int32;
    out.view.setInt32(at + 1, value, true);
    out.position = at + 5;
    return;
  }
  out.bytes[at] = Tag.float64;
  if (value === value) out.view.setFloat64(at + 1, value, true);
  else out.view.setFloat64(at + 1, NaN, true);
  out.position = at + 9;
}

/** The same where there may be no room, byte by byte. */
function encodeNumberAtEnd(value: number, out: ByteWriter): void {
  if (!Object.is(value | 0, value)) {
    out.uint8(Tag.float64);
    out.float64(value);
  } else if (value >= 0 && value < 0x80) {
    out.uint8(0x80 | value);
  } else {
    out.uint8(Tag.int32);
    out.int32(value);
  }
}

function encodeBigInt(value: bigint, out: ByteWriter): void {
  if (isInt64(value)) {
    out.uint8(Tag.int64);
    out.int64(value);
  } else {
    out.uint8(Tag.bigint);
    out.lengthPrefixed(twosComplement(value));
  }
}

function encodeObject(value: object, out: ByteWriter, depth: number): void {
  if (depth >= DYNAMIC_DEPTH_MAX) refuse();
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype) return encodePlain(value, out, depth, Tag.object);
  if (Array.isArray(value)) return encodeArray(value, prototype, out, depth);
  if (prototype === null) return encodePlain(value, out, depth, Tag.nullObject);
  if (value instanceof Uint8Array) {
    out.uint8(Tag.bytes);
    return out.lengthPrefixed(value);
  }
  switch (prototype) {
    case Date.prototype:
      out.uint8(Tag.date);
      return out.float64((value as Date).getTime());
    case Map.prototype:
      out.uint8(Tag.map);
      out.varint((value as Map<unknown, unknown>).size);
      for (const [key, item] of value as Map<unknown, unknown>) {
        encodeValue(key, out, depth + 1);
        encodeValue(item, out, depth + 1);
      }
      return;
    case Set.prototype:
      out.uint8(Tag.set);
      out.varint((value as Set<unknown>).size);
      for (const item of value as Set<unknown>) encodeValue(item, out, depth + 1);
      return;
    default:
      refuse();
  }
}

function encodeArray(value: unknown[], prototype: unknown, out: ByteWriter, depth: number): void {
  if (prototype !== Array.prototype) refuse();
  out.uint8(Tag.array);
  out.varint(value.length);
  for (let i = 0; i < value.length; i++) {
    const item = value[i];
    if (item === undefined && !(i in value)) refuse();
    encodeValue(item, out, depth + 1);
  }
}

function encodePlain(value: object, out: ByteWriter, depth: number, tag: number): void {
  if (encodeShaped(value as Record<string, unknown>, out, depth, tag)) return;
  const keys = Object.keys(value);
  out.uint8(tag === Tag.object ? Tag.dictionary : Tag.nullDictionary);
  out.varint(keys.length);
  for (const key of keys) {
    out.string(key);
    encodeValue((value as Record<string, unknown>)[key], out, depth + 1);
  }
}

export function decodeValue(input: ByteReader, depth: number): unknown {
  const tag = input.uint8();
  if (tag >= 0x80) return tag & 0x7f;
  switch (tag) {
    case Tag.undefined:
      return undefined;
    case Tag.null:
      return null;
    case Tag.false:
      return false;
    case Tag.true:
      return true;
    case Tag.int32:
      return input.int32();
    case Tag.float64:
      return input.float64();
    case Tag.string:
      return input.string();
    case Tag.int64:
      return input.int64();
    case Tag.bigint:
      return fromTwosComplement(input.lengthPrefixed());
    case Tag.date:
      return decodeDate(input);
    case Tag.bytes:
      return input.lengthPrefixed();
    default:
      if (depth >= DYNAMIC_DEPTH_MAX) input.corrupt('values nested too deeply');
      return decodeObject(input, tag, depth);
  }
}

function decodeDate(input: ByteReader): Date {
  const time = input.float64();
  const date = new Date(time);
  if (!Object.is(date.getTime(), time)) input.corrupt('no time');
  return date;
}

function decodeObject(input: ByteReader, tag: number, depth: number): unknown {
  switch (tag) {
    case Tag.array: {
      const array: unknown[] = [];
      for (let left = input.count(); left > 0; left--) array.push(decodeValue(input, depth + 1));
      return array;
    }
    case Tag.object:
    case Tag.nullObject:
      return decodeShaped(input, depth, tag);
    case Tag.defined:
      return decodeDefined(input, depth);
    case Tag.map:
      return decodeMap(input, depth);
    case Tag.set: {
      const count = input.count();
      const set = new Set<unknown>();
      for (let left = count; left > 0; left--) set.add(decodeValue(input, depth + 1));
      return set.size === count ? set : input.corrupt('a member that stands there twice');
    }
    case Tag.dictionary:
    case Tag.nullDictionary:
      return decodeDictionary(input, tag, depth);
    default:
      return input.corrupt(`a value with tag ${tag}`);
  }
}

function decodeMap(input: ByteReader, depth: number): Map<unknown, unknown> {
  const count = input.count(2);
  const map = new Map<unknown, unknown>();
  for (let left = count; left > 0; left--) {
    const key = decodeValue(input, depth + 1);
    map.set(key, decodeValue(input, depth + 1));
  }
  return map.size === count ? map : input.corrupt('a key that stands there twice');
}

function decodeDictionary(input: ByteReader, tag: number, depth: number): object {
  const count = input.count(2);
  if (count <= SHAPE_KEYS_MAX) input.corrupt('a small object in the form of a great one');
  const entries: [string, unknown][] = [];
  for (let left = count; left > 0; left--) {
    entries.push([input.string(), decodeValue(input, depth + 1)]);
  }
  const object = Object.fromEntries(entries);
  if (tag === Tag.nullDictionary) Object.setPrototypeOf(object, null);
  return object;
}

/** True if both encode to the same bytes. */
export function sameDynamic(left: unknown, right: unknown): boolean {
  if (Object.is(left, right)) return true;
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) {
    return false;
  }
  if (left instanceof Uint8Array) return sameBytes(left, right);
  const prototype: unknown = Object.getPrototypeOf(left);
  if (prototype !== Object.getPrototypeOf(right)) return false;
  if (Array.isArray(left)) {
    const others = right as unknown[];
    return left.length === others.length && left.every((item, i) => sameDynamic(item, others[i]));
  }
  if (left instanceof Date) return Object.is(left.getTime(), (right as Date).getTime());
  if (left instanceof Map) return sameInOrder([...left], [...(right as Map<unknown, unknown>)]);
  if (left instanceof Set) return sameInOrder([...left], [...(right as Set<unknown>)]);
  return sameInOrder(Object.entries(left), Object.entries(right));
}

function sameInOrder(left: readonly unknown[], right: readonly unknown[]): boolean {
  return left.length === right.length && left.every((item, i) => sameDynamic(item, right[i]));
}

export function sameBytes(left: unknown, right: unknown): boolean {
  return (
    left instanceof Uint8Array && right instanceof Uint8Array && Buffer.compare(left, right) === 0
  );
}
