/**
 * Where the records go that come too late for windows and joins: to a side output, or, if nobody
 * reads that, nowhere; then they are counted.
 */
import type { Counter } from '../functions/metric-group.ts';
import type { Downstream, OperatorContext } from './operator.ts';

export class LateRecords {
  readonly #output: Downstream;
  readonly #dropped: Counter | undefined;

  constructor(context: OperatorContext, tag: string) {
    this.#output = context.sideOutput(tag);
    this.#dropped = context.isRead(tag)
      ? undefined
      : context.open.metrics.counter('numLateRecordsDropped');
  }

  add(value: unknown, timestamp: number): void {
    if (this.#dropped === undefined) this.#output.process(value, timestamp);
    else this.#dropped.increment();
  }

  /** Of a record that is late but not dropped. */
  copy(value: unknown, timestamp: number): void {
    if (this.#dropped === undefined) this.#output.process(value, timestamp);
  }
}
