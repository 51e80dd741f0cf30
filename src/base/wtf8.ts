/**
 * UTF-8 for every JavaScript string: well-formed strings become plain UTF-8, and a lone surrogate
 * becomes the three bytes that its code point would have (the encoding known as WTF-8), so that any
 * string comes back as it was. Each string has exactly one encoding, and the reader accepts no
 * other.
 */
import { isUtf8 } from 'node:buffer';
import type { TextBuffer } from './text-buffer.ts';

/** Below this a loop in JavaScript beats a call into Node. */
const SHORT = 24;

/**
 * Bytes that `writeWtf8` writes. A lone surrogate counts three in Node's UTF-8 as well (U+FFFD).
 */
export function wtf8Length(text: string): number {
  return Buffer.byteLength(text, 'utf8');
}

/** Writes at `at`, where there must be room, and returns the index after the last byte. */
export function writeWtf8(text: string, bytes: TextBuffer, at: number): number {
  const length = text.length;
  if (length > SHORT && text.isWellFormed()) {
    return at + bytes.utf8Write(text, at, Math.min(length * 3, bytes.length - at));
  }
  let p = at;
  for (let i = 0; i < length; i++) {
    let code = text.charCodeAt(i);
    if (code < 0x80) {
      bytes[p++] = code;
      continue;
    }
    if (code < 0x800) {
      bytes[p++] = 0xc0 | (code >> 6);
      bytes[p++] = 0x80 | (code & 0x3f);
      continue;
    }
    if ((code & 0xfc00) === 0xd800 && i + 1 < length) {
      const low = text.charCodeAt(i + 1);
      if ((low & 0xfc00) === 0xdc00) {
        i++;
        code = 0x10000 + ((code & 0x3ff) << 10) + (low & 0x3ff);
        bytes[p++] = 0xf0 | (code >> 18);
        bytes[p++] = 0x80 | ((code >> 12) & 0x3f);
        bytes[p++] = 0x80 | ((code >> 6) & 0x3f);
        bytes[p++] = 0x80 | (code & 0x3f);
        continue;
      }
    }
    bytes[p++] = 0xe0 | (code >> 12);
    bytes[p++] = 0x80 | ((code >> 6) & 0x3f);
    bytes[p++] = 0x80 | (code & 0x3f);
  }
  return p;
}

/** The string whose encoding is `bytes[start, end)`; undefined if it is the encoding of none. */
export function readWtf8(bytes: TextBuffer, start: number, end: number): string | undefined {
  if (end - start > SHORT && isUtf8(bytes.subarray(start, end))) return bytes.utf8Slice(start, end);
  const units: number[] = [];
  let text = '';
  let p = start;
  while (p < end) {
    const code = codePointAt(bytes, p, end);
    if (code < 0) return undefined;
    if (code >= 0x10000) {
      units.push(0xd800 + ((code - 0x10000) >> 10), 0xdc00 + (code & 0x3ff));
      p += 4;
    } else {
      // A low half after a high half of its own three bytes is one character in four bytes.
      if ((code & 0xfc00) === 0xdc00 && followsHighHalf(bytes, start, p)) return undefined;
      units.push(code);
      p += code < 0x80 ? 1 : code < 0x800 ? 2 : 3;
    }
    if (units.length >= 4096) {
      text += String.fromCharCode(...units);
      units.length = 0;
    }
  }
  return text + String.fromCharCode(...units);
}

/** The code point in its shortest form at `p`, or -1. */
function codePointAt(bytes: TextBuffer, p: number, end: number): number {
  const first = bytes[p]!;
  if (first < 0x80) return first;
  const length = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  if (length === 0 || p + length > end) return -1;
  let code = first & (0x7f >> length);
  for (let i = 1; i < length; i++) {
    const next = bytes[p + i]!;
    if ((next & 0xc0) !== 0x80) return -1;
    code = (code << 6) | (next & 0x3f);
  }
  if (length === 3 && code < 0x800) return -1;
  if (length === 4 && (code < 0x10000 || code > 0x10ffff)) return -1;
  return code;
}

function followsHighHalf(bytes: TextBuffer, start: number, p: number): boolean {
  return p - 3 >= start && bytes[p - 3] === 0xed && bytes[p - 2]! >= 0xa0 && bytes[p - 2]! < 0xb0;
}
