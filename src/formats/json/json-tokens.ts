/**
 * The parts of JSON that generated parsers read by a call, from the bytes and the index of a
 * window. Each reads one value that starts at position `p`, where `k` is the number of the next
 * index entry, and leaves the position and entry after it in `p` and `k`. What is malformed,
 * unusual or does not fit is `ODD`: the line then goes through JSON.parse, which decides.
 *
 * JT1. `entries[k]` is the first entry at or after `p`; so a quote, backslash or control character
 *      is never passed unseen.
 * JT2. The window ends with a line end, which no value can pass: reads need no check against the
 * end.
 * JT3. The bytes of the window are UTF-8.
 */
import { asciiText } from '../../base/ascii-text.ts';
import type { TextBuffer } from '../../base/text-buffer.ts';
import { isEngineError } from '../../base/errors.ts';
import { calendarDate } from '../../types/calendar-date.ts';
import { decimal, decimalDigits } from '../../types/decimal.ts';
import type { ByteIndex } from '../byte-index.ts';
import { isoTimestamp } from '../../base/iso-timestamp.ts';
import { exactDecimalText } from '../number-text.ts';
import { shortDecimal } from '../short-decimal.ts';
import { validUtf8Text } from '../utf8.ts';
import type { WindowPlace } from '../window-decoder.ts';
import { ODD } from '../window-decoder.ts';
import type { JsonValueReader } from './json-value-reader.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SPACE = 0x20;
const COMMA = 0x2c;
const COLON = 0x3a;
const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;

/** Deeper is odd: JSON.parse has no limit. */
const DEPTH_MAX = 64;

export class JsonTokens implements WindowPlace {
  readonly index: ByteIndex;
  readonly bytes: TextBuffer;
  readonly entries: Int32Array;
  p = 0;
  k = 0;

  constructor(index: ByteIndex) {
    this.index = index;
    this.bytes = index.bytes;
    this.entries = index.entries;
  }

  /** Any value that nobody reads; it must be well-formed all the same. */
  skip(p: number, k: number): boolean {
    return this.#skip(p, k, 0);
  }

  #skip(p: number, k: number, depth: number): boolean {
    const { bytes } = this;
    switch (bytes[p]) {
      case QUOTE:
        return this.#skipText(k);
      case 0x7b:
        return this.#skipMembers(p, k, depth, 0x7d);
      case 0x5b:
        return this.#skipMembers(p, k, depth, 0x5d);
      case 0x74:
        return this.#word(p, k, 0x72, 0x75, 0x65);
      case 0x6e:
        return this.#word(p, k, 0x75, 0x6c, 0x6c);
      case 0x66:
        return bytes[p + 1] === 0x61 && this.#word(p + 1, k, 0x6c, 0x73, 0x65);
      default:
        return this.#skipNumber(p, k);
    }
  }

  #word(p: number, k: number, second: number, third: number, fourth: number): boolean {
    const { bytes } = this;
    this.p = p + 4;
    this.k = k;
    return bytes[p + 1] === second && bytes[p + 2] === third && bytes[p + 3] === fourth;
  }

  #skipNumber(start: number, k: number): boolean {
    const { bytes } = this;
    let p = bytes[start] === MINUS ? start + 1 : start;
    let c = bytes[p]!;
    if (!isDigit(c)) return false;
    p++;
    if (c !== ZERO) while (isDigit(bytes[p]!)) p++;
    if (bytes[p] === POINT) {
      if (!isDigit(bytes[++p]!)) return false;
      while (isDigit(bytes[p]!)) p++;
    }
    c = bytes[p]!;
    if (c === 0x65 || c === 0x45) {
      c = bytes[++p]!;
      if (c === 0x2b || c === MINUS) p++;
      if (!isDigit(bytes[p]!)) return false;
      while (isDigit(bytes[p]!)) p++;
    }
    this.p = p;
    this.k = k;
    return true;
  }

  /** A string, with its escapes checked. */
  #skipText(k: number): boolean {
    const { bytes, entries } = this;
    let next = k + 1;
    let end = entries[next]!;
    while (bytes[end] === BACKSLASH) {
      const c = bytes[end + 1]!;
      if (c === QUOTE || c === BACKSLASH) next++;
      else if (c === 0x75 ? !this.#fourHexDigits(end + 2) : !isEscape(c)) return false;
      end = entries[++next]!;
    }
    this.p = end + 1;
    this.k = next + 1;
    return bytes[end] === QUOTE;
  }

  #fourHexDigits(p: number): boolean {
    const { bytes } = this;
    return isHex(bytes[p]!) && isHex(bytes[p + 1]!) && isHex(bytes[p + 2]!) && isHex(bytes[p + 3]!);
  }

  /** An object or array, as `close` says. */
  #skipMembers(start: number, entry: number, depth: number, close: number): boolean {
    const { bytes } = this;
    if (depth === DEPTH_MAX) return false;
    let p = this.#afterSpaces(start + 1);
    let k = entry;
    if (bytes[p] === close) return this.#done(p + 1, k);
    for (;;) {
      if (close === 0x7d) {
        if (bytes[p] !== QUOTE || !this.#skipText(k)) return false;
        p = this.#afterSpaces(this.p);
        k = this.k;
        if (bytes[p] !== COLON) return false;
        p = this.#afterSpaces(p + 1);
      }
      if (!this.#skip(p, k, depth + 1)) return false;
      p = this.#afterSpaces(this.p);
      k = this.k;
      const c = bytes[p];
      if (c === close) return this.#done(p + 1, k);
      if (c !== COMMA) return false;
      p = this.#afterSpaces(p + 1);
    }
  }

  #done(p: number, k: number): true {
    this.p = p;
    this.k = k;
    return true;
  }

  #afterSpaces(start: number): number {
    let p = start;
    while (this.bytes[p] === SPACE) p++;
    return p;
  }

  /** A string that does not end at the next entry. */
  escapedText(p: number, k: number): string | typeof ODD {
    if (!this.#skipText(k)) return ODD;
    return JSON.parse(this.bytes.utf8Slice(p, this.p)) as string;
  }

  /** The bytes of a string without escapes; see JT3. */
  text(start: number, end: number): string {
    return this.index.ascii
      ? asciiText(this.bytes, start, end - start)
      : validUtf8Text(this.bytes, start, end);
  }

  /** A number of any form; NaN instead of ODD. */
  number(p: number, k: number): number {
    if (!this.#skipNumber(p, k)) return NaN;
    const short = shortDecimal(this.bytes, p, this.p);
    return short === short ? short : Number(this.bytes.latin1Slice(p, this.p));
  }

  /** A number in digits, or digits as text. */
  int64(p: number, k: number): bigint | typeof ODD {
    const token = this.#token(p, k);
    if (token === undefined || !/^-?\d{1,20}$/.test(token)) return ODD;
    const value = BigInt(token);
    return BigInt.asIntN(64, value) === value ? value : ODD;
  }

  decimal(p: number, k: number, precision: number, scale: number): string | typeof ODD {
    const number = this.bytes[p] !== QUOTE;
    const token = this.#token(p, k);
    if (token === undefined) return ODD;
    try {
      const value = decimal(number ? exactDecimalText(token) : token, scale);
      return decimalDigits(value, precision, scale) === undefined ? ODD : value;
    } catch (thrown) {
      if (isEngineError(thrown, 'DATA_INVALID_DECIMAL')) return ODD;
      throw thrown;
    }
  }

  /** Text with its zone; milliseconds are read where they are expected. NaN instead of ODD. */
  timestampText(p: number, k: number): number {
    const token = this.#token(p, k);
    return token === undefined ? NaN : (isoTimestamp(token) ?? NaN);
  }

  /** NaN instead of ODD. */
  date(p: number, k: number): number {
    const token = this.bytes[p] === QUOTE ? this.#token(p, k) : undefined;
    try {
      return token === undefined ? NaN : calendarDate(token);
    } catch (thrown) {
      if (isEngineError(thrown, 'DATA_INVALID_DATE')) return NaN;
      throw thrown;
    }
  }

  /** A value of a kind that is read by way of JSON.parse. */
  parsed(p: number, k: number, reader: JsonValueReader): unknown {
    if (!this.skip(p, k)) return ODD;
    try {
      return reader.read(this.bytes.utf8Slice(p, this.p));
    } catch (thrown) {
      if (isEngineError(thrown, 'DATA_MALFORMED')) return ODD;
      throw thrown;
    }
  }

  /** The text of a string without escapes, or of a number. */
  #token(p: number, k: number): string | undefined {
    if (this.bytes[p] !== QUOTE) {
      return this.#skipNumber(p, k) ? this.bytes.latin1Slice(p, this.p) : undefined;
    }
    const end = this.entries[k + 1]!;
    if (this.bytes[end] !== QUOTE) return undefined;
    this.p = end + 1;
    this.k = k + 2;
    return this.text(p + 1, end);
  }
}

function isDigit(c: number): boolean {
  return c >= 0x30 && c <= 0x39;
}

function isHex(c: number): boolean {
  return isDigit(c) || (c >= 0x41 && c <= 0x46) || (c >= 0x61 && c <= 0x66);
}

/** b, f, n, r, t or a slash. */
function isEscape(c: number): boolean {
  return c === 0x62 || c === 0x66 || c === 0x6e || c === 0x72 || c === 0x74 || c === 0x2f;
}
