/**
 * Evictors remove records from a window when it fires, before or after its function has seen them.
 * What is removed is gone for later firings too. A window with an evictor keeps all its records,
 * whatever is computed of them.
 */
import type { Duration, Timestamp } from '../base/units.ts';
import {
  refuse,
  requireFunction,
  requirePositiveCount,
  requireSpan,
  requireThreshold,
} from './window-arguments.ts';
import type { Window } from './window.ts';

/** A record with its event time; undefined if it has none. */
export interface TimestampedValue<out T> {
  readonly value: T;
  readonly timestamp: Timestamp | undefined;
}

export interface CountEvictor {
  readonly kind: 'count';
  readonly count: number;
  readonly after: boolean;
}

export interface TimeEvictor {
  readonly kind: 'time';
  readonly span: Duration;
  readonly after: boolean;
}

export interface DeltaEvictor<in T> {
  readonly kind: 'delta';
  readonly threshold: number;
  readonly delta: (value: T, last: T) => number;
  readonly after: boolean;
}

declare const evicts: unique symbol;

export interface CustomEvictor<in T> {
  /** For the compiler: whose records they are. */
  readonly [evicts]?: (value: T) => void;
  readonly kind: 'custom';
  readonly function: EvictorFunction<any>;
}

export type Evictor<T> = CountEvictor | TimeEvictor | DeltaEvictor<T> | CustomEvictor<T>;

export interface EvictorContext {
  readonly window: Window;
  readonly watermark: Timestamp;
  readonly processingTime: Timestamp;
}

/** An evictor of one's own; each function returns the records to keep, in their order. */
export interface EvictorFunction<T> {
  evictBefore?(
    elements: readonly TimestampedValue<T>[],
    context: EvictorContext,
  ): Iterable<TimestampedValue<T>>;
  evictAfter?(
    elements: readonly TimestampedValue<T>[],
    context: EvictorContext,
  ): Iterable<TimestampedValue<T>>;
}

interface EvictorOptions {
  /** Whether it evicts after the window's function was called, instead of before. */
  readonly after?: boolean | undefined;
}

export interface EvictorConstructors {
  /** Keeps the last `count` records. */
  count(count: number, options?: EvictorOptions): CountEvictor;
  /** Keeps the records whose event time is less than `span` before the latest one's. */
  time(span: Duration, options?: EvictorOptions): TimeEvictor;
  /**
   * Keeps the records that differ by less than `threshold` from the last one.
   * @example evictor.delta(10, (value, last) => Math.abs(value.degrees - last.degrees))
   */
  delta<T>(
    threshold: number,
    delta: (value: T, last: T) => number,
    options?: EvictorOptions,
  ): DeltaEvictor<T>;
  /**
   * An evictor of one's own.
   * @example evictor.custom({ evictBefore: (elements) => elements.filter((e) => e.value.valid) })
   */
  custom<T>(custom: EvictorFunction<T>): CustomEvictor<T>;
}

export const evictor: EvictorConstructors = {
  count(count, options = {}) {
    requirePositiveCount(count, 'evictor.count', 'count');
    return { kind: 'count', count, after: options.after === true };
  },
  time(span, options = {}) {
    requireSpan(span, 'evictor.time', 'span');
    return { kind: 'time', span, after: options.after === true };
  },
  delta(threshold, delta, options = {}) {
    requireThreshold(threshold, 'evictor.delta');
    requireFunction(delta, 'evictor.delta', 'delta');
    return { kind: 'delta', threshold, delta, after: options.after === true };
  },
  custom(custom) {
    if (custom.evictBefore === undefined && custom.evictAfter === undefined) {
      refuse('evictor.custom', 'it has neither evictBefore nor evictAfter');
    }
    return { kind: 'custom', function: custom };
  },
};
