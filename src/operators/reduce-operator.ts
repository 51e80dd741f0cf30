/** A running reduction per key: emits the new accumulated value for every record. */
import { assert } from '../base/assert.ts';
import type { KeySelector } from '../graph/operator-spec.ts';
import type { ValueState } from '../functions/state.ts';
import { state } from '../functions/state.ts';
import type { Schema } from '../types/schema.ts';
import { KeySelection } from './key-selection.ts';
import type { Downstream, KeyedOperator, NextRecords, OperatorContext } from './operator.ts';
import { accumulatorOf, userCodeFailure } from './user-code.ts';

export interface ReduceOptions {
  readonly key: KeySelector;
  readonly reduce: (accumulated: unknown, value: unknown) => unknown;
  readonly value: Schema<unknown>;
  /** How the user's function is called in messages. */
  readonly role: string;
}

export class ReduceOperator implements KeyedOperator {
  readonly emits = 'one';
  readonly #options: ReduceOptions;
  readonly #reduce: (accumulated: unknown, value: unknown) => unknown;
  #output!: Downstream;
  #name = '';
  #keys!: KeySelection;
  #state!: ValueState<unknown>;

  constructor(options: ReduceOptions) {
    this.#options = options;
    this.#reduce = options.reduce;
  }

  open(context: OperatorContext): void {
    this.#output = context.output;
    this.#name = context.open.operatorName;
    this.#keys = new KeySelection(this.#options.key, context);
    this.#state = context.keyedState.register('reduced', state.value(this.#options.value));
  }

  approach(next: NextRecords): void {
    this.#keys.approach(next);
  }

  processKeyed(value: unknown, timestamp: number, keyGroup: number): void {
    this.#keys.enter(value, keyGroup);
    const before = this.#state.get();
    let after: unknown;
    if (before === undefined) {
      after = value;
    } else {
      try {
        after = accumulatorOf(this.#reduce(before, value), this.#options.role, this.#name);
      } catch (thrown) {
        throw userCodeFailure(this.#options.role, this.#name, thrown);
      }
    }
    this.#state.set(after);
    this.#output.process(after, timestamp);
  }

  process(): void {
    assert(false, 'a reduction gets records by key');
  }

  close(): void {}
}
