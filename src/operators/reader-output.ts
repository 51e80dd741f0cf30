/**
 * What a source's reader emits to: an output for each split, and one for records of no split.
 *
 * Invariants
 * R2. A reader emits only inside `poll`.
 * R4. The records of one poll are bounded: each output is full after its share of them, and
 *     the reader's as soon as one of them is.
 * R5. Timestamps that go on are whole numbers of milliseconds, or there is none.
 */
import { assert } from '../base/assert.ts';
import type { Timestamp } from '../base/units.ts';
import type { SourceOutput, SplitOutput } from '../functions/source.ts';
import { NO_TIMESTAMP } from '../network/batch.ts';
import type { Pressure } from '../network/pressure.ts';
import type { EventTime } from './event-time.ts';
import type { Downstream, OperatorContext } from './operator.ts';
import type { SourceTime } from './source-time.ts';
import { invalidSourceTimestamp } from './timestamp-errors.ts';

/** Records per call of `poll`, unless the driver says otherwise. */
const POLL_RECORDS = 1024;

const R2 = 'R2: a reader emits only while it is polled';

export interface ReaderOutputOptions {
  readonly context: OperatorContext;
  readonly pressure: Pressure;
  readonly time: SourceTime;
  /** Whether a strategy says what the timestamps of records are. */
  readonly stamps: boolean;
}

/** Where records keep the timestamps of their source. Every field that a record needs is here. */
class PlainOutput implements SplitOutput<unknown> {
  protected readonly pressure: Pressure;
  protected readonly output: Downstream;
  protected readonly time: EventTime;
  /** In a poll, and not idle: a record may go on without further ado. */
  protected ready = false;
  readonly #operator: string;
  #polling = false;
  /** Records of this poll, and how many there may be. */
  count = 0;
  limit = POLL_RECORDS;

  constructor({ pressure, context }: ReaderOutputOptions, time: EventTime) {
    this.pressure = pressure;
    this.output = context.output;
    this.time = time;
    this.#operator = context.open.operatorName;
  }

  begin(): void {
    this.count = 0;
    this.#polling = true;
    this.look();
  }

  /** The stream may have become idle or active. */
  look(): void {
    this.ready = this.#polling && !this.time.isIdle;
  }

  end(): void {
    this.#polling = false;
    this.ready = false;
  }

  get full(): boolean {
    return this.count >= this.limit || this.pressure.holds !== 0;
  }

  collect(value: unknown, timestamp?: Timestamp): void {
    if (!this.ready) this.markActive();
    this.count += 1;
    this.output.process(value, this.checked(value, timestamp));
  }

  /** R5. @throws EngineError DATA_INVALID_TIMESTAMP */
  protected checked(value: unknown, timestamp: Timestamp | undefined): number {
    if (timestamp === undefined) return NO_TIMESTAMP;
    if (Number.isSafeInteger(timestamp)) return timestamp;
    throw invalidSourceTimestamp(this.#operator, timestamp, value);
  }

  emitWatermark(timestamp: Timestamp): void {
    assert(this.#polling, R2);
    this.time.emitWatermark(timestamp);
    this.look();
  }

  endTime(): void {
    this.time.end();
    this.look();
  }

  markIdle(): void {
    assert(this.#polling, R2);
    this.time.markIdle();
    this.look();
  }

  markActive(): void {
    assert(this.#polling, R2);
    this.time.markActive();
    this.look();
  }
}

/** Where a strategy says what the timestamps of records are. */
class StampedOutput extends PlainOutput {
  readonly #punctuated: boolean;

  constructor(options: ReaderOutputOptions, time: EventTime) {
    super(options, time);
    this.#punctuated = time.isPunctuated;
  }

  override collect(value: unknown, timestamp?: Timestamp): void {
    if (!this.ready) this.markActive();
    this.count += 1;
    const at = this.time.stamp(value, this.checked(value, timestamp));
    this.output.process(value, at);
    if (this.#punctuated) this.#emitted(value, at);
  }

  /** Its generator may have said that it is idle. */
  #emitted(value: unknown, at: number): void {
    this.time.emitted(value, at);
    this.look();
  }
}

export class ReaderOutput implements SourceOutput<unknown> {
  readonly #options: ReaderOutputOptions;
  readonly #own: PlainOutput;
  readonly #splits = new Map<string, PlainOutput>();
  #polling = false;
  #waiting = false;
  #pollRecords = POLL_RECORDS;
  /** Of outputs that were released in this poll. */
  #released = 0;
  /** Whether records that name no split are on their own time; see SourceTime. */
  #ownUsed = false;
  place: (() => string) | undefined = undefined;

  constructor(options: ReaderOutputOptions) {
    this.#options = options;
    this.#own = this.#outputOf(options.time.own);
  }

  begin(records: number = POLL_RECORDS): void {
    this.#polling = true;
    this.#released = 0;
    if (records !== this.#pollRecords) {
      this.#pollRecords = records;
      this.#share();
    }
    this.#own.begin();
    for (const output of this.#splits.values()) output.begin();
  }

  end(): void {
    this.#polling = false;
    this.#own.end();
    for (const output of this.#splits.values()) output.end();
  }

  /** Records emitted since `begin`. */
  get count(): number {
    let count = this.#own.count + this.#released;
    for (const output of this.#splits.values()) count += output.count;
    return count;
  }

  /** Nothing more is to be emitted until it is false again. */
  set waiting(waiting: boolean) {
    this.#waiting = waiting;
    this.#share();
  }

  get full(): boolean {
    if (this.#own.full || this.#released >= this.#pollRecords) return true;
    for (const output of this.#splits.values()) if (output.full) return true;
    return false;
  }

  collect(value: unknown, timestamp?: Timestamp): void {
    if (!this.#ownUsed && this.#options.stamps) this.#useOwn();
    this.#own.collect(value, timestamp);
  }

  emitWatermark(timestamp: Timestamp): void {
    this.#useOwn();
    this.#own.emitWatermark(timestamp);
  }

  /** No record will follow, though the reader may go on: not a reader's to say. */
  endTime(): void {
    assert(this.#polling, R2);
    this.#useOwn();
    this.#own.endTime();
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
    if (this.#polling) output.begin();
    this.#share();
    return output;
  }

  releaseSplit(id: string): void {
    const output = this.#splits.get(id);
    if (output !== undefined) {
      this.#released += output.count;
      output.end();
      this.#splits.delete(id);
      this.#share();
    }
    this.#options.time.release(id);
    this.#own.look();
  }

  collectTo(output: string, value: unknown): void {
    assert(this.#polling, R2);
    this.#own.count += 1;
    this.#options.context.sideOutput(output).process(value, NO_TIMESTAMP);
  }

  locate(place: () => string): void {
    this.place = place;
  }

  #outputOf(time: EventTime): PlainOutput {
    return new (this.#options.stamps ? StampedOutput : PlainOutput)(this.#options, time);
  }

  /** R4 */
  #share(): void {
    const share = Math.ceil(this.#pollRecords / Math.max(this.#splits.size, 1));
    this.#own.limit = this.#waiting ? 0 : this.#pollRecords;
    for (const output of this.#splits.values()) output.limit = this.#waiting ? 0 : share;
  }

  #useOwn(): void {
    this.#ownUsed = true;
    this.#options.time.useOwn();
  }
}
