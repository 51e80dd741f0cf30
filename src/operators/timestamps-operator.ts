/**
 * `assignTimestamps`: event time begins anew behind this operator. What comes from before it, but
 * the end of event time, ends here.
 *
 * Invariants
 * A1. After a restore no watermark is given out that is not above the one before the snapshot; that
 *     one is given out again, because what is behind has forgotten it.
 */
import type { Duration } from '../base/units.ts';
import type { WatermarkStrategy } from '../functions/watermark-strategy.ts';
import { MIN_WATERMARK } from '../network/control-element.ts';
import { EventTime } from './event-time.ts';
import { EventTimeTicks } from './event-time-ticks.ts';
import type { Downstream, OneInputOperator, OperatorContext, TimeHold } from './operator.ts';
import { StoredWatermark } from './stored-watermark.ts';

export class TimestampsOperator implements OneInputOperator {
  readonly emits = 'one';
  readonly generatesTime = true;
  readonly #strategy: WatermarkStrategy<unknown>;
  readonly #interval: Duration;
  #output!: Downstream;
  #context!: OperatorContext;
  #time!: EventTime;
  #ticks!: EventTimeTicks;
  #stored!: StoredWatermark;
  #punctuated = false;
  #begun = false;

  constructor(strategy: WatermarkStrategy<unknown>, interval: Duration) {
    this.#strategy = strategy;
    this.#interval = interval;
  }

  open(context: OperatorContext): void {
    this.#context = context;
    this.#output = context.output;
    this.#stored = new StoredWatermark(context);
    this.#time = new EventTime({
      strategy: this.#strategy,
      operator: context.open.operatorName,
      processingTime: () => context.processingTime(),
      listener: {
        watermark: (timestamp) => {
          this.#stored.advance(timestamp);
          context.emitWatermark(timestamp);
        },
        status: (status) => context.emitStatus(status),
      },
    });
    this.#punctuated = this.#time.isPunctuated;
    this.#ticks = new EventTimeTicks(context, this.#interval, (activeTime, periodic) =>
      this.#time.tick(activeTime, periodic),
    );
    this.#ticks.start(this.#time);
  }

  get timeHold(): TimeHold {
    return this.#time.isIdle ? { kind: 'idle' } : { kind: 'records', split: undefined };
  }

  process(value: unknown, current: number): void {
    const timestamp = this.#time.stamp(value, current);
    this.#output.process(value, timestamp);
    if (this.#punctuated) this.#time.emitted(value, timestamp);
  }

  /** The end of event time is the only watermark from before that means anything here. */
  watermark(): boolean {
    this.#time.end();
    return true;
  }

  /** Called before the first record, and to make up for a tick. */
  processingTime(): boolean {
    if (this.#begun) this.#ticks.catchUp();
    else this.#begin();
    return true;
  }

  /** A1 */
  #begin(): void {
    this.#begun = true;
    const { value } = this.#stored;
    if (value === MIN_WATERMARK) return;
    this.#time.restore(value, false);
    this.#context.emitWatermark(value);
  }

  close(): void {
    this.#ticks?.close();
  }
}
