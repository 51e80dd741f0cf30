/**
 * Finds the rows of CSV whose quoted cells may hold line ends: a line end is one of a row exactly
 * if an even number of quotes stands before it in the row.
 *
 * MS1. Every byte before the returned index belongs to a row that was read, or to its end.
 * MS2. `lines` counts all line ends before the returned index, those inside of cells too.
 */
import type { TextBuffer } from '../../base/text-buffer.ts';
import { textBufferOf } from '../../base/text-buffer.ts';
import type { LineDecoder, LineHandler } from '../format.ts';
import type { LineReader } from '../window-decoder.ts';
import { lineEnd } from '../window-decoder.ts';

const LF = 0x0a;

export class MultilineSplitter<T> implements LineDecoder<T> {
  readonly #reader: LineReader<T>;
  readonly #quote: number;
  /** Line ends inside of the row that `#rowEnd` found. */
  #inside = 0;
  lines = 0;
  lineStart = 0;

  constructor(reader: LineReader<T>, quote: number) {
    this.#reader = reader;
    this.#quote = quote;
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
    while (at < end) {
      const found = this.#rowEnd(block, at, end);
      if (found < 0 && !last) break;
      const stop = found < 0 ? end : found;
      this.lineStart = at;
      const more = this.#reader.read(block, at, lineEnd(block, at, stop), handler);
      this.lines += 1 + this.#inside;
      at = found < 0 ? end : found + 1;
      if (!more) break;
    }
    return at;
  }

  /** The index of the line end that ends the row; -1 if it is not there. */
  #rowEnd(bytes: TextBuffer, start: number, end: number): number {
    const quote = this.#quote;
    let open = false;
    this.#inside = 0;
    for (let p = start; p < end; p++) {
      const c = bytes[p];
      if (c === quote) open = !open;
      else if (c === LF) {
        if (!open) return p;
        this.#inside++;
      }
    }
    return -1;
  }
}
