/**
 * The event time of one stream of records, a subtask's or a split's: gives each record its
 * timestamp, makes watermarks by the strategy, and knows whether the stream is idle.
 *
 * Invariants
 * E1. Watermarks given out ascend strictly.
 * E2. A stream is active when it gives out a watermark or a record; who hears of it, hears first.
 * E3. A stream becomes idle only after `idleAfter` of active time without a record, or because its
 *     generator says so.
 * E4. After the end of event time no tick says anything: the edges may have ended.
 * E5. Before its end it says once more how far it is, so that it counts beside subtasks of the
 *     same stream that are idle (see WatermarkValve).
 */
import { EngineError } from '../base/errors.ts';
import type { Duration, Timestamp, TimestampInput } from '../base/units.ts';
import type {
  WatermarkGenerator,
  WatermarkOutput,
  WatermarkStrategy,
} from '../functions/watermark-strategy.ts';
import { NO_TIMESTAMP } from '../network/batch.ts';
import { MAX_WATERMARK, MIN_WATERMARK } from '../network/control-element.ts';
import { invalidTimestamp, millisOf, noTimestamp, shortRecord } from './timestamp-errors.ts';
import { refusePromise, userCodeFailure } from './user-code.ts';

/** Hears of one stream's event time. */
export interface EventTimeListener {
  watermark(timestamp: number): void;
  status(status: 'active' | 'idle'): void;
}

export interface EventTimeOptions {
  /** Undefined: records keep the timestamps of their source, and nobody makes watermarks. */
  readonly strategy: WatermarkStrategy<unknown> | undefined;
  /** For errors. */
  readonly operator: string;
  readonly processingTime: () => number;
  readonly listener: EventTimeListener;
}

type Assign = WatermarkStrategy<unknown>['timestamp'];

export class EventTime implements WatermarkOutput {
  readonly #listener: EventTimeListener;
  readonly #operator: string;
  readonly #processingTime: () => number;
  readonly #assign: Assign;
  readonly #generator: WatermarkGenerator<unknown> | undefined;
  /** Whether watermarks are made here, of the greatest timestamp. */
  readonly #bounded: boolean;
  readonly #delay: number;
  readonly #idleAfter: number | undefined;
  /** Whether records may go on without a timestamp, because nobody asks for one. */
  readonly #anyTimestamp: boolean;
  #greatest = NO_TIMESTAMP;
  #watermark = MIN_WATERMARK;
  #idle = false;
  #records = 0;
  /** `#records` at the last look, and since when there were no more; in active time. */
  #seen = -1;
  #quietSince = 0;

  constructor(options: EventTimeOptions) {
    const { strategy } = options;
    this.#listener = options.listener;
    this.#operator = options.operator;
    this.#processingTime = options.processingTime;
    this.#assign = strategy?.timestamp;
    this.#generator = this.#createGenerator(strategy);
    this.#bounded = strategy !== undefined && strategy.generator === undefined;
    this.#delay = Math.ceil(strategy?.outOfOrder ?? 0) + 1;
    this.#idleAfter = strategy?.idleAfter;
    const makesWatermarks =
      this.#bounded ||
      this.#generator?.onEvent !== undefined ||
      this.#generator?.onPeriodicEmit !== undefined;
    this.#anyTimestamp = !makesWatermarks;
  }

  /** E1 */
  get watermark(): number {
    return this.#watermark;
  }

  get isIdle(): boolean {
    return this.#idle;
  }

  /** Whether `emitted` must be called after each record. */
  get isPunctuated(): boolean {
    return this.#generator?.onEvent !== undefined;
  }

  /** Whether `tick` would ever do anything. */
  get isPeriodic(): boolean {
    return this.#bounded || this.#generator?.onPeriodicEmit !== undefined;
  }

  get idleAfter(): number | undefined {
    return this.#idleAfter;
  }

  /** Goes on from what a snapshot says; nobody is told. */
  restore(watermark: number, idle: boolean): void {
    this.#watermark = watermark;
    this.#idle = idle;
  }

  /**
   * The event time of a record, before it is handed on. @throws EngineError DATA_INVALID_TIMESTAMP,
   * DATA_NO_TIMESTAMP, USER_CODE_FAILED
   */
  stamp(value: unknown, current: number): number {
    const timestamp = this.#timestampOf(value, current);
    this.#records += 1;
    if (this.#idle) this.markActive();
    if (timestamp > this.#greatest) this.#greatest = timestamp;
    return timestamp;
  }

  /** After a record was handed on. */
  emitted(value: unknown, timestamp: number): void {
    try {
      const result: unknown = this.#generator!.onEvent!(value, timestamp as Timestamp, this);
      refusePromise(result, GENERATOR, this.#operator);
    } catch (thrown) {
      throw userCodeFailure(GENERATOR, this.#operator, thrown);
    }
  }

  /**
   * From time to time. `activeTime` stands still while no record can come; `periodic` says whether
   * watermarks are due.
   */
  tick(activeTime: Duration, periodic: boolean): void {
    if (this.#watermark === MAX_WATERMARK) return;
    if (this.#idleAfter !== undefined && this.#isQuiet(activeTime, this.#idleAfter)) {
      this.markIdle();
      return;
    }
    if (periodic) this.#emitDue();
  }

  /** Begins the wait for idleness anew, as a record does. */
  touch(): void {
    this.#records += 1;
  }

  /** E5. No record of it will follow, but of others that it is combined with. */
  finish(): void {
    if (this.#watermark !== MAX_WATERMARK) this.#emitDue();
  }

  /** E5. No record will follow; those that it was combined with had reached so much. */
  end(reached: number = MIN_WATERMARK): void {
    this.finish();
    this.#advance(reached);
    this.#advance(MAX_WATERMARK);
  }

  // ----------------------------------------------------------------------------- WatermarkOutput

  emitWatermark(timestamp: Timestamp): void {
    if (timestamp <= this.#watermark) return;
    if (!Number.isSafeInteger(timestamp)) {
      const operator = this.#operator;
      throw invalidTimestamp(operator, timestamp, ` for a watermark of "${operator}"`);
    }
    this.#advance(timestamp);
  }

  markIdle(): void {
    if (this.#idle) return;
    this.#idle = true;
    this.#listener.status('idle');
  }

  markActive(): void {
    if (!this.#idle) return;
    this.#idle = false;
    this.#listener.status('active');
  }

  // ------------------------------------------------------------------------------------ internal

  #emitDue(): void {
    if (this.#bounded) this.#emitBounded();
    else if (this.#generator?.onPeriodicEmit !== undefined) this.#emitPeriodic();
  }

  #advance(timestamp: number): void {
    if (timestamp <= this.#watermark) return;
    this.#watermark = timestamp;
    this.markActive();
    this.#listener.watermark(timestamp);
  }

  #createGenerator(
    strategy: WatermarkStrategy<unknown> | undefined,
  ): WatermarkGenerator<unknown> | undefined {
    if (strategy?.generator === undefined) return undefined;
    const operator = this.#operator;
    let generator: unknown;
    try {
      generator = strategy.generator();
    } catch (thrown) {
      throw userCodeFailure(GENERATOR, operator, thrown);
    }
    refusePromise(generator, GENERATOR, operator);
    if (isGenerator(generator)) return generator;
    const value = shortRecord(generator);
    throw new EngineError('USER_CODE_BAD_GENERATOR', { operator, value });
  }

  #timestampOf(value: unknown, current: number): number {
    const assign = this.#assign;
    if (typeof assign === 'function') {
      let input: TimestampInput;
      try {
        input = assign(value, current === NO_TIMESTAMP ? undefined : (current as Timestamp));
      } catch (thrown) {
        throw userCodeFailure('timestamp', this.#operator, thrown);
      }
      return Number.isSafeInteger(input) ? (input as number) : this.#convert(input, value);
    }
    if (assign === 'ingestion') return this.#now();
    if (current === NO_TIMESTAMP && !this.#anyTimestamp) throw noTimestamp(this.#operator, value);
    return current;
  }

  /** The clock, which may have been set back. */
  #now(): number {
    return Math.max(this.#processingTime(), this.#greatest);
  }

  #convert(input: unknown, value: unknown): number {
    refusePromise(input, 'timestamp', this.#operator);
    const millis = millisOf(input);
    if (millis !== undefined) return millis;
    const by = `, which "${this.#operator}" got for the record ${shortRecord(value)}`;
    throw invalidTimestamp(this.#operator, input, by);
  }

  #emitBounded(): void {
    if (this.#assign === 'ingestion') this.#greatest = this.#now();
    if (this.#greatest !== NO_TIMESTAMP) {
      this.emitWatermark((this.#greatest - this.#delay) as Timestamp);
    }
  }

  #emitPeriodic(): void {
    try {
      const result: unknown = this.#generator!.onPeriodicEmit!(this);
      refusePromise(result, GENERATOR, this.#operator);
    } catch (thrown) {
      throw userCodeFailure(GENERATOR, this.#operator, thrown);
    }
  }

  /** E3. Seen from time to time, it is up to two such spans longer than `idleAfter`. */
  #isQuiet(activeTime: number, idleAfter: number): boolean {
    if (this.#records !== this.#seen) {
      this.#seen = this.#records;
      this.#quietSince = activeTime;
      return false;
    }
    return activeTime - this.#quietSince >= idleAfter;
  }
}

const GENERATOR = 'watermark generator';

function isGenerator(value: unknown): value is WatermarkGenerator<unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const { onEvent, onPeriodicEmit } = value as Readonly<Record<string, unknown>>;
  return [onEvent, onPeriodicEmit].every(
    (each) => each === undefined || typeof each === 'function',
  );
}
