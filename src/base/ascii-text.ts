/**
 * Bytes below 0x80 to a string. A call into Node costs some 60 ns whatever the length, so that
 * short strings (names, codes, words) are made by `String.fromCharCode` with all their bytes as
 * arguments, one branch a length. The results are flat strings of their own, never slices of a
 * greater one.
 */
import { compile } from './generated-code.ts';
import type { TextBuffer } from './text-buffer.ts';

/** Beyond this length the call into Node wins. */
const SHORT = 24;

function shortText(): (bytes: TextBuffer, at: number, length: number) => string {
  const cases = Array.from({ length: SHORT + 1 }, (_, length) => {
    const bytes = Array.from({ length }, (_unused, i) => `b[p+${i}]`);
    return `case ${length}: return ${length === 0 ? "''" : `f(${bytes.join()})`};`;
  });
  return compile(
    'text/ascii',
    [],
    `const f = String.fromCharCode;\nreturn (b, p, n) => { switch (n) {\n${cases.join('\n')}\n} };`,
  )();
}

const fromShort: (bytes: TextBuffer, at: number, length: number) => string = shortText();

/** The `length` bytes at `at`, which the caller knows to be there, as text. */
export function asciiText(bytes: TextBuffer, at: number, length: number): string {
  return length <= SHORT ? fromShort(bytes, at, length) : bytes.latin1Slice(at, at + length);
}
