/** An incremental aggregate per key: emits key and result for every record. */
import { assert } from '../base/assert.ts';
import type { AggregateFunction } from '../functions/aggregate-function.ts';
import type { ValueState } from '../functions/state.ts';
import { state } from '../functions/state.ts';
import type { KeySelector } from '../graph/operator-spec.ts';
import { KeySelection } from './key-selection.ts';
import type { Downstream, KeyedOperator, NextRecords, OperatorContext } from './operator.ts';
import { accumulatorOf, refusePromise, userCodeFailure } from './user-code.ts';

export class AggregateOperator implements KeyedOperator {
  readonly emits = 'one';
  readonly #key: KeySelector;
  readonly #aggregate: AggregateFunction<unknown, unknown, unknown>;
  #output!: Downstream;
  #name = '';
  #keys!: KeySelection;
  #state!: ValueState<unknown>;

  constructor(key: KeySelector, aggregate: AggregateFunction<unknown, unknown, unknown>) {
    this.#key = key;
    this.#aggregate = aggregate;
  }

  open(context: OperatorContext): void {
    this.#output = context.output;
    this.#name = context.open.operatorName;
    this.#keys = new KeySelection(this.#key, context);
    const { accumulator, migrations } = this.#aggregate;
    const descriptor = state.value(accumulator, { migrations });
    this.#state = context.keyedState.register('accumulator', descriptor);
  }

  approach(next: NextRecords): void {
    this.#keys.approach(next);
  }

  processKeyed(value: unknown, timestamp: number, keyGroup: number): void {
    const key = this.#keys.enter(value, keyGroup);
    const aggregate = this.#aggregate;
    let result: unknown;
    try {
      const before = this.#state.get();
      const from = before === undefined ? aggregate.create() : before;
      const after = accumulatorOf(aggregate.add(from, value), 'aggregate', this.#name);
      this.#state.set(after);
      result = aggregate.result(after);
      refusePromise(result, 'aggregate', this.#name);
    } catch (thrown) {
      throw userCodeFailure('aggregate', this.#name, thrown);
    }
    this.#output.process({ key, value: result }, timestamp);
  }

  process(): void {
    assert(false, 'an aggregate gets records by key');
  }

  close(): void {}
}
