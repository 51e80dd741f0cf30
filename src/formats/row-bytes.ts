/**
 * Puts the row of a record together as bytes, where it is to go: constants and digits one by one,
 * texts by a loop or a call each, and no text of the whole row. Whether a text of some length holds
 * a byte that means something in the format is found out at the end for all of them, sixteen bytes
 * at a time: then the row has more of those bytes than were written on purpose.
 *
 * Invariants
 * RB1. Texts end at `limit` at the latest; behind it is room for all constants and numbers of a
 *      row, which are no more than `fixed` bytes.
 * RB2. While a record is being written, `#out`, `view` and `limit` are those of the bytes that it
 *      goes to.
 * RB3. A row that is given away has exactly the marks that its constants have: those of short texts
 *      are looked for at once, and `#unseen` says that there have been others.
 */
import { assert } from '../base/assert.ts';
import type { StructOrigin, TextOrigin } from '../functions/record-origins.ts';
import type { TextBuffer } from '../base/text-buffer.ts';
import { textBufferOf, viewOf } from '../base/text-buffer.ts';
import { MISFIT } from './misfit.ts';
import type { Scanner } from './scan-module.ts';
import { portableScanner, SCAN_STEP, wasmScanner } from './scan-module.ts';

/** Instead of an index: the row is to be written otherwise. */
export const ODD_ROW = -2;
/** RB1 */
export const FIXED_MAX = 4096;
/** Longer rows with longer texts are odd. */
const SEEN_MAX: number = 16 * 1024;
const MARK_AT: number = SEEN_MAX + SCAN_STEP;
const ENTRIES_AT: number = MARK_AT + 64;
/** Every byte may be an entry, and the scan writes up to 64 more. */
const PAGES: number = Math.ceil((ENTRIES_AT + 4 * (SEEN_MAX + 2 * SCAN_STEP)) / 0x10000);
/** Shorter texts are copied by a loop: a call into Node costs as much as some ten of its rounds. */
const SHORT = 10;
/** The same for bytes. */
const COPIED_SHORT = 24;
/** What a character becomes at most. */
const CHARACTER_BYTES = 3;

/** What generated text writes with. */
export interface RowTarget {
  /** RB1 */
  readonly limit: number;
  /** Of the bytes that are written to. */
  readonly view: DataView;
  /** @returns the index after the text; ODD_ROW if it is none that can be written so */
  text(at: number, text: string): number;
  /** @returns the index after the bytes of the origin; ODD_ROW if there is no room */
  copied(at: number, origin: Origin): number;
  /**
   * For the end of a row that was written in `[at, end)`: `end` if it has just so many marks, its
   * last byte being one of them; else ODD_ROW.
   */
  row(at: number, end: number, marks: number): number;
}

/** Bytes without marks, or with so many as are counted. */
export type Origin = TextOrigin | StructOrigin;

/** Writes the record from `at` on. @returns the index after the row, or ODD_ROW */
export type WriteRow = (value: unknown, out: Uint8Array, at: number) => number;

export interface RowParts {
  /** The two bytes that mean something, beside those below 0x20. */
  readonly marks: readonly [number, number];
  /** RB1 */
  readonly fixed: number;
}

/** When so many more rows are odd than not, the others of a stretch are not tried. */
const ODD_MANY = 64;
const STRETCH = 1024;

export class RowWriter implements RowTarget {
  limit = 0;
  view: DataView;
  readonly #fixed: number;
  readonly #first: number;
  readonly #second: number;
  readonly #scanner: Scanner;
  readonly #scanned: TextBuffer;
  readonly #entries: Int32Array;
  readonly #row: (target: RowWriter) => WriteRow;
  #write: WriteRow | undefined;
  #out: TextBuffer = textBufferOf(new Uint8Array(0));
  #given: Uint8Array = this.#out;
  /** RB3 */
  #unseen = false;
  #odd = 0;
  #untried = 0;

  constructor(
    parts: RowParts,
    row: (target: RowTarget) => WriteRow,
    scanner: Scanner = wasmScanner(PAGES) ?? portableScanner(PAGES),
  ) {
    this.#fixed = parts.fixed;
    this.view = viewOf(this.#out);
    this.#first = parts.marks[0];
    this.#second = parts.marks[1];
    this.#row = row;
    this.#scanner = scanner;
    this.#scanned = textBufferOf(Buffer.from(scanner.memory, 0, SEEN_MAX));
    this.#entries = new Int32Array(scanner.memory, ENTRIES_AT);
  }

  /** @returns the index after the row, or ODD_ROW; then bytes from `at` on may be anything */
  write(value: unknown, out: Uint8Array, at: number): number {
    if (this.#untried > 0) {
      this.#untried -= 1;
      return ODD_ROW;
    }
    const limit = out.length - this.#fixed;
    // Nearly full: whoever measures it says whether it fits.
    if (at > limit) return ODD_ROW;
    if (out !== this.#given) {
      this.#given = out;
      this.#out = textBufferOf(out);
      this.view = viewOf(out);
    }
    this.limit = limit;
    this.#unseen = false;
    const end = this.#endOf(value, at);
    if (end >= 0) {
      assert(end <= out.length, 'RB1: a row is longer than there is room');
      if (this.#odd > 0) this.#odd -= 1;
      return end;
    }
    this.#odd += 1;
    if (this.#odd === ODD_MANY) {
      this.#odd = 0;
      this.#untried = STRETCH;
    }
    return ODD_ROW;
  }

  text(at: number, text: string): number {
    const { length } = text;
    if (at + CHARACTER_BYTES * length > this.limit) return ODD_ROW;
    if (length > SHORT) {
      this.#unseen = true;
      const written = this.#out.utf8Write(text, at, CHARACTER_BYTES * length);
      return written === length || text.isWellFormed() ? at + written : ODD_ROW;
    }
    const out = this.#out;
    const first = this.#first;
    const second = this.#second;
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i);
      if (code > 0x7f) return this.#wide(at, text);
      if (code < 0x20 || code === first || code === second) return ODD_ROW;
      out[at + i] = code;
    }
    return at + length;
  }

  copied(at: number, { bytes, start, end }: Origin): number {
    const stop = at + end - start;
    if (stop > this.limit) return ODD_ROW;
    const out = this.#out;
    if (end - start > COPIED_SHORT) bytes!.copy(out, at, start, end);
    else for (let from = start, to = at; to < stop;) out[to++] = bytes![from++]!;
    return stop;
  }

  /** RB3 */
  row(at: number, end: number, marks: number): number {
    if (!this.#unseen) return end;
    const length = end - at;
    if (length > SEEN_MAX) return ODD_ROW;
    this.#out.copy(this.#scanned, 0, at, end);
    const { scan } = this.#scanner;
    const stop = scan(0, length, ENTRIES_AT, this.#first, this.#second, MARK_AT);
    // Bytes behind the row are looked at as well.
    const isWhole = stop >= ENTRIES_AT + 4 * marks && this.#entries[marks - 1] === length - 1;
    return isWhole ? end : ODD_ROW;
  }

  #wide(at: number, text: string): number {
    if (!text.isWellFormed()) return ODD_ROW;
    this.#unseen = true;
    return at + this.#out.utf8Write(text, at, CHARACTER_BYTES * text.length);
  }

  #endOf(value: unknown, at: number): number {
    this.#write ??= this.#row(this);
    try {
      return this.#write(value, this.#out, at);
    } catch (thrown) {
      // Who writes it otherwise says what does not fit.
      if (thrown === MISFIT) return ODD_ROW;
      throw thrown;
    }
  }
}
