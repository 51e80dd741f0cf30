/**
 * Some entries of a table on their way into a snapshot, as columns: what code is fastest on.
 *
 * Invariants
 * B1. Entries are at the indexes from 0; those below `from` are done with. While a table fills the
 *     batch, `count` counts them; then `end` does.
 * B2. `keys` and `values` are of the kinds of the table's keys and values, numbers in typed memory,
 *     and are not changed before the next `clear`.
 */
import type { Entries } from '../../types/encode-entries.ts';
import type { Key } from '../../types/schema.ts';
import type { Column, ColumnKind } from './column.ts';

const PLACES = 128;

export class EntryBatch implements Entries {
  readonly places: number = PLACES;
  /** Keys that are numbers, for tables of them. */
  readonly numbers: Float64Array = new Float64Array(PLACES);
  /** Where the values are, for `load`. */
  readonly slots: Int32Array = new Int32Array(PLACES);
  /** B1 */
  from = 0;
  end = 0;
  count = 0;
  /** B2 */
  keys: Float64Array | Key[];
  values: Float64Array | unknown[];
  readonly #keys: Key[] = new Array<Key>(PLACES).fill('');
  readonly #values: unknown[] = new Array<unknown>(PLACES).fill(undefined);
  readonly #numberValues = new Float64Array(PLACES);

  constructor() {
    this.keys = this.#keys;
    this.values = this.#values;
  }

  get isFull(): boolean {
    return this.count === PLACES;
  }

  get isEmpty(): boolean {
    return this.from === this.end;
  }

  /** For a table whose keys are numbers, or not. */
  clear(hasNumbers: boolean): void {
    this.from = 0;
    this.end = 0;
    this.count = 0;
    this.keys = hasNumbers ? this.numbers : this.#keys;
  }

  add(key: Key, slot: number): void {
    this.#keys[this.count] = key;
    this.slots[this.count] = slot;
    this.count += 1;
  }

  addNumber(key: number, slot: number): void {
    this.numbers[this.count] = key;
    this.slots[this.count] = slot;
    this.count += 1;
  }

  /** Of an entry that is in no column any more, with its value as the user knows it. */
  addValue(key: Key, value: unknown): void {
    (this.keys as Key[])[this.count] = key;
    this.#values[this.count] = value;
    this.count += 1;
  }

  /** Takes the values of what was added out of their column. */
  load(kind: ColumnKind, column: Column): void {
    const { slots, count } = this;
    this.end = count;
    if (kind === 'float64' || kind === 'int32') {
      const numbers = this.#numberValues;
      for (let i = 0; i < count; i++) numbers[i] = (column as Float64Array)[slots[i]!]!;
      this.values = numbers;
      return;
    }
    const values = this.#values;
    if (kind === 'boolean') for (let i = 0; i < count; i++) values[i] = column[slots[i]!] === 1;
    else for (let i = 0; i < count; i++) values[i] = (column as unknown[])[slots[i]!];
    this.values = values;
  }

  /** All values were added with their keys. */
  loaded(kind: ColumnKind): void {
    this.end = this.count;
    this.values = this.#values;
    if (kind !== 'float64' && kind !== 'int32') return;
    this.#numberValues.set(this.#values.slice(0, this.end) as number[]);
    this.values = this.#numberValues;
  }
}
