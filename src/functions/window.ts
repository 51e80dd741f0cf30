/**
 * Windows and their assigners, which say to which windows a record belongs. Assigners are plain
 * data: operators choose by their kind how to compute them.
 */
import type { Duration, Timestamp } from '../base/units.ts';
import { trigger, type Trigger } from './trigger.ts';
import {
  refuse,
  requireFunction,
  requireOneOf,
  requireSpan,
  requireWhole,
} from './window-arguments.ts';

/** From `start` up to `end`, which no longer belongs to it. The global window has no bounds. */
export interface Window {
  readonly start: Timestamp;
  readonly end: Timestamp;
}

/** The one window of `globalWindow()`. */
export const GLOBAL_WINDOW: Window = Object.freeze({
  start: -Infinity as Timestamp,
  end: Infinity as Timestamp,
});

/** By the time of the record, or by the clock when it is processed. */
export type WindowTime = 'event' | 'processing';

/**
 * Shifts the windows of a subtask, so that not all fire at once: not at all, by a part of the size
 * that differs from subtask to subtask, or so that they begin when its first record comes.
 */
export type WindowStagger = 'aligned' | 'random' | 'natural';

export interface TumblingWindows {
  readonly kind: 'tumbling';
  readonly size: Duration;
  readonly offset: Duration;
  readonly time: WindowTime;
  readonly stagger: WindowStagger;
}

export interface SlidingWindows {
  readonly kind: 'sliding';
  readonly size: Duration;
  readonly slide: Duration;
  readonly offset: Duration;
  readonly time: WindowTime;
}

export interface CumulatingWindows {
  readonly kind: 'cumulating';
  readonly size: Duration;
  readonly step: Duration;
  readonly offset: Duration;
  readonly time: WindowTime;
}

export interface SessionWindows<in T> {
  readonly kind: 'session';
  readonly gap: Duration | ((value: T) => Duration);
  readonly time: WindowTime;
}

export interface GlobalWindows {
  readonly kind: 'global';
}

export interface CustomWindows<in T> {
  readonly kind: 'custom';
  readonly time: WindowTime;
  readonly merging: boolean;
  readonly assign: (value: T, timestamp: Timestamp) => Iterable<Window>;
  readonly defaultTrigger: Trigger<T> | undefined;
}

export type WindowAssigner<T> =
  | TumblingWindows
  | SlidingWindows
  | CumulatingWindows
  | SessionWindows<T>
  | GlobalWindows
  | CustomWindows<T>;

interface TimeOption {
  /** Event time if nothing is said. */
  readonly time?: WindowTime | undefined;
}

interface OffsetOption extends TimeOption {
  /**
   * Where windows begin, counted from 1970-01-01T00:00Z: days of China begin at `hours(-8)`. Less
   * than the distance of two windows, either way.
   */
  readonly offset?: Duration | undefined;
}

interface TumblingOptions extends OffsetOption {
  readonly stagger?: WindowStagger | undefined;
}

/**
 * Windows of one size, side by side: each record is in one.
 * @example orders.keyBy((o) => o.user).window(tumbling(minutes(1))).aggregate(count())
 */
export function tumbling(size: Duration, options: TumblingOptions = {}): TumblingWindows {
  requireSpan(size, 'tumbling', 'size');
  const { stagger = 'aligned' } = options;
  requireOneOf(stagger, 'tumbling', 'stagger', ['aligned', 'random', 'natural']);
  const offset = offsetOf(options, size, 'tumbling', 'size');
  return { kind: 'tumbling', size, offset, time: timeOf(options, 'tumbling'), stagger };
}

/**
 * Windows of one size, one every `slide`: a record is in size / slide of them, or where `slide` is
 * above `size` in one or none. With `reduce`, `aggregate` and the rolling functions a record is
 * added up once, however many that are, and a window is merged from what it shares with others when
 * it fires. With an evictor or a process function over the records it is added to each window by
 * itself. What else a record costs depends on the trigger; see there.
 * @example orders.keyBy((o) => o.user).window(sliding(hours(1), minutes(5))).sum('amount')
 */
export function sliding(
  size: Duration,
  slide: Duration,
  options: OffsetOption = {},
): SlidingWindows {
  requireSpan(size, 'sliding', 'size');
  requireSpan(slide, 'sliding', 'slide');
  const offset = offsetOf(options, slide, 'sliding', 'slide');
  return { kind: 'sliding', size, slide, offset, time: timeOf(options, 'sliding') };
}

/**
 * Windows that grow by `step` up to `size` and then begin anew: the day so far, every hour.
 * @example orders.keyBy((o) => o.user).window(cumulating(days(1), hours(1))).sum('amount')
 */
export function cumulating(
  size: Duration,
  step: Duration,
  options: OffsetOption = {},
): CumulatingWindows {
  requireSpan(size, 'cumulating', 'size');
  requireSpan(step, 'cumulating', 'step');
  if (size % step !== 0) {
    refuse('cumulating', `its size of ${size} ms is not a multiple of its step of ${step} ms`);
  }
  const offset = offsetOf(options, size, 'cumulating', 'size');
  return { kind: 'cumulating', size, step, offset, time: timeOf(options, 'cumulating') };
}

/**
 * Windows that last as long as no two records are further apart than `gap`, which may depend on
 * the record.
 * @example clicks.keyBy((c) => c.user).window(session(minutes(30))).aggregate(count())
 */
export function session<T = unknown>(
  gap: Duration | ((value: T) => Duration),
  options: TimeOption = {},
): SessionWindows<T> {
  if (typeof gap !== 'function') requireSpan(gap, 'session', 'gap');
  return { kind: 'session', gap, time: timeOf(options, 'session') };
}

/**
 * One window for all records of a key. It never fires by itself: give it a trigger.
 * @example orders.keyBy((o) => o.user).window(globalWindow()).trigger(trigger.count(3)).sum('n')
 */
export function globalWindow(): GlobalWindows {
  return { kind: 'global' };
}

interface CustomWindowOptions<T> extends TimeOption {
  /**
   * The windows of a record, any number of them; two of equal bounds are the same window. With time
   * 'processing', `timestamp` is that of the clock. The bounds are whole milliseconds, or infinite.
   */
  readonly assign: (value: T, timestamp: Timestamp) => Iterable<Window>;
  /** Whether windows of a key that touch or overlap become one, as sessions do. */
  readonly merging?: boolean | undefined;
  /** If none is given to the stream; otherwise windows fire when the time has come to their end. */
  readonly defaultTrigger?: Trigger<T> | undefined;
}

/**
 * Windows of one's own.
 * @example
 * shifts.keyBy((s) => s.team).window(
 *   customWindows({ assign: (shift) => [{ start: shift.begins, end: shift.ends }] }),
 * )
 */
export function customWindows<T = unknown>(options: CustomWindowOptions<T>): CustomWindows<T> {
  requireFunction(options.assign, 'customWindows', 'assign');
  return {
    kind: 'custom',
    time: timeOf(options, 'customWindows'),
    merging: options.merging === true,
    assign: options.assign,
    defaultTrigger: options.defaultTrigger,
  };
}

// --------------------------------------------------------------------------- what follows from it

/** The time that the windows of an assigner are of; the global window has none. */
export function windowTimeOf(assigner: WindowAssigner<never>): WindowTime | undefined {
  return assigner.kind === 'global' ? undefined : assigner.time;
}

export function isMerging(assigner: WindowAssigner<never>): boolean {
  return assigner.kind === 'session' || (assigner.kind === 'custom' && assigner.merging);
}

/** The trigger of a window whose stream was given none. */
export function defaultTriggerOf<T>(assigner: WindowAssigner<T>): Trigger<T> {
  if (assigner.kind === 'global') return trigger.never();
  if (assigner.kind === 'custom' && assigner.defaultTrigger !== undefined) {
    return assigner.defaultTrigger;
  }
  return assigner.time === 'event' ? trigger.eventTime() : trigger.processingTime();
}

function timeOf(options: TimeOption, call: string): WindowTime {
  const { time = 'event' } = options;
  requireOneOf(time, call, 'time', ['event', 'processing']);
  return time;
}

function offsetOf(options: OffsetOption, limit: Duration, call: string, of: string): Duration {
  const { offset = 0 as Duration } = options;
  requireWhole(offset, call, 'offset');
  if (Math.abs(offset) >= limit) {
    refuse(call, `its offset of ${offset} ms is not within its ${of} of ${limit} ms`);
  }
  return offset;
}
