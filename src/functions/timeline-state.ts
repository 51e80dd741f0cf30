/**
 * Timeline state: the values of a key in the order of their timestamps. Joins keep their buffers
 * and versions in it: what is read is found by search, what is taken in late is moved only past
 * what is later, and the oldest are dropped without a look at the others.
 */
import type { Schema } from '../types/schema.ts';
import type { Descriptor } from './state.ts';

/** What a key holds; positions go from 0, in the order of time, equal times as they were added. */
export interface Timeline<V> {
  readonly size: number;
  timeAt(position: number): number;
  valueAt(position: number): V;
  /** The position of the first entry at or after `time`; `size` if there is none. */
  firstFrom(time: number): number;
}

export interface TimelineState<V> {
  /**
   * That of the current key, undefined if it holds nothing; good until this state is changed. It
   * must not be kept.
   */
  readonly entries: Timeline<V> | undefined;
  /** After the entries of the same time. @throws EngineError STATE_VALUE_INVALID */
  add(time: number, value: V): void;
  /** In the place of the entry of the same time, if there is one. */
  put(time: number, value: V): void;
  /** Removes the earliest `count` entries. */
  dropFirst(count: number): void;
  clear(): void;
}

export interface TimelineStateDescriptor<out H> extends Descriptor<H> {
  readonly kind: 'timeline';
  readonly value: Schema<unknown>;
}

export function timeline<V>(of: Schema<V>): TimelineStateDescriptor<TimelineState<V>> {
  return { kind: 'timeline', value: of };
}
