/** Aggregations that most jobs need, with their accumulators' schemas. */
import { t } from '../types/t.ts';
import type { Schema } from '../types/schema.ts';
import type { AggregateFunction } from './aggregate-function.ts';

/** How many records. @example words.keyBy((word) => word).aggregate(count()) */
export function count<T = unknown>(): AggregateFunction<T, number, number> {
  return {
    accumulator: t.integer,
    emits: t.integer,
    create: () => 0,
    add: (accumulator) => accumulator + 1,
    merge: (left, right) => left + right,
    result: (accumulator) => accumulator,
  };
}

/** @example orders.keyBy((order) => order.user).aggregate(sumOf((order) => order.amount)) */
export function sumOf<T>(take: (value: T) => number): AggregateFunction<T, number, number> {
  return {
    accumulator: t.float64,
    emits: t.float64,
    create: () => 0,
    add: (accumulator, value) => accumulator + take(value),
    merge: (left, right) => left + right,
    result: (accumulator) => accumulator,
  };
}

/** The smallest of the numbers taken. */
export function minOf<T>(take: (value: T) => number): AggregateFunction<T, number, number> {
  return extremeOf(take, Infinity, Math.min);
}

/** The greatest of the numbers taken. */
export function maxOf<T>(take: (value: T) => number): AggregateFunction<T, number, number> {
  return extremeOf(take, -Infinity, Math.max);
}

export interface Mean {
  readonly sum: number;
  readonly count: number;
}

const MeanSchema: Schema<Mean> = t.struct({ sum: t.float64, count: t.integer });

/** The mean of the numbers taken. */
export function meanOf<T>(take: (value: T) => number): AggregateFunction<T, Mean, number> {
  return {
    accumulator: MeanSchema,
    emits: t.float64,
    create: () => ({ sum: 0, count: 0 }),
    add: ({ sum, count: records }, value) => ({ sum: sum + take(value), count: records + 1 }),
    merge: (left, right) => ({ sum: left.sum + right.sum, count: left.count + right.count }),
    result: ({ sum, count: records }) => sum / records,
  };
}

function extremeOf<T>(
  take: (value: T) => number,
  none: number,
  choose: (left: number, right: number) => number,
): AggregateFunction<T, number, number> {
  return {
    accumulator: t.float64,
    emits: t.float64,
    create: () => none,
    add: (accumulator, value) => choose(accumulator, take(value)),
    merge: choose,
    result: (accumulator) => accumulator,
  };
}
