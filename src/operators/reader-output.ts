/**
 * What a source's reader emits to: an output for each split, and one for records of no split. They
 * count the records of a poll together.
 *
 * Invariants
 * R2. A reader emits only inside `poll`.
 */
import { assert } from '../base/assert.ts';
import type { Timestamp } from '../base/units.ts';
import type { SourceOutput, SplitOutput } from '../functions/source.ts';
import { NO_TIMESTAMP } from '../network/batch.ts';
import type { Pressure } from '../network/pressure.ts';
import type { EventTime } from './event-time.ts';
import type { Downstream, OperatorContext } from './operator.ts';
import type { SourceTime } from './source-time.ts';

/** Records per call of `poll`: bounds the time of a step. */
const POLL_RECORDS = 1024;

const R2 = 'R2: a reader emits only while it is polled';

export interface ReaderOutputOptions {
  readonly context: OperatorContext;
  readonly pressure: Pressure;
  readonly time: SourceTime;
  /** Whether a strategy says what the timestamps of records are. */
  readonly stamps: boolean;
}

/** Of all outputs of a reader. Looked at twice for each record, so its fields are plain. */
class Polled {
  readonly pressure: Pressure;
  polling = false;
  count = 0;
  /** 0 while the source waits for others of its group. */
  limit = POLL_RECORDS;

  constructor(pressure: Pressure) {
    this.pressure = pressure;
  }
}

/** Where records keep the timestamps of their source. */
class PlainOutput implements SplitOutput<unknown> {
  protected readonly polled: Polled;
  protected readonly output: Downstream;
  protected readonly time: EventTime;
  /** Because the reader said so. */
  #idle = false;

  constructor(polled: Polled, output: Downstream, time: EventTime) {
    this.polled = polled;
    this.output = output;
    this.time = time;
    this.#idle = time.isIdle;
  }

  /** The time was restored. */
  restored(): void {
    this.#idle = this.time.isIdle;
  }

  get full(): boolean {
    const { polled } = this;
    return polled.count >= polled.limit || polled.pressure.holds !== 0;
  }

  collect(value: unknown, timestamp?: Timestamp): void {
    const { polled } = this;
    assert(polled.polling, R2);
    polled.count += 1;
    if (this.#idle) this.markActive();
    this.output.process(value, timestamp === undefined ? NO_TIMESTAMP : timestamp);
  }

  emitWatermark(timestamp: Timestamp): void {
    assert(this.polled.polling, R2);
    this.#idle = false;
    this.time.emitWatermark(timestamp);
  }

  markIdle(): void {
    assert(this.polled.polling, R2);
    this.#idle = true;
    this.time.markIdle();
  }

  markActive(): void {
    assert(this.polled.polling, R2);
    this.#idle = false;
    this.time.markActive();
  }
}

/** Where a strategy says what the timestamps of records are. */
class StampedOutput extends PlainOutput {
  readonly #punctuated: boolean;

  constructor(polled: Polled, output: Downstream, time: EventTime) {
    super(polled, output, time);
    this.#punctuated = time.isPunctuated;
  }

  override collect(value: unknown, timestamp?: Timestamp): void {
    const { polled, time } = this;
    assert(polled.polling, R2);
    polled.count += 1;
    const at = time.stamp(value, timestamp === undefined ? NO_TIMESTAMP : timestamp);
    this.output.process(value, at);
    if (this.#punctuated) time.emitted(value, at);
  }
}

export class ReaderOutput implements SourceOutput<unknown> {
  readonly #options: ReaderOutputOptions;
  readonly #polled: Polled;
  readonly #own: PlainOutput;
  readonly #splits = new Map<string, PlainOutput>();
  /** Whether records that name no split are on their own time; see SourceTime. */
  #ownUsed = false;
  place: (() => string) | undefined = undefined;

  constructor(options: ReaderOutputOptions) {
    this.#options = options;
    this.#polled = new Polled(options.pressure);
    this.#own = this.#outputOf(options.time.own);
  }

  /** The event time was restored. */
  restored(): void {
    this.#own.restored();
  }

  begin(): void {
    this.#polled.count = 0;
    this.#polled.polling = true;
  }

  end(): void {
    this.#polled.polling = false;
  }

  /** Records emitted since `begin`. */
  get count(): number {
    return this.#polled.count;
  }

  /** Nothing more is to be emitted until it is false again. */
  set waiting(waiting: boolean) {
    this.#polled.limit = waiting ? 0 : POLL_RECORDS;
  }

  get full(): boolean {
    return this.#own.full;
  }

  collect(value: unknown, timestamp?: Timestamp): void {
    if (!this.#ownUsed && this.#options.stamps) this.#useOwn();
    this.#own.collect(value, timestamp);
  }

  emitWatermark(timestamp: Timestamp): void {
    this.#useOwn();
    this.#own.emitWatermark(timestamp);
  }

  markIdle(): void {
    this.#useOwn();
    this.#own.markIdle();
  }

  markActive(): void {
    this.#useOwn();
    this.#own.markActive();
  }

  forSplit(id: string): SplitOutput<unknown> {
    let output = this.#splits.get(id);
    if (output !== undefined) return output;
    output = this.#outputOf(this.#options.time.open(id));
    this.#splits.set(id, output);
    return output;
  }

  releaseSplit(id: string): void {
    this.#splits.delete(id);
    this.#options.time.release(id);
  }

  collectTo(output: string, value: unknown): void {
    assert(this.#polled.polling, R2);
    this.#polled.count += 1;
    this.#options.context.sideOutput(output).process(value, NO_TIMESTAMP);
  }

  locate(place: () => string): void {
    this.place = place;
  }

  #outputOf(time: EventTime): PlainOutput {
    const { context, stamps } = this.#options;
    return new (stamps ? StampedOutput : PlainOutput)(this.#polled, context.output, time);
  }

  #useOwn(): void {
    this.#ownUsed = true;
    this.#options.time.useOwn();
  }
}
