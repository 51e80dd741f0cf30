/**
 * Text from bytes that must be UTF-8: nothing is replaced, because a character that was replaced is
 * lost in silence. A line that is not UTF-8 is malformed, in all formats.
 */
import { isUtf8 } from 'node:buffer';
import { asciiText } from '../base/ascii-text.ts';
import type { TextBuffer } from '../base/text-buffer.ts';
import { textBufferOf } from '../base/text-buffer.ts';
import type { LineProblem } from './format.ts';
import { lineProblem } from './line-problem.ts';

/** The text of `bytes[start, end)`; undefined if it is not UTF-8. */
export function utf8Text(bytes: TextBuffer, start: number, end: number): string | undefined {
  if (end - start <= SHORT && isAscii(bytes, start, end))
    return asciiText(bytes, start, end - start);
  const text = bytes.utf8Slice(start, end);
  // What is not UTF-8 becomes U+FFFD, which may also stand there itself. In ASCII the search is
  // free.
  if (!text.includes('\ufffd') || isUtf8(bytes.subarray(start, end))) return text;
  return undefined;
}

/** The text of bytes that are known to be UTF-8. */
export function validUtf8Text(bytes: TextBuffer, start: number, end: number): string {
  if (end - start <= SHORT && isAscii(bytes, start, end))
    return asciiText(bytes, start, end - start);
  return bytes.utf8Slice(start, end);
}

/** Up to this length a loop is faster than a call into Node. */
const SHORT = 24;

function isAscii(bytes: TextBuffer, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (bytes[i]! > 0x7f) return false;
  return true;
}

/** The problem of a line of which `utf8Text` is undefined. */
export function notUtf8(bytes: TextBuffer, start: number, end: number): LineProblem {
  const at = firstBadByte(bytes, start, end);
  const hex = bytes[at]!.toString(16).padStart(2, '0');
  return lineProblem(bytes, start, {
    offset: at - start,
    field: undefined,
    reason: `the byte 0x${hex} is not part of UTF-8 text`,
    fix: 'Convert the file to UTF-8.',
  });
}

/**
 * Where the first sequence that is not UTF-8 starts: the longest prefix of whole characters ends
 * there.
 */
function firstBadByte(bytes: TextBuffer, start: number, end: number): number {
  let at = start;
  while (at < end) {
    const first = bytes[at]!;
    const length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (at + length > end || !isUtf8(bytes.subarray(at, at + length))) return at;
    at += length;
  }
  return end - 1;
}

/** Writes a well-formed text at `at`. @returns the index after it, or -1 if there is no room. */
export function writeUtf8(text: string, out: Uint8Array, at: number): number {
  // Counting is as expensive as writing, and seldom needed.
  const room = out.length - at;
  if (3 * text.length > room && Buffer.byteLength(text, 'utf8') > room) return -1;
  return at + textBufferOf(out).utf8Write(text, at, room);
}
