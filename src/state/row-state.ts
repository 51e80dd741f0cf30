/**
 * State for operators that work on rows of bytes: their own keys and values, without schemas,
 * codecs or objects. An operator names the key group of a row, which the partitioner has computed,
 * and gets the rows of that group. What is there belongs to no current key.
 *
 * Positions are in bytes of the memory that they are used with; it lies in multiples of 8, so that
 * a double at position `at` is `doubles[at >> 3]` and a word `words[at >> 2]`. The memory itself
 * may be another one after anything was added.
 */
import type { Schema } from '../types/schema.ts';

/**
 * What rows are, for those who have schemas of them: then they go on in later programs as other
 * state does. Without, they are bytes, which are what they were or are refused.
 */
export interface RowSchemas {
  /** Its codec gives the bytes of keys. */
  readonly key: Schema<unknown>;
  /**
   * Of a log: its codec gives the bytes of rows. Of a table: a struct whose fields are the columns
   * of a slot, one after another, each a double, or a bigint of 8 bytes.
   */
  readonly value: Schema<unknown>;
}

/** Keys that are bytes, each with a slot of fixed width: counts, flags, the latest row of a key. */
export interface RowTable {
  /** Made if there is none. */
  of(keyGroup: number): RowTableGroup;
}

/**
 * Slots are numbers, good until the next `findOrInsert`.
 * @example
 * const slots = table.of(batch.keyGroup(row));
 * const slot = slots.findOrInsert(bytes, start, end);
 * slots.touch(slot);
 * slots.doubles[slots.valueAt(slot) >> 3] += amount;
 */
export interface RowTableGroup {
  /** Slots with keys. */
  readonly size: number;
  /** The slot of the key that is bytes[start, end), else -1. */
  find(bytes: Uint8Array, start: number, end: number): number;
  /** The same; one whose value is zeros if there is none yet. */
  findOrInsert(bytes: Uint8Array, start: number, end: number): number;
  /** Whether the last `findOrInsert` has made the slot. */
  readonly isNew: boolean;
  remove(slot: number): void;
  /** Before the value of a slot is changed: open snapshots keep what is there. */
  touch(slot: number): void;
  /** Where the value begins, in these: */
  valueAt(slot: number): number;
  readonly bytes: Uint8Array;
  readonly words: Int32Array;
  readonly doubles: Float64Array;
  /** The key of a slot in `bytes`. */
  keyStart(slot: number): number;
  keyEnd(slot: number): number;
  /** To go through all slots; -1 at the end. */
  first(): number;
  next(slot: number): number;
}

/**
 * Rows of any length in chains by key, in slices of time that are dropped as a whole: the sides of
 * a join, what is buffered for a window, the rows that a top-n chooses from.
 */
export interface RowLog {
  /** Made if there are none. Operators without time use one slice, e.g. 0. */
  of(keyGroup: number, slice: number): RowChains;
  /** Undefined if there are none. */
  find(keyGroup: number, slice: number): RowChains | undefined;
  /** Of all key groups, ascending. */
  slices(): readonly number[];
  /** Of a key group, ascending. */
  slicesOf(keyGroup: number): readonly number[];
  /** Open snapshots still see what was there. */
  dropSlice(slice: number): void;
}

/**
 * The chains of a slice in a key group. Chains are numbers, good until the next `findOrInsert`, and
 * so are rows, until the next `append`; -1 is none.
 * @example
 * const key = chains.find(bytes, start, end);
 * for (let row = chains.newest(key); row >= 0; row = chains.previous(row)) {
 *   match(chains.bytes, chains.startOf(row), chains.endOf(row));
 * }
 */
export interface RowChains {
  /** Keys that have rows, and rows. */
  readonly keys: number;
  readonly size: number;
  /** The chain of the key that is bytes[start, end), else -1. */
  find(bytes: Uint8Array, start: number, end: number): number;
  /** The same; an empty one, for an `append` that follows at once, if there is none yet. */
  findOrInsert(bytes: Uint8Array, start: number, end: number): number;
  /** How many rows a chain has; 0 for -1. */
  count(chain: number): number;
  /** Adds the row that is bytes[start, end). */
  append(chain: number, bytes: Uint8Array, start: number, end: number): number;
  newest(chain: number): number;
  /** The row that was added before this one. */
  previous(row: number): number;
  /** Takes a row out; `newer` is the one that comes before it in the chain. */
  remove(chain: number, row: number, newer: number): void;
  /** A row in `bytes`. */
  startOf(row: number): number;
  endOf(row: number): number;
  readonly bytes: Uint8Array;
  /** Before the bytes of a row are changed in place. */
  touch(row: number): void;
  /** To go through all chains; -1 at the end. */
  firstChain(): number;
  nextChain(chain: number): number;
}
