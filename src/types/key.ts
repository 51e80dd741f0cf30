/**
 * What partitions a stream: the hash of a key, murmur3 (32 bit) over its canonical bytes, and the
 * family that all keys of an operator share. The hash decides where state lives, in every snapshot
 * ever written: the golden vectors in the test never change. The usual keys are hashed without
 * making the bytes.
 */
import { finish, mixTail, mixWord } from '../base/murmur.ts';
import {
  canonicalKeyBytes,
  invalidKey,
  isInt64,
  isInt64Number,
  KeyTag,
  TEXT_END,
  TUPLE_DEPTH_MAX,
} from './key-bytes.ts';
import type { Key } from './schema.ts';

/** Stored in snapshots; another number means another hash. */
export const KEY_HASH_VERSION = 1;

/**
 * `murmur3(canonicalKeyBytes(key), 0, length, KEY_HASH_SEED)` is the definition of `hashKey(key)`.
 */
export const KEY_HASH_SEED = 0x6d696c6c;

/** Keys of two families are never equal, and one operator's keys are all of one. */
export type KeyFamily = 'number' | 'bigint' | 'string' | 'boolean' | 'tuple';

/**
 * A signed 32-bit integer, equal for equal keys: 0 and -0, and any two NaN, are equal.
 * @throws EngineError DATA_INVALID_KEY for anything that is not a key, e.g. an object.
 */
export function hashKey(key: Key): number {
  if (typeof key === 'number') return hashNumber(key);
  if (typeof key === 'string') return hashString(key);
  return hashOther(key);
}

/** @throws EngineError DATA_INVALID_KEY for anything that is not a key. */
export function keyFamily(key: Key): KeyFamily {
  const type = typeof key;
  if (type === 'string' || type === 'number' || type === 'bigint' || type === 'boolean')
    return type;
  return Array.isArray(key) ? 'tuple' : invalidKey(key);
}

/** True if both are the same key, that is, have the same canonical bytes. */
export function keysEqual(left: Key, right: Key): boolean {
  if (left === right) return true;
  if (typeof left === 'number') return left !== left && right !== right;
  if (typeof left !== 'object' || typeof right !== 'object' || left.length !== right.length) {
    return false;
  }
  return left.every((item, i) => keysEqual(item, right[i]!));
}

function hashNumber(key: number): number {
  if ((key | 0) === key) return hashWords(KeyTag.integer, key | 0, key >> 31);
  if (isInt64Number(key)) return hashWords(KeyTag.integer, key | 0, Math.floor(key / 2 ** 32) | 0);
  const stream = new HashStream();
  stream.float64(key);
  return stream.finish();
}

/** Of a tag and eight bytes. */
function hashWords(tag: number, low: number, high: number): number {
  let hash = mixWord(KEY_HASH_SEED, tag | (low << 8));
  hash = mixWord(hash, (low >>> 24) | (high << 8));
  return finish(mixTail(hash, high >>> 24), 9);
}

/**
 * Four characters a step, after three that share a word with the tag; they are checked at the end.
 */
function hashString(key: string): number {
  const length = key.length;
  let hash = KEY_HASH_SEED;
  let seen = 0;
  let word: number = KeyTag.string;
  let shift = 8;
  let i = 0;
  if (length >= 3) {
    const a = key.charCodeAt(0);
    const b = key.charCodeAt(1);
    const c = key.charCodeAt(2);
    seen = a | b | c;
    hash = mixWord(hash, word | (a << 8) | (b << 16) | (c << 24));
    for (i = 3; i + 4 <= length; i += 4) {
      const d = key.charCodeAt(i);
      const e = key.charCodeAt(i + 1);
      const f = key.charCodeAt(i + 2);
      const g = key.charCodeAt(i + 3);
      seen |= d | e | f | g;
      hash = mixWord(hash, d | (e << 8) | (f << 16) | (g << 24));
    }
    word = 0;
    shift = 0;
  }
  for (; i < length; i++, shift += 8) {
    const code = key.charCodeAt(i);
    seen |= code;
    word |= code << shift;
  }
  if (seen > 0x7f) return hashOther(key);
  word |= TEXT_END << shift;
  hash = shift === 24 ? mixWord(hash, word) : mixTail(hash, word);
  return finish(hash, length + 2);
}

function hashOther(key: Key): number {
  if (typeof key === 'boolean') {
    return finish(mixTail(KEY_HASH_SEED, key ? KeyTag.true : KeyTag.false), 1);
  }
  const stream = new HashStream();
  stream.key(key, 0);
  return stream.finish();
}

/** Scratch of `HashStream.float64`: written before it is read, in one synchronous step. */
const bits: DataView = new DataView(new ArrayBuffer(8));

/**
 * murmur3 over bytes that come one by one.
 *
 * H1. `word` holds the `shift / 8` bytes that are not mixed in yet, the earliest lowest.
 */
class HashStream {
  #hash: number = KEY_HASH_SEED;
  #word = 0;
  #shift = 0;
  #length = 0;

  finish(): number {
    return finish(mixTail(this.#hash, this.#word), this.#length);
  }

  key(key: Key, depth: number): void {
    if (typeof key === 'string') this.#text(key);
    else if (typeof key === 'number') this.#number(key);
    else if (typeof key === 'bigint') this.#bigint(key);
    else if (typeof key === 'boolean') this.#byte(key ? KeyTag.true : KeyTag.false);
    else if (Array.isArray(key) && depth < TUPLE_DEPTH_MAX) {
      this.#byte(KeyTag.tuple);
      this.#varint(key.length);
      for (let i = 0; i < key.length; i++) this.key((key as readonly Key[])[i]!, depth + 1);
    } else invalidKey(key);
  }

  float64(value: number): void {
    if (value === value) bits.setFloat64(0, value, true);
    else bits.setFloat64(0, NaN, true);
    this.#byte(KeyTag.float);
    this.#int32(bits.getInt32(0, true));
    this.#int32(bits.getInt32(4, true));
  }

  #number(value: number): void {
    if (!isInt64Number(value)) return this.float64(value);
    this.#byte(KeyTag.integer);
    this.#int32(value | 0);
    this.#int32(Math.floor(value / 2 ** 32) | 0);
  }

  #bigint(value: bigint): void {
    if (!isInt64(value)) {
      for (const byte of canonicalKeyBytes(value)) this.#byte(byte);
      return;
    }
    this.#byte(KeyTag.int64);
    this.#int32(Number(BigInt.asIntN(32, value)));
    this.#int32(Number(value >> 32n));
  }

  #text(text: string): void {
    this.#byte(KeyTag.string);
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code < 0x80) {
        this.#byte(code);
      } else if (code < 0x800) {
        this.#byte(0xc0 | (code >> 6));
        this.#byte(0x80 | (code & 0x3f));
      } else if ((code & 0xf800) !== 0xd800) {
        this.#byte(0xe0 | (code >> 12));
        this.#byte(0x80 | ((code >> 6) & 0x3f));
        this.#byte(0x80 | (code & 0x3f));
      } else {
        const point = text.codePointAt(i)!;
        if (point < 0x10000) invalidKey(text);
        i++;
        this.#byte(0xf0 | (point >> 18));
        this.#byte(0x80 | ((point >> 12) & 0x3f));
        this.#byte(0x80 | ((point >> 6) & 0x3f));
        this.#byte(0x80 | (point & 0x3f));
      }
    }
    this.#byte(TEXT_END);
  }

  #varint(value: number): void {
    let rest = value;
    for (; rest > 0x7f; rest >>>= 7) this.#byte((rest & 0x7f) | 0x80);
    this.#byte(rest);
  }

  #int32(value: number): void {
    this.#byte(value & 0xff);
    this.#byte((value >>> 8) & 0xff);
    this.#byte((value >>> 16) & 0xff);
    this.#byte(value >>> 24);
  }

  #byte(byte: number): void {
    this.#length++;
    this.#word |= byte << this.#shift;
    this.#shift += 8;
    if (this.#shift < 32) return;
    this.#hash = mixWord(this.#hash, this.#word);
    this.#word = 0;
    this.#shift = 0;
  }
}
