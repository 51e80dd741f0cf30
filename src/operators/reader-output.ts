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

/** Of all outputs of a reader. */
class Polled {
  readonly pressure: Pressure;
  polling = false;
  count = 0;
  /** Past its limit in a group of sources that wait for each other. */
  waiting = false;

  constructor(pressure: Pressure) {
    this.pressure = pressure;
  }

  get full(): boolean {
    return this.count >= POLL_RECORDS || this.pressure.holds !== 0 || this.waiting;
  }
}

class TimedOutput implements SplitOutput<unknown> {
  readonly #polled: Polled;
  readonly #output: Downstream;
  readonly #time: EventTime;
  readonly #stamps: boolean;
  readonly #punctuated: boolean;

  constructor(polled: Polled, output: Downstream, time: EventTime, stamps: boolean) {
    this.#polled = polled;
    this.#output = output;
    this.#time = time;
    this.#stamps = stamps;
    this.#punctuated = time.isPunctuated;
  }

  get full(): boolean {
    return this.#polled.full;
  }

  collect(value: unknown, timestamp?: Timestamp): void {
    const polled = this.#polled;
    assert(polled.polling, R2);
    polled.count += 1;
    const current = timestamp === undefined ? NO_TIMESTAMP : timestamp;
    const time = this.#time;
    if (!this.#stamps) {
      if (time.isIdle) time.markActive();
      this.#output.process(value, current);
      return;
    }
    const at = time.stamp(value, current);
    this.#output.process(value, at);
    if (this.#punctuated) time.emitted(value, at);
  }

  emitWatermark(timestamp: Timestamp): void {
    assert(this.#polled.polling, R2);
    this.#time.emitWatermark(timestamp);
  }

  markIdle(): void {
    assert(this.#polled.polling, R2);
    this.#time.markIdle();
  }

  markActive(): void {
    assert(this.#polled.polling, R2);
    this.#time.markActive();
  }
}

export class ReaderOutput implements SourceOutput<unknown> {
  readonly #options: ReaderOutputOptions;
  readonly #polled: Polled;
  readonly #own: TimedOutput;
  readonly #splits = new Map<string, TimedOutput>();
  readonly #stamps: boolean;
  /** Whether records that name no split are on their own time; see SourceTime. */
  #ownUsed = false;
  place: (() => string) | undefined = undefined;

  constructor(options: ReaderOutputOptions) {
    const { context, pressure, time, stamps } = options;
    this.#options = options;
    this.#stamps = stamps;
    this.#polled = new Polled(pressure);
    this.#own = new TimedOutput(this.#polled, context.output, time.own, stamps);
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
    this.#polled.waiting = waiting;
  }

  get full(): boolean {
    return this.#polled.full;
  }

  collect(value: unknown, timestamp?: Timestamp): void {
    if (this.#stamps && !this.#ownUsed) this.#useOwn();
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
    const { context, time } = this.#options;
    output = new TimedOutput(this.#polled, context.output, time.open(id), this.#stamps);
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

  #useOwn(): void {
    this.#ownUsed = true;
    this.#options.time.useOwn();
  }
}
