/**
 * Where the records go that come too late for windows and joins: to a side output, or, if nobody
 * reads that, nowhere; then they are counted. Those that come after the end of event time are told
 * of once: whoever sent them had been idle when all others were finished.
 */
import type { Counter } from '../functions/metric-group.ts';
import { MAX_WATERMARK } from '../network/control-element.ts';
import type { Downstream, OperatorContext } from './operator.ts';

export class LateRecords {
  readonly #output: Downstream;
  readonly #dropped: Counter | undefined;
  readonly #context: OperatorContext;
  #hasWarned = false;

  constructor(context: OperatorContext, tag: string) {
    this.#context = context;
    this.#output = context.sideOutput(tag);
    this.#dropped = context.isRead(tag)
      ? undefined
      : context.open.metrics.counter('numLateRecordsDropped');
  }

  add(value: unknown, timestamp: number): void {
    if (!this.#hasWarned && this.#context.watermark() === MAX_WATERMARK) this.#warn();
    if (this.#dropped === undefined) this.#output.process(value, timestamp);
    else this.#dropped.increment();
  }

  /** Of a record that is late but not dropped. */
  copy(value: unknown, timestamp: number): void {
    if (this.#dropped === undefined) this.#output.process(value, timestamp);
  }

  #warn(): void {
    this.#hasWarned = true;
    const { logger, operatorName } = this.#context.open;
    logger.warn(
      `"${operatorName}" got records after the end of event time, and they are late: one input ` +
        'was finished, all others were idle, and one of these goes on. Give an input that may go on a ' +
        'longer idleAfter, or none.',
    );
  }
}
