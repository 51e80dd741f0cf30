/**
 * Where event time comes from: which time a record has, how far event time has come (watermarks),
 * and when a stream that says nothing no longer holds the others up. A strategy is given to
 * `stream.assignTimestamps` (one clock for each subtask) or to `env.from` (one for each split).
 */
import { seconds } from '../base/units.ts';
import type { Duration, Timestamp, TimestampInput } from '../base/units.ts';

/**
 * @example
 * const strategy: WatermarkStrategy<Order> = {
 *   timestamp: (order) => order.at,
 *   outOfOrder: seconds(5),
 *   idleAfter: minutes(1),
 * };
 */
export interface WatermarkStrategy<in T> {
  /**
   * Event time of a record; `current` is the time that its source gave it. Undefined: that one.
   * `ingestion`: the clock when the record comes in; then watermarks follow the clock as well.
   */
  readonly timestamp?:
    | ((value: T, current: Timestamp | undefined) => TimestampInput)
    | 'ingestion'
    | undefined;
  /**
   * How much older than the newest a record may be; undefined or 0: ascending. The watermark is the
   * greatest timestamp - outOfOrder - 1, sent every `pipeline.auto-watermark-interval` and at the
   * end.
   */
  readonly outOfOrder?: Duration | undefined;
  /** Watermarks of one's own in place of `outOfOrder`; one generator for each split or subtask. */
  readonly generator?: (() => WatermarkGenerator<T>) | undefined;
  /**
   * After this long without a record the stream (or split) no longer holds event time up. The time
   * in which the output is held back does not count. A stream that has ended is at the end of event
   * time: where it meets streams that are all idle, event time ends, and what they bring later is
   * late. For a stream that may go on, choose it longer than its pauses.
   */
  readonly idleAfter?: Duration | undefined;
  /** Keeps sources together; with `env.from` only. */
  readonly alignment?: WatermarkAlignment | undefined;
}

/** Sources of one group whose watermarks stay within `maxDrift`: who is ahead waits. */
export interface WatermarkAlignment {
  readonly group: string;
  readonly maxDrift: Duration;
  /** Default 1 s. */
  readonly updateInterval?: Duration | undefined;
}

const UPDATE_INTERVAL = seconds(1);

export function updateIntervalOf({ updateInterval }: WatermarkAlignment): Duration {
  return updateInterval ?? UPDATE_INTERVAL;
}

/**
 * @example
 * // Punctuated: the stream itself says how far it is.
 * const generator = (): WatermarkGenerator<Reading> => ({
 *   onEvent(reading, timestamp, output) {
 *     if (reading.isLast) output.emitWatermark(timestamp);
 *   },
 * });
 */
export interface WatermarkGenerator<in T> {
  /** After each record has been handed on. */
  onEvent?(value: T, timestamp: Timestamp, output: WatermarkOutput): void;
  /** Every `pipeline.auto-watermark-interval`, and once at the end. */
  onPeriodicEmit?(output: WatermarkOutput): void;
}

export interface WatermarkOutput {
  /**
   * No record at or below this time will follow. One that is not above the last is passed over; one
   * that is makes the stream active.
   */
  emitWatermark(timestamp: Timestamp): void;
  /** The stream no longer holds event time up, until its next record or watermark. */
  markIdle(): void;
  markActive(): void;
}

/**
 * The time at which records come into the job is their event time.
 * @example clicks.assignTimestamps(ingestionTime())
 */
export function ingestionTime<T = unknown>(): WatermarkStrategy<T> {
  return { timestamp: 'ingestion' };
}

/**
 * No watermarks but the one at the end of a bounded input: event time stands still meanwhile.
 * Records keep the timestamps of their source.
 * @example env.from(orders, noWatermarks())
 */
export function noWatermarks<T = unknown>(): WatermarkStrategy<T> {
  return { generator: () => ({}) };
}
