/** Decodes whole inputs and encodes whole lists, for the tests of formats. */
import assert from 'node:assert/strict';
import type { LineFormat, LineHandler, LineProblem } from './format.ts';

/** What became of a line. */
export type Outcome<T> =
  | { readonly line: number; readonly start: number; readonly record: T }
  | {
      readonly line: number;
      readonly start: number;
      readonly problem: LineProblem;
      readonly text: string;
    };

export interface Feeding {
  readonly header?: Uint8Array;
  /** Where the input is cut into blocks. */
  readonly cuts?: readonly number[];
  /** The handler says stop after so many lines, again and again. */
  readonly stopAfter?: number;
}

export function bytesOf(text: string): Buffer {
  return Buffer.from(text, 'utf8');
}

/**
 * Decodes as a file reader does: what is not consumed stays at the front of the next block. The
 * rest of every block's buffer is filled with bytes that must not be looked at.
 */
export function decodeAll<T>(
  format: LineFormat<T>,
  input: Uint8Array,
  feeding: Feeding = {},
): Outcome<T>[] {
  const decoder = format.createDecoder(feeding.header);
  const outcomes: Outcome<T>[] = [];
  const stopAfter = feeding.stopAfter ?? Infinity;
  let budget = stopAfter;
  let origin = 0;
  const goOn = (): boolean => --budget > 0;
  const handler: LineHandler<T> = {
    record(record) {
      outcomes.push({ line: decoder.lines + 1, start: origin + decoder.lineStart, record });
      return goOn();
    },
    malformed(problem, bytes, start, end) {
      assert.equal(start, decoder.lineStart);
      const text = Buffer.from(bytes.subarray(start, end)).toString('latin1');
      outcomes.push({ line: decoder.lines + 1, start: origin + start, problem, text });
      return goOn();
    },
  };
  let at = 0;
  for (const cut of [...(feeding.cuts ?? []), input.length]) {
    const last = cut === input.length;
    const size = cut - at;
    const block = Buffer.alloc(size + 20, '"}],\n{');
    block.set(input.subarray(at, cut), 7);
    origin = at - 7;
    for (let from = 7; ;) {
      budget = stopAfter;
      const next = decoder.decode(block, from, size + 7, last, handler);
      assert.ok(next >= from && next <= size + 7, 'a decoder stays in its range');
      const stopped = budget <= 0;
      from = next;
      if (stopped) continue;
      at += from - 7;
      break;
    }
    if (last) assert.equal(at, input.length, 'the last block is consumed to its end');
    block.fill('x');
  }
  return outcomes;
}

export function records<T>(outcomes: readonly Outcome<T>[]): T[] {
  return outcomes.map((outcome) => {
    if ('record' in outcome) return outcome.record;
    return assert.fail(`${outcome.line}:${outcome.problem.column}: ${outcome.problem.reason}`);
  });
}

/** `line:column: field: reason` of each malformed line. */
export function problems(outcomes: readonly Outcome<unknown>[]): string[] {
  return outcomes.flatMap((outcome) => {
    if ('record' in outcome) return [];
    const { column, field, reason } = outcome.problem;
    return [`${outcome.line}:${column}: ${field === undefined ? '' : `${field}: `}${reason}`];
  });
}

export function encodeAll<T>(format: LineFormat<T>, values: readonly T[]): Buffer {
  const encoder = format.createEncoder();
  const parts: Uint8Array[] = encoder.header === undefined ? [] : [encoder.header];
  for (const value of values) {
    let out = Buffer.alloc(1);
    let end = encoder.encode(value, out, 0);
    while (end < 0) {
      out = Buffer.alloc(out.length * 2);
      end = encoder.encode(value, out, 0);
    }
    parts.push(out.subarray(0, end));
  }
  return Buffer.concat(parts);
}
