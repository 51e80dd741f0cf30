/**
 * The counters that the function of one operator registers in one subtask. They are accumulators:
 * their last values are summed over the subtasks into the job's result.
 */
import type { Counter, MetricGroup } from '../../functions/metric-group.ts';
import type { Accumulator } from '../../protocol/slot-messages.ts';

export class OperatorMetrics implements MetricGroup {
  readonly #operator: string;
  readonly #counters = new Map<string, CountingCounter>();

  constructor(operator: string) {
    this.#operator = operator;
  }

  counter(name: string): Counter {
    let counter = this.#counters.get(name);
    if (counter === undefined) this.#counters.set(name, (counter = new CountingCounter()));
    return counter;
  }

  /** Of a counter, 0 if nobody has asked for it. */
  valueOf(name: string): number {
    return this.#counters.get(name)?.count ?? 0;
  }

  accumulators(): Accumulator[] {
    return [...this.#counters].map(([name, { count }]) => ({
      operator: this.#operator,
      name,
      value: count,
    }));
  }
}

class CountingCounter implements Counter {
  count = 0;

  increment(by = 1): void {
    this.count += by;
  }
}
