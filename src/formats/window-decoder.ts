/**
 * Decodes blocks of lines: window by window through the fast parser of a format, and each line that
 * this leaves through the reader, which decides what the line means and says what is wrong with it.
 *
 * WD1. Every byte before the returned index belongs to a line that was read, or to its end.
 * WD2. `lines` counts the line ends before the returned index, and a last line without one.
 * WD3. A line means what the reader makes of it, whichever way it goes.
 */
import { isUtf8 } from 'node:buffer';
import { assert } from '../base/assert.ts';
import type { TextBuffer } from '../base/text-buffer.ts';
import { textBufferOf } from '../base/text-buffer.ts';
import type { ByteIndex } from './byte-index.ts';
import { WINDOW_MAX } from './byte-index.ts';
import type { LineDecoder, LineHandler } from './format.ts';

/** Instead of a record: the line is for the reader. */
export const ODD: unique symbol = Symbol('odd');

/**
 * Where a parser is in its window: the next position, and the number of the first entry from there
 * on.
 */
export interface WindowPlace {
  p: number;
  k: number;
}

/** The fast way; made once a format and thread, because all decoders of a format can share it. */
export interface LineParser {
  readonly index: ByteIndex;
  /** Where the line after the one that was parsed last starts. */
  readonly place: WindowPlace;
  /**
   * The record of the line at position `p`, whose first entry is that of number `k`; `ODD` for a
   * line that is malformed, blank or unusual. The window is UTF-8 and ends with a line end. Asked
   * for once a window.
   */
  readonly line: (p: number, k: number) => unknown;
}

/** The sure way: what a format does with the line `bytes[start, end)`, which has no line end. */
export interface LineReader<T> {
  /** Gives the handler a record, a problem, or nothing. @returns false if the handler says stop. */
  read(bytes: TextBuffer, start: number, end: number, handler: LineHandler<T>): boolean;
}

const LF = 0x0a;
const CR = 0x0d;
/** What a window shrinks to where the handler says stop after every line. */
const WINDOW_MIN = 1024;

export class WindowDecoder<T> implements LineDecoder<T> {
  readonly #parser: LineParser;
  readonly #reader: LineReader<T>;
  /** Bytes to index at once: no more than are likely to be used before the handler says stop. */
  #window = WINDOW_MAX;
  #stopped = false;
  lines = 0;
  lineStart = 0;

  constructor(parser: LineParser, reader: LineReader<T>) {
    this.#parser = parser;
    this.#reader = reader;
  }

  decode(
    bytes: Uint8Array,
    start: number,
    end: number,
    last: boolean,
    handler: LineHandler<T>,
  ): number {
    const { index } = this.#parser;
    assert(!index.busy, 'BI2: a handler does not decode with the format that calls it');
    index.busy = true;
    this.#stopped = false;
    try {
      return this.#decode(textBufferOf(bytes), start, end, last, handler);
    } finally {
      index.busy = false;
    }
  }

  #decode(
    block: TextBuffer,
    start: number,
    end: number,
    last: boolean,
    handler: LineHandler<T>,
  ): number {
    const { index } = this.#parser;
    let at = start;
    while (at < end && !this.#stopped) {
      const stop = Math.min(end, at + this.#window);
      index.load(block, at, stop);
      const complete = index.afterLastLine();
      if (complete > 0) {
        at += this.#decodeWindow(block, at, complete, handler);
      } else if (stop < end && this.#window < WINDOW_MAX) {
        this.#window = WINDOW_MAX;
      } else {
        // Longer than a window, or not complete.
        const found = stop === end ? -1 : block.subarray(0, end).indexOf(LF, stop);
        if (found < 0 && !last) break;
        const lineStop = found < 0 ? end : found;
        this.#readLine(block, at, lineStop, handler);
        at = Math.min(end, lineStop + 1);
      }
    }
    return at;
  }

  /**
   * The lines of `block[at, at + complete)`, which are in the window.
   * @returns how far they were read.
   */
  #decodeWindow(block: TextBuffer, at: number, complete: number, handler: LineHandler<T>): number {
    const { index, line, place } = this.#parser;
    const sound = index.ascii || isUtf8(index.bytes.subarray(0, complete));
    let p = 0;
    let k = 0;
    while (p < complete) {
      const value = sound ? line(p, k) : ODD;
      if (value === ODD) {
        while (index.bytes[index.entries[k]!] !== LF) k++;
        const stop = index.entries[k++]!;
        this.#readLine(block, at + p, at + stop, handler);
        p = stop + 1;
      } else {
        this.lineStart = at + p;
        p = place.p;
        k = place.k;
        if (!handler.record(value as T)) this.#stopped = true;
        this.lines += 1;
      }
      if (this.#stopped) {
        this.#window = Math.min(WINDOW_MAX, Math.max(WINDOW_MIN, 2 * p));
        return p;
      }
    }
    this.#window = Math.min(WINDOW_MAX, 2 * this.#window);
    return complete;
  }

  #readLine(block: TextBuffer, start: number, stop: number, handler: LineHandler<T>): void {
    this.lineStart = start;
    const more = this.#reader.read(block, start, lineEnd(block, start, stop), handler);
    if (!more) this.#stopped = true;
    this.lines += 1;
  }
}

/** The end of the line `[start, end)` without the CR of its CR LF. */
export function lineEnd(bytes: Uint8Array, start: number, end: number): number {
  return end > start && bytes[end - 1] === CR ? end - 1 : end;
}

/** For formats whose lines all go to the reader. */
export function oddParser(index: ByteIndex): LineParser {
  return { index, place: { p: 0, k: 0 }, line: () => ODD };
}
