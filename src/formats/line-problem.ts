/** Makes the description of a malformed line: where, what, and what to do. */
import type { LineProblem } from './format.ts';

/** What is wrong at byte `offset` of the line that starts at index `start`. */
export function lineProblem(
  bytes: Uint8Array,
  start: number,
  problem: Omit<LineProblem, 'column'>,
): LineProblem {
  return { ...problem, column: columnAt(bytes, start, start + problem.offset) };
}

/** Characters before index `at`, plus one; a byte that continues a character is none. */
function columnAt(bytes: Uint8Array, start: number, at: number): number {
  let column = 1;
  for (let i = start; i < at; i++) if ((bytes[i]! & 0xc0) !== 0x80) column++;
  return column;
}

/** A piece of input for a message, never long. */
export function excerpt(text: string): string {
  return JSON.stringify(text.length > EXCERPT_MAX ? `${text.slice(0, EXCERPT_MAX)}...` : text);
}

const EXCERPT_MAX = 40;
