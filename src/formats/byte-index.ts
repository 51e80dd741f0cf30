/**
 * A copy of a part of a block with the positions of the bytes that give it its structure (quotes,
 * delimiters, line ends), found in one pass, so that parsers jump from one to the next instead of
 * looking at every byte in between.
 *
 * BI1. `entries[0, count)` ascend and are exactly the positions below `length` of the two marks and
 * of
 *      bytes below 0x20; entries from `count` on mean nothing.
 * BI2. What the index holds is used within one call of a decoder only: the next one loads again.
 * While
 *      a decoder is at work, `busy` is true and no other one is.
 */
import type { TextBuffer } from '../base/text-buffer.ts';
import { textBufferOf } from '../base/text-buffer.ts';
import type { StructOrigin, TextOrigin } from '../functions/record-origins.ts';
import type { Scanner } from './scan-module.ts';
import { portableScanner, SCAN_STEP, wasmScanner } from './scan-module.ts';

/** Most bytes that are indexed at once: they and their entries stay in the nearest caches. */
export const WINDOW_MAX = 32_768;

const MARK_AT = WINDOW_MAX + SCAN_STEP;
const ENTRIES_AT = MARK_AT + 64;
/** Every byte may be an entry, and the scan writes up to 64 more. */
export const INDEX_PAGES: number = Math.ceil(
  (ENTRIES_AT + 4 * (WINDOW_MAX + 2 * SCAN_STEP)) / 0x10000,
);

export class ByteIndex {
  readonly bytes: TextBuffer;
  readonly entries: Int32Array;
  readonly #scanner: Scanner;
  readonly #marks: readonly [number, number];
  readonly #seen: Int32Array;
  /** What has been noted of the bytes, which goes when they do; see RecordOrigins. */
  origins: readonly (TextOrigin | StructOrigin)[] = [];
  busy = false;
  count = 0;
  length = 0;
  /** Whether all bytes are below 0x80. */
  ascii = true;

  /** `marks` are the two bytes that count, beside those below 0x20. */
  constructor(
    marks: readonly [number, number],
    scanner: Scanner = wasmScanner(INDEX_PAGES) ?? portableScanner(INDEX_PAGES),
  ) {
    this.#marks = marks;
    this.#scanner = scanner;
    const { memory } = scanner;
    this.bytes = textBufferOf(Buffer.from(memory, 0, MARK_AT));
    this.entries = new Int32Array(memory, ENTRIES_AT);
    this.#seen = new Int32Array(memory, MARK_AT, 1);
  }

  /** Copies and indexes `source[start, end)`, at most `WINDOW_MAX` bytes. */
  load(source: TextBuffer, start: number, end: number): void {
    for (const origin of this.origins) origin.forget();
    const length = source.copy(this.bytes, 0, start, end);
    // The scan goes on to the end of its last step.
    this.bytes.fill(0x20, length, length + SCAN_STEP);
    const [first, second] = this.#marks;
    const stop = this.#scanner.scan(0, length, ENTRIES_AT, first, second, MARK_AT);
    this.count = (stop - ENTRIES_AT) >> 2;
    this.length = length;
    this.ascii = this.#seen[0] === 0;
  }

  /** The position after the last line end; 0 if there is none. */
  afterLastLine(): number {
    const { bytes, entries } = this;
    for (let i = this.count - 1; i >= 0; i--) {
      const at = entries[i]!;
      if (bytes[at] === 0x0a) return at + 1;
    }
    return 0;
  }
}
