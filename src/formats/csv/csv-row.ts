/**
 * Cuts a row into its cells by RFC 4180, strictly: a quote stands at both ends of a cell or doubled
 * inside of one, and nowhere else, because what else it could mean would be a guess.
 *
 * CR1. After `cut` has returned a count, cell `i` is `bytes[starts[i], ends[i])`, without its
 * quotes.
 */
import type { CsvDialect } from './csv-options.ts';

/** How a cell is written. */
export const PLAIN = 0;
export const QUOTED = 1;
/** With doubled quotes inside. */
export const ESCAPED = 2;

/** A quote that is not closed, one inside of a plain cell, text after a closing one. */
export type QuoteMistake = 'open' | 'stray' | 'after';

export class CsvRow {
  readonly #delimiter: number;
  readonly #quote: number;
  starts: Int32Array = new Int32Array(32);
  ends: Int32Array = new Int32Array(32);
  kinds: Uint8Array = new Uint8Array(32);
  /** Whether the row may hold bytes beyond ASCII; only then it can be no UTF-8. */
  wide = false;
  /** After `cut` has returned -1: where the mistake is, and which. */
  mistakeAt = 0;
  mistake: QuoteMistake = 'open';

  constructor({ delimiter, quote }: Pick<CsvDialect, 'delimiter' | 'quote'>) {
    this.#delimiter = delimiter;
    this.#quote = quote;
  }

  /** The number of cells of the row `bytes[start, end)`; -1 if its quotes make no sense. */
  cut(bytes: Uint8Array, start: number, end: number): number {
    const delimiter = this.#delimiter;
    const quote = this.#quote;
    let seen = 0;
    for (let i = start; i < end; i++) seen |= bytes[i]!;
    this.wide = seen > 0x7f;
    let count = 0;
    let p = start;
    for (;;) {
      if (count === this.starts.length) this.#grow();
      if (p < end && bytes[p] === quote) {
        p = this.#quoted(bytes, p, end, count);
        if (p < 0) return -1;
      } else {
        this.starts[count] = p;
        while (p < end && bytes[p] !== delimiter) {
          if (bytes[p] === quote) return this.#fail('stray', p);
          p++;
        }
        this.ends[count] = p;
        this.kinds[count] = PLAIN;
      }
      count++;
      if (p >= end) return count;
      p++;
    }
  }

  /** From the opening quote to the delimiter after the closing one. */
  #quoted(bytes: Uint8Array, start: number, end: number, cell: number): number {
    const quote = this.#quote;
    let kind = QUOTED;
    let p = start + 1;
    for (;;) {
      while (p < end && bytes[p] !== quote) p++;
      if (p >= end) return this.#fail('open', start);
      if (p + 1 >= end || bytes[p + 1] !== quote) break;
      kind = ESCAPED;
      p += 2;
    }
    this.starts[cell] = start + 1;
    this.ends[cell] = p;
    this.kinds[cell] = kind;
    p++;
    return p >= end || bytes[p] === this.#delimiter ? p : this.#fail('after', p);
  }

  #fail(mistake: QuoteMistake, at: number): -1 {
    this.mistake = mistake;
    this.mistakeAt = at;
    return -1;
  }

  #grow(): void {
    const length = this.starts.length * 2;
    const { starts, ends, kinds } = this;
    (this.starts = new Int32Array(length)).set(starts);
    (this.ends = new Int32Array(length)).set(ends);
    (this.kinds = new Uint8Array(length)).set(kinds);
  }
}
