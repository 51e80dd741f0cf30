/**
 * Triggers say when the contents of a window are handed on, and whether they are kept. The
 * built-in ones are plain data, which the window operators know by their kind. A window is cleared
 * when its time is over, whether its trigger has fired or not: what has never been fired is in no
 * result, and counted (`numElementsDroppedUnfired`, or `numElementsUnfired` at the end of input).
 *
 * What a record costs in windows that overlap, with an accumulator (`reduce`, `aggregate`, rolling
 * functions): it is added up once, whatever the trigger, and windows are put together when they
 * fire.
 * - The same however many windows it is in, or their logarithm at most: all triggers of the engine,
 *   also around one another (`purging`, `timeout`), with allowed lateness, `windowState` and
 *   `onClear`. What happens for each window costs for each: its results, and `onClear`.
 * - `delta` and `custom`, and others around them: your function is asked for each record of each
 *   window, because what it answers is yours to say. A record costs as many calls as it has
 *   windows; the aggregate still gets it once.
 */
import type { Duration, Timestamp } from '../base/units.ts';
import type { Schema } from '../types/schema.ts';
import type { AggregatingState, Handles, ListState, ReducingState, StateSpec } from './state.ts';
import {
  refuse,
  requireFunction,
  requireMethod,
  requirePositiveCount,
  requireSpan,
  requireThreshold,
} from './window-arguments.ts';
import type { Window } from './window.ts';

/**
 * What a trigger answers: nothing happens; the contents are handed on; they are dropped; both. A
 * window that was purged goes on with the next record.
 */
export type TriggerResult = 'continue' | 'fire' | 'purge' | 'fire-and-purge';

export interface EventTimeTrigger {
  readonly kind: 'eventTime';
  readonly early: Duration | undefined;
  readonly late: 'each' | Duration;
}

export interface ProcessingTimeTrigger {
  readonly kind: 'processingTime';
}

export interface CountTrigger {
  readonly kind: 'count';
  readonly count: number;
}

export interface DeltaTrigger<in T> {
  readonly kind: 'delta';
  readonly threshold: number;
  readonly delta: (last: T, value: T) => number;
  readonly schema: Schema<unknown>;
}

export interface ContinuousTrigger {
  readonly kind: 'continuousEventTime' | 'continuousProcessingTime';
  readonly interval: Duration;
}

export interface TimeoutTrigger<in T> {
  readonly kind: 'timeout';
  readonly nested: Trigger<T>;
  readonly timeout: Duration;
  readonly resetOnElement: boolean;
  readonly clearOnTimeout: boolean;
}

export interface PurgingTrigger<in T> {
  readonly kind: 'purging';
  readonly nested: Trigger<T>;
}

export interface NeverTrigger {
  readonly kind: 'never';
}

export interface CustomTrigger<in T> {
  readonly kind: 'custom';
  readonly function: TriggerFunction<T, any>;
}

export type Trigger<T> =
  | EventTimeTrigger
  | ProcessingTimeTrigger
  | CountTrigger
  | DeltaTrigger<T>
  | ContinuousTrigger
  | TimeoutTrigger<T>
  | PurgingTrigger<T>
  | NeverTrigger
  | CustomTrigger<T>;

/**
 * Timers of the current key and window. One of the same time and kind of time is the same timer.
 */
export interface WindowTimers {
  onEventTime(at: Timestamp): void;
  onProcessingTime(at: Timestamp): void;
  deleteEventTime(at: Timestamp): void;
  deleteProcessingTime(at: Timestamp): void;
}

/** Given to the functions of a trigger; valid during the call only. */
export interface TriggerContext<S extends StateSpec> {
  readonly window: Window;
  readonly watermark: Timestamp;
  readonly processingTime: Timestamp;
  /** Of the current key and window. It is cleared with the window. */
  readonly state: Handles<S>;
  readonly timers: WindowTimers;
}

export interface TriggerElementContext<S extends StateSpec> extends TriggerContext<S> {
  /** The record's event time; undefined if it has none. */
  readonly timestamp: Timestamp | undefined;
}

type Mergeable = ListState<any> | ReducingState<any> | AggregatingState<any, any>;

/** The names of states that can be merged: of lists, and of what is reduced or aggregated. */
type MergeableNames<S extends StateSpec> = {
  [N in keyof S & string]: Handles<S>[N] extends Mergeable ? N : never;
}[keyof S & string];

export interface TriggerMergeContext<S extends StateSpec> extends TriggerContext<S> {
  /** The windows that have become `window`; their state is cleared after the call. */
  readonly merged: readonly Window[];
  /** Adds the state of that name of all merged windows to that of `window`. */
  mergeState(name: MergeableNames<S>): void;
}

/** A trigger of one's own; see `trigger.custom`. */
export interface TriggerFunction<in T, S extends StateSpec = {}> {
  readonly state?: S | undefined;
  /** For each record, after it was added to the contents of the window. */
  onElement(value: T, context: TriggerElementContext<S>): TriggerResult;
  /** A timer of event time of the window is due; also its last one, when its state is cleared. */
  onEventTime?(at: Timestamp, context: TriggerContext<S>): TriggerResult;
  /** A timer of processing time of the window is due. */
  onProcessingTime?(at: Timestamp, context: TriggerContext<S>): TriggerResult;
  /** Whether it can be used with windows that merge: if nothing is said, if it has `onMerge`. */
  readonly canMerge?: boolean | undefined;
  /** Several windows have become one. */
  onMerge?(context: TriggerMergeContext<S>): void;
  /** The window is gone: delete timers. Its state is cleared afterwards anyway. */
  clear?(context: TriggerContext<S>): void;
}

export interface EventTimeOptions {
  /**
   * Fires this long, by the clock, after the first record that came since the last firing, until
   * the watermark passes the end of the window.
   */
  readonly early?: Duration | undefined;
  /**
   * For late records within the allowed lateness: at each, as is the default, or this long, by the
   * clock, after the first one since the last firing, and when the window is cleared.
   */
  readonly late?: 'each' | Duration | undefined;
}

export interface TimeoutOptions {
  /** Whether every record starts the time anew; if not, it runs from the first one. */
  readonly resetOnElement?: boolean | undefined;
  /** Whether the time-out clears the nested trigger; it does if nothing is said. */
  readonly clearOnTimeout?: boolean | undefined;
}

export interface TriggerConstructors {
  /**
   * When the watermark passes the end of the window, and at once for records that come later. The
   * default of windows of event time.
   * @example trigger.eventTime({ early: seconds(10), late: minutes(1) })
   */
  eventTime(options?: EventTimeOptions): EventTimeTrigger;
  /** When the clock comes to the end of the window. The default of windows of processing time. */
  processingTime(): ProcessingTimeTrigger;
  /** At every `count` records. @example trigger.purging(trigger.count(100)) */
  count(count: number): CountTrigger;
  /**
   * When a record differs by more than `threshold` from the one that fired last (at first, from the
   * first one). `schema` is that of the records.
   * @example trigger.delta(5, (last, value) => Math.abs(value.degrees - last.degrees), Reading)
   */
  delta<T>(
    threshold: number,
    delta: (last: NoInfer<T>, value: NoInfer<T>) => number,
    schema: Schema<T>,
  ): DeltaTrigger<T>;
  /**
   * Whenever the watermark passes a multiple of `interval`, and at the end of the window. Unlike in
   * Flink, the end of all input fires once, not for every multiple up to the end of the window.
   */
  continuousEventTime(interval: Duration): ContinuousTrigger;
  /**
   * Whenever the clock passes a multiple of `interval` while there are records, and at the end of a
   * window of processing time.
   */
  continuousProcessingTime(interval: Duration): ContinuousTrigger;
  /**
   * When `nested` fires, and `timeout` after the first record since then, by the clock.
   * @example trigger.timeout(trigger.count(100), seconds(5))
   */
  timeout<T>(nested: Trigger<T>, timeout: Duration, options?: TimeoutOptions): TimeoutTrigger<T>;
  /** As `nested`, and drops the contents whenever it fires. */
  purging<T>(nested: Trigger<T>): PurgingTrigger<T>;
  /** Never; the default of the global window. */
  never(): NeverTrigger;
  /**
   * A trigger of one's own.
   * @example
   * trigger.custom({
   *   state: { seen: state.reducing(t.integer, (a, b) => a + b) },
   *   onElement(order: Order, ctx) {
   *     ctx.state.seen.add(1);
   *     return order.last ? 'fire-and-purge' : 'continue';
   *   },
   *   onMerge: (ctx) => ctx.mergeState('seen'),
   * })
   */
  custom<T, S extends StateSpec = {}>(custom: TriggerFunction<T, S>): CustomTrigger<T>;
}

export const trigger: TriggerConstructors = {
  eventTime(options = {}) {
    const { early, late = 'each' } = options;
    if (early !== undefined) requireSpan(early, 'trigger.eventTime', 'early');
    if (late !== 'each') requireSpan(late, 'trigger.eventTime', 'late');
    return { kind: 'eventTime', early, late };
  },
  processingTime: () => ({ kind: 'processingTime' }),
  count(count) {
    requirePositiveCount(count, 'trigger.count', 'count');
    return { kind: 'count', count };
  },
  delta(threshold, delta, schema) {
    requireThreshold(threshold, 'trigger.delta');
    requireFunction(delta, 'trigger.delta', 'delta');
    if ((schema as unknown) === undefined) refuse('trigger.delta', 'it lacks the records’ schema');
    return { kind: 'delta', threshold, delta, schema };
  },
  continuousEventTime(interval) {
    requireSpan(interval, 'trigger.continuousEventTime', 'interval');
    return { kind: 'continuousEventTime', interval };
  },
  continuousProcessingTime(interval) {
    requireSpan(interval, 'trigger.continuousProcessingTime', 'interval');
    return { kind: 'continuousProcessingTime', interval };
  },
  timeout(nested, timeout, options = {}) {
    requireTrigger(nested, 'trigger.timeout');
    requireSpan(timeout, 'trigger.timeout', 'timeout');
    const { resetOnElement = false, clearOnTimeout = true } = options;
    return { kind: 'timeout', nested, timeout, resetOnElement, clearOnTimeout };
  },
  purging(nested) {
    requireTrigger(nested, 'trigger.purging');
    return { kind: 'purging', nested };
  },
  never: () => ({ kind: 'never' }),
  custom(custom) {
    requireMethod(custom, 'trigger.custom', 'onElement');
    return { kind: 'custom', function: custom };
  },
};

/** @throws EngineError API_INVALID_ARGUMENT */
export function requireTrigger(value: Trigger<never>, call: string): void {
  const is = typeof value === 'object' && (value as unknown) !== null && 'kind' in value;
  if (!is) refuse(call, 'it takes a trigger such as trigger.count(10)');
}

/** Whether a trigger can be used with windows that merge. */
export function canMerge(of: Trigger<never>): boolean {
  switch (of.kind) {
    case 'delta':
    case 'timeout':
      return false;
    case 'purging':
      return canMerge(of.nested);
    case 'custom':
      return of.function.canMerge ?? of.function.onMerge !== undefined;
    default:
      return true;
  }
}

/** Whether all that makes a trigger fire is event time. */
export function firesByEventTimeOnly(of: Trigger<never>): boolean {
  switch (of.kind) {
    case 'eventTime':
      return of.early === undefined;
    case 'continuousEventTime':
      return true;
    case 'purging':
      return firesByEventTimeOnly(of.nested);
    default:
      return false;
  }
}

/** Whether a trigger looks at the event time of every record. */
export function needsTimestamps(of: Trigger<never>): boolean {
  switch (of.kind) {
    case 'continuousEventTime':
      return true;
    case 'timeout':
    case 'purging':
      return needsTimestamps(of.nested);
    default:
      return false;
  }
}
