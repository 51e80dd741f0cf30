/**
 * What is kept of all windows of a key that triggers look at: a value in its state, in which runs
 * of windows are changed together. It is taken out for a record or timer, and put back afterwards.
 *
 * Invariants
 * V1. What the operator and its triggers keep has a slot each, in the order in which they are made:
 *     the same ones for the same program, and the name of the state says which, so that another
 *     program is refused them.
 * V2. A key without a window that is not over has no value.
 */
import { assert } from '../../../base/assert.ts';
import { state, type ValueState } from '../../../functions/state.ts';
import type { KeyedStateBackend } from '../../../state/keyed-state-backend.ts';
import type { Schema } from '../../../types/schema.ts';
import { dynamic } from '../../../types/t.ts';
import { added, assigned, eachRun, filled, lowest, runsWithin, trimmed } from './range-numbers.ts';
import type { RangeNumbers, WindowRun } from './range-numbers.ts';

interface KeyValue {
  /** The latest window that has had a record. */
  readonly last: number;
  /** V1. Null stands for undefined. */
  readonly numbers: readonly (Exclude<RangeNumbers, undefined> | null)[];
  /** Of the records that come; see `SharedCells`. */
  readonly generation: number;
  /** Whether a record of this generation has come. */
  readonly isTouched: boolean;
  /** The timer that the key has, at or before the time when something is next due; or infinity. */
  readonly event: number;
  readonly processing: number;
}

const FRESH: KeyValue = {
  last: -Infinity,
  numbers: [],
  generation: 0,
  isTouched: false,
  event: Infinity,
  processing: Infinity,
};

const SCHEMA: Schema<KeyValue> = dynamic;
const ALL: WindowRun = { first: -Infinity, last: Infinity };

/** Of the current key, between `load` and `store`. */
export class KeyWindows {
  readonly #state: ValueState<KeyValue | undefined>;
  readonly #slots: RunNumbers[] = [];
  last: number = -Infinity;
  generation = 0;
  isTouched = false;
  event: number = Infinity;
  processing: number = Infinity;

  /**
   * In the operator's `open`.
   * @param form what decides which slots there are
   */
  constructor(backend: KeyedStateBackend, form: string) {
    this.#state = backend.register(`key-windows(${form})`, state.value(SCHEMA));
  }

  /** V1 @param normal of windows that nothing was said of */
  slot(normal: number): RunNumbers {
    const slot = new RunNumbers(normal);
    this.#slots.push(slot);
    return slot;
  }

  load(): void {
    const value = this.#state.get() ?? FRESH;
    this.last = value.last;
    this.generation = value.generation;
    this.isTouched = value.isTouched;
    this.event = value.event;
    this.processing = value.processing;
    for (const [index, slot] of this.#slots.entries()) {
      slot.numbers = value.numbers[index] ?? undefined;
    }
  }

  /** V2: nothing if there is no window any more. */
  store(): void {
    if (this.isEmpty) {
      this.#state.clear();
      return;
    }
    this.#state.set({
      last: this.last,
      numbers: this.#slots.map(({ numbers }) => numbers ?? null),
      generation: this.generation,
      isTouched: this.isTouched,
      event: this.event,
      processing: this.processing,
    });
  }

  /** Whether there is no window that is not over. */
  get isEmpty(): boolean {
    return this.last === -Infinity;
  }

  /** Windows before `first` are over. */
  trim(first: number): void {
    for (const slot of this.#slots) slot.trim(first);
    if (this.last < first) this.forget();
  }

  /** V2: no window is left. */
  forget(): void {
    for (const slot of this.#slots) slot.numbers = undefined;
    this.last = -Infinity;
    this.generation = 0;
    this.isTouched = false;
  }
}

/** A number for each window of the current key. */
export class RunNumbers {
  readonly #normal: number;
  numbers: RangeNumbers = undefined;

  constructor(normal: number) {
    this.#normal = normal;
  }

  add(run: WindowRun, by: number): void {
    if (run.first <= run.last) this.numbers = added(this.numbers, run, by, this.#normal);
  }

  set(run: WindowRun, value: number): void {
    if (run.first <= run.last) this.numbers = assigned(this.numbers, run, value, this.#normal);
  }

  /** Of windows that have the default, which is infinity. */
  fill(run: WindowRun, value: number): void {
    assert(this.#normal === Infinity, 'only what is absent is filled');
    if (run.first <= run.last) this.numbers = filled(this.numbers, run, value);
  }

  reset(run: WindowRun): void {
    if (this.numbers !== undefined) this.set(run, this.#normal);
  }

  trim(first: number): void {
    this.numbers = trimmed(this.numbers, first, this.#normal);
  }

  /** The lowest number; infinity if all windows have the default. */
  get lowest(): number {
    return lowest(this.numbers);
  }

  /** Windows whose number is at most `high`, which is below the default. */
  upTo(high: number, within: WindowRun = ALL, atMost: number = Infinity): readonly WindowRun[] {
    return runsWithin(this.numbers, { low: -Infinity, high }, within, atMost);
  }

  /** Windows whose number is at least `low`, which is above the default. */
  from(low: number, within: WindowRun): readonly WindowRun[] {
    return runsWithin(this.numbers, { low, high: Infinity }, within);
  }

  each(within: WindowRun, visit: (run: WindowRun, value: number) => void): void {
    eachRun(this.numbers, within, this.#normal, (first, last, value) => {
      visit({ first, last }, value);
    });
  }
}
