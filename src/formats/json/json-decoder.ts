/**
 * Decodes blocks of JSON lines: window by window through the generated parser, and each line that
 * this leaves through JSON.parse.
 *
 * JD1. Every byte before the returned index belongs to a line that was read, or to its end.
 * JD2. `lines` counts the line ends before the returned index, and a last line without one.
 * JD3. A line means what JSON.parse makes of it, whichever way it goes.
 */
import { isUtf8 } from 'node:buffer';
import type { TextBuffer } from '../../base/text-buffer.ts';
import { textBufferOf } from '../../base/text-buffer.ts';
import { WINDOW_MAX } from '../byte-index.ts';
import type { LineDecoder, LineHandler } from '../format.ts';
import { lineEnd } from '../line-splitter.ts';
import type { JsonLineReader } from './json-line-reader.ts';
import type { JsonParser } from './json-parser.ts';
import { ODD } from './json-tokens.ts';

const LF = 0x0a;
/** What a window shrinks to where the handler says stop after every line. */
const WINDOW_MIN = 1024;

export class JsonDecoder<T> implements LineDecoder<T> {
  readonly #parser: JsonParser;
  readonly #reader: JsonLineReader<T>;
  /** Bytes to index at once: no more than are likely to be used before the handler says stop. */
  #window = WINDOW_MAX;
  #stopped = false;
  lines = 0;
  lineStart = 0;

  constructor(parser: JsonParser, reader: JsonLineReader<T>) {
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
    const block = textBufferOf(bytes);
    let at = start;
    this.#stopped = false;
    while (at < end && !this.#stopped) {
      const stop = Math.min(end, at + this.#window);
      this.#parser.index.load(block, at, stop);
      const complete = this.#parser.index.afterLastLine();
      if (complete > 0) {
        at += this.#decodeWindow(block, at, complete, handler);
      } else if (stop < end && this.#window < WINDOW_MAX) {
        this.#window = WINDOW_MAX;
      } else {
        const found = stop === end ? -1 : block.subarray(0, end).indexOf(LF, stop);
        if (found < 0 && !last) break;
        at = this.#readLine(block, at, found < 0 ? end : found, end, handler);
      }
    }
    return at;
  }

  /** The lines of `block[at, at + complete)`, which is in the index. @returns how far they were read. */
  #decodeWindow(block: TextBuffer, at: number, complete: number, handler: LineHandler<T>): number {
    const { index, tokens, line } = this.#parser;
    const sound = index.ascii || isUtf8(index.bytes.subarray(0, complete));
    let p = 0;
    let k = 0;
    while (p < complete) {
      const value = sound ? line(p, k) : ODD;
      if (value === ODD) {
        while (index.bytes[index.entries[k]!] !== LF) k++;
        p = this.#readLine(block, at + p, at + index.entries[k]!, Infinity, handler) - at;
        k++;
      } else {
        this.lineStart = at + p;
        p = tokens.p;
        k = tokens.k;
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

  /** By way of JSON.parse. @returns the start of the next line. */
  #readLine(
    block: TextBuffer,
    start: number,
    stop: number,
    end: number,
    handler: LineHandler<T>,
  ): number {
    this.lineStart = start;
    if (!this.#reader.read(block, start, lineEnd(block, start, stop), handler))
      this.#stopped = true;
    this.lines += 1;
    return Math.min(stop + 1, end);
  }
}
