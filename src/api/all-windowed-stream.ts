/**
 * AllWindowedStream: all records of a stream in windows, before it is said what is computed of
 * each.
 */
import type { AggregateFunction } from '../functions/aggregate-function.ts';
import type { OutputSpec } from '../functions/process-function.ts';
import type { StateSpec } from '../functions/state.ts';
import type { WindowFunction } from '../functions/window-function.ts';
import type { Window } from '../functions/window.ts';
import {
  requireFunctionObject,
  requireSchema,
  requireSynchronous,
  type Synchronous,
} from './callbacks.ts';
import type { Comparable, FieldArgument, Summable } from './keyed-stream.ts';
import type { ProcessedStream } from './processed-stream.ts';
import { WindowSettings, type LateOutput } from './window-settings.ts';

/** What a window of all records gives where no function says otherwise. */
export interface WindowResult<out V> {
  readonly window: Window;
  readonly value: V;
}

type Results<T, V> = ProcessedStream<WindowResult<V>, LateOutput<T>>;

/**
 * The windows of a stream without keys, computed by one subtask. Otherwise as `WindowedStream`.
 * @example
 * clicks.windowAll(tumbling(minutes(1))).aggregate(count()).map(({ value }) => value).print();
 */
export class AllWindowedStream<T> extends WindowSettings<T> {
  /**
   * Folds the records of a window into one; the first record is where it begins. With a function,
   * that gets the folded record.
   * @example .reduce((a, b) => (a.amount > b.amount ? a : b))
   */
  reduce(reduce: (accumulated: T, value: T) => Synchronous<T>): Results<T, T>;
  reduce<R, WS extends StateSpec = {}, GS extends StateSpec = {}, O extends OutputSpec = {}>(
    reduce: (accumulated: T, value: T) => Synchronous<T>,
    fn: WindowFunction<T, R, WS, GS, O>,
  ): ProcessedStream<R, O & LateOutput<T>>;
  reduce(
    reduce: (accumulated: T, value: T) => unknown,
    fn?: WindowFunction<T, any, any, any, any>,
  ): unknown {
    requireSynchronous(reduce, 'window.reduce');
    const contents = { kind: 'reduce', reduce } as const;
    return fn === undefined
      ? this.results('reduce', contents)
      : this.processed('reduce', contents, fn);
  }

  /**
   * Aggregates the records of a window. With a function, that gets the result.
   * @example
   * .aggregate(sumOf((order) => order.amount), {
   *   emits: t.string,
   *   onWindow: (sum, ctx) => ctx.emit(`${ctx.window.end} ${sum}`),
   * })
   */
  aggregate<A, V>(aggregate: AggregateFunction<T, A, V>): Results<T, V>;
  aggregate<
    A,
    V,
    R,
    WS extends StateSpec = {},
    GS extends StateSpec = {},
    O extends OutputSpec = {},
  >(
    aggregate: AggregateFunction<T, A, V>,
    fn: WindowFunction<NoInfer<V>, R, WS, GS, O>,
  ): ProcessedStream<R, O & LateOutput<T>>;
  aggregate(
    aggregate: AggregateFunction<T, any, any>,
    fn?: WindowFunction<any, any, any, any, any>,
  ): unknown {
    requireFunctionObject(aggregate, 'window.aggregate', ['create', 'add', 'merge', 'result']);
    requireSchema(aggregate.accumulator, 'window.aggregate.accumulator');
    const contents = { kind: 'aggregate', aggregate } as const;
    return fn === undefined
      ? this.results('aggregate', contents)
      : this.processed('aggregate', contents, fn);
  }

  /**
   * The general form: the function gets all records of the window, which are kept until it is gone.
   * Where `aggregate` can do it, it needs less memory.
   * @example
   * .process({
   *   emits: t.string,
   *   onWindow: (orders, ctx) => ctx.emit(`${[...orders].length} orders`),
   * })
   */
  process<R, WS extends StateSpec = {}, GS extends StateSpec = {}, O extends OutputSpec = {}>(
    fn: WindowFunction<Iterable<T>, R, WS, GS, O>,
  ): ProcessedStream<R, O & LateOutput<T>> {
    return this.processed('process', { kind: 'list' }, fn);
  }

  /**
   * The sum of a field, in the first record of the window; of the values where they are numbers.
   */
  sum(...field: FieldArgument<T, Summable>): Results<T, T> {
    return this.rolling('sum', field);
  }

  /** The smallest value of a field, in the first record of the window. */
  min(...field: FieldArgument<T, Comparable>): Results<T, T> {
    return this.rolling('min', field);
  }

  /** The greatest value of a field, in the first record of the window. */
  max(...field: FieldArgument<T, Comparable>): Results<T, T> {
    return this.rolling('max', field);
  }

  /** The record with the smallest value of a field; the first of equals. */
  minBy(...field: FieldArgument<T, Comparable>): Results<T, T> {
    return this.rolling('minBy', field);
  }

  /** The record with the greatest value of a field; the first of equals. */
  maxBy(...field: FieldArgument<T, Comparable>): Results<T, T> {
    return this.rolling('maxBy', field);
  }
}
