/**
 * Finds the lines of a block and gives them to the reader of a format one by one: the loop of all
 * decoders that do not find the ends of lines by themselves.
 *
 * LS1. Every byte before the returned index belongs to a line that was read, or to its end.
 * LS2. `lines` counts the line ends before the returned index, and a last line without one.
 */
import type { TextBuffer } from '../base/text-buffer.ts';
import { textBufferOf } from '../base/text-buffer.ts';
import type { LineDecoder, LineHandler } from './format.ts';

const LF = 0x0a;
const CR = 0x0d;

/** What a format does with the line `bytes[start, end)`, which has no line end. */
export interface LineReader<T> {
  /** Gives the handler a record, a problem, or nothing. @returns false if the handler says stop. */
  read(bytes: TextBuffer, start: number, end: number, handler: LineHandler<T>): boolean;
}

export class LineSplitter<T> implements LineDecoder<T> {
  readonly #reader: LineReader<T>;
  lines = 0;
  lineStart = 0;

  constructor(reader: LineReader<T>) {
    this.#reader = reader;
  }

  decode(
    bytes: Uint8Array,
    start: number,
    end: number,
    last: boolean,
    handler: LineHandler<T>,
  ): number {
    // A search must not run on into bytes that are not ours.
    const block = textBufferOf(bytes.length === end ? bytes : bytes.subarray(0, end));
    let at = start;
    while (at < end) {
      const found = block.indexOf(LF, at);
      if (found < 0 && !last) break;
      const stop = found < 0 ? end : found;
      const next = found < 0 ? end : found + 1;
      this.lineStart = at;
      const more = this.#reader.read(block, at, lineEnd(block, at, stop), handler);
      this.lines += 1;
      at = next;
      if (!more) break;
    }
    return at;
  }
}

/** The end of the line `[start, end)` without the CR of its CR LF. */
export function lineEnd(bytes: Uint8Array, start: number, end: number): number {
  return end > start && bytes[end - 1] === CR ? end - 1 : end;
}
