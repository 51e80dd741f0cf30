/**
 * Takes the key of a record with the user's function, and makes it current in the keyed state.
 *
 * Invariants
 * K1. What `approach` has asked the function is not asked again for the same record, unless it
 * threw
 *     or the batch was interrupted.
 * K2. What it throws is thrown when the record's turn has come, and not before.
 */
import type { KeySelector } from '../graph/operator-spec.ts';
import type { KeyedStateBackend } from '../state/keyed-state-backend.ts';
import type { Key } from '../types/schema.ts';
import { RECORDS_AHEAD } from './operator.ts';
import type { NextRecords, OperatorContext } from './operator.ts';
import { userCodeFailure } from './user-code.ts';

const NOTHING: readonly unknown[] = [];

export class KeySelection {
  readonly #select: (value: unknown) => Key;
  readonly #operator: string;
  readonly #backend: KeyedStateBackend;
  /** K1. The records of which the keys are known: `#values` from `#next` to `#known`. */
  #values: readonly unknown[] = NOTHING;
  #next = 0;
  #known = 0;
  /** Their keys, from `#first` on. */
  readonly #keys: number[] = Array.from({ length: RECORDS_AHEAD }, () => 0);
  #first = 0;

  constructor(selector: KeySelector, context: OperatorContext) {
    this.#select = selector.select;
    this.#operator = context.open.operatorName;
    this.#backend = context.keyedState;
  }

  /** Has the state of the next records fetched, where that pays: for numbers, and many of them. */
  approach({ values, keyGroups, from, end }: NextRecords): void {
    this.#next = from;
    this.#known = from;
    const backend = this.#backend;
    if (!backend.approaches) return;
    this.#values = values;
    this.#first = from;
    const keys = this.#keys;
    try {
      for (let i = from; i < end; i += 1) {
        const key = this.#select(values[i]);
        if (typeof key !== 'number') break;
        keys[i - from] = key;
        this.#known = i + 1;
      }
    } catch {
      // K2
    }
    backend.approach(keys, keyGroups.subarray(from, this.#known));
  }

  /** @returns the key, which is current until the next call. */
  enter(value: unknown, keyGroup: number): Key {
    const next = this.#next;
    let key: Key;
    if (next < this.#known && this.#values[next] === value) {
      key = this.#keys[next - this.#first]!;
      this.#next = next + 1;
    } else key = this.#ask(value);
    this.#backend.setCurrentKey(key, keyGroup);
    return key;
  }

  #ask(value: unknown): Key {
    // The records are not those that were expected.
    this.#known = 0;
    try {
      return this.#select(value);
    } catch (thrown) {
      throw userCodeFailure('keyBy', this.#operator, thrown);
    }
  }
}
