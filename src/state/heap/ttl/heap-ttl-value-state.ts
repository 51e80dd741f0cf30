/**
 * Value state with a time-to-live: the handle of plain value state, and beside every value the time
 * of its last write or read.
 */
import type { ValueState } from '../../../functions/state.ts';
import type { HeapState } from '../heap-state.ts';
import { openValueState } from '../heap-value-state.ts';
import type { HeapValueState } from '../heap-value-state.ts';
import { TtlCleaner } from './ttl-cleaner.ts';
import type { Ttl } from './ttl.ts';

/** The value of a key, whether it expires or not. */
export interface StoredValue extends ValueState<unknown> {
  /** After the state has been changed behind the handle's back. */
  forget(): void;
  /** Of state with a time-to-live that wants it: at every record. */
  readonly cleaner?: TtlCleaner | undefined;
}

/** For a state of kind value, reducing or aggregating. */
export function openStoredValue(state: HeapState, initial: unknown): StoredValue {
  const plain = openValueState(state, initial);
  return state.ttl === undefined ? plain : new HeapTtlValueState(state, state.ttl, plain, initial);
}

class HeapTtlValueState implements StoredValue {
  readonly cleaner: TtlCleaner;
  readonly #ttl: Ttl;
  readonly #stored: HeapValueState;
  readonly #initial: unknown;

  constructor(state: HeapState, ttl: Ttl, stored: HeapValueState, initial: unknown) {
    this.#ttl = ttl;
    this.#stored = stored;
    this.#initial = initial;
    this.cleaner = new TtlCleaner(state, ttl, () => stored.forget());
  }

  get(): unknown {
    const ttl = this.#ttl;
    const now = this.#begin();
    const stored = this.#stored;
    const time = stored.valueTime();
    if (time <= ttl.cutoffAt(now)) {
      const expired = stored.get();
      stored.clear();
      return ttl.showsExpired ? expired : this.#initial;
    }
    // Not where there is none: its time is NaN.
    if (ttl.updatedByRead && time === time) stored.stampValue(now);
    return stored.get();
  }

  set(value: unknown): void {
    const now = this.#begin();
    this.#stored.set(value);
    if (value !== undefined) this.#stored.stampValue(now);
  }

  clear(): void {
    this.#stored.clear();
  }

  forget(): void {
    this.#stored.forget();
  }

  #begin(): number {
    const now = this.#ttl.clock.now();
    this.cleaner.run(now);
    return now;
  }
}
