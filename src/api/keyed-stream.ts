/**
 * KeyedStream: a stream whose equal keys meet in one subtask, so that functions can keep state by
 * key. State always has a declared schema: where an operation keeps records, it is the stream's.
 */
import type { AggregateFunction } from '../functions/aggregate-function.ts';
import type { KeyedProcessFunction, OutputSpec } from '../functions/process-function.ts';
import type { OperatorStateSpec, StateSpec } from '../functions/state.ts';
import { globalWindow, type WindowAssigner } from '../functions/window.ts';
import type { KeySelector, RollingFunction } from '../graph/operator-spec.ts';
import type { OutputSchema, UnresolvedSpec } from '../graph/transformation.ts';
import type { Key, Schema } from '../types/schema.ts';
import { t } from '../types/t.ts';
import { BroadcastStream, type KeyedBroadcastConnectedStream } from './broadcast-stream.ts';
import {
  requireFunctionObject,
  requireSchema,
  requireSynchronous,
  requireText,
  type Synchronous,
} from './callbacks.ts';
import type { ConnectedStreams, KeyedConnectedStreams } from './connected-streams.ts';
import { DataStream } from './data-stream.ts';
import { IntervalJoin } from './interval-join.ts';
import { idOf, type StreamHandle } from './job-builder.ts';
import { functionOutputs } from './function-outputs.ts';
import type { ProcessedStream } from './processed-stream.ts';
import { countWindows } from './window-settings.ts';
import type { WindowedStream } from './windowed-stream.ts';

/** The fields of T that hold a V. */
type FieldOf<T, V> = {
  [N in keyof T & string]: T[N] extends V ? N : never;
}[keyof T & string];

/** Streams of plain values take no field, streams of records the name of one that holds a V. */
export type FieldArgument<T, V> = [T] extends [V] ? [] : [field: FieldOf<T, V>];

export type Summable = number | bigint;
export type Comparable = number | bigint | string;

/**
 * @example
 * env
 *   .fromElements({ user: 'ada', n: 1 }, { user: 'bob', n: 2 }, { user: 'ada', n: 3 })
 *   .returns(t.struct({ user: t.string, n: t.int32 }))
 *   .keyBy((order) => order.user)
 *   .sum('n')
 *   .print();
 */
export class KeyedStream<T, out K extends Key> extends DataStream<T> {
  /** Known to the compiler only, so that a stream with keys is not taken for one without. */
  declare readonly keyedBy: K;
  readonly #key: KeySelector;

  constructor(stream: StreamHandle, key: KeySelector) {
    super(stream);
    this.#key = key;
  }

  /** How the key is taken; for those who build on the API. */
  get keySelector(): KeySelector {
    return this.#key;
  }

  /**
   * The general form, with state of the record's key.
   * @example
   * logins.keyBy((login) => login.user).process({
   *   emits: t.string,
   *   state: { failures: state.value(t.int32, { initial: 0 }) },
   *   onElement(login, ctx) {
   *     if (login.ok) return ctx.state.failures.clear();
   *     ctx.state.failures.set(ctx.state.failures.get() + 1);
   *     if (ctx.state.failures.get() === 3) ctx.emit(ctx.key);
   *   },
   * })
   */
  override process<
    R,
    S extends StateSpec = {},
    O extends OutputSpec = {},
    P extends OperatorStateSpec = {},
  >(process: KeyedProcessFunction<T, K, R, S, O, P>): ProcessedStream<R, O> {
    requireFunctionObject(process, 'process', ['onElement'], ['onTimer', 'onEnd']);
    const { builder, id } = this.handle;
    const outputs = functionOutputs<R, O>('process', process);
    const spec: UnresolvedSpec = { kind: 'keyedProcess', key: this.#key, function: process };
    const node = builder.operator({
      kind: 'operator',
      name: 'process',
      spec,
      inputs: [id],
      ...outputs.node,
    });
    return builder.kinds.processed(node, outputs.outputs);
  }

  /**
   * Folds the records of a key into one, and emits it after each record. The first record is
   * where it begins. `schema` is that of the records; if it is missing, the stream must have one.
   * @example orders.keyBy((o) => o.user).reduce((a, b) => ({ ...b, amount: a.amount + b.amount }))
   */
  reduce(reduce: (accumulated: T, value: T) => Synchronous<T>, schema?: Schema<T>): DataStream<T> {
    requireSynchronous(reduce, 'reduce');
    if (schema !== undefined) requireSchema(schema, 'reduce');
    const spec = {
      kind: 'reduce',
      key: this.#key,
      reduce,
      value: schema,
      builtIn: undefined,
    } as const;
    return this.#then('reduce', spec, { kind: 'state' });
  }

  /**
   * Aggregates the records of a key, and emits key and result after each record.
   * @example words.keyBy((word) => word).aggregate(count())
   */
  aggregate<A, R>(
    aggregate: AggregateFunction<T, A, R>,
  ): DataStream<{ readonly key: K; readonly value: R }> {
    requireFunctionObject(aggregate, 'aggregate', ['create', 'add', 'result'], ['merge']);
    requireSchema(aggregate.accumulator, 'aggregate.accumulator');
    return this.#then(
      'aggregate',
      { kind: 'aggregate', key: this.#key, aggregate },
      { kind: 'inferred' },
    );
  }

  /**
   * The sum of a field, in the first record of the key; of the values themselves where they are
   * numbers.
   */
  sum(...field: FieldArgument<T, Summable>): DataStream<T> {
    return this.#rolling('sum', field, t.float64);
  }

  /** The smallest value of a field, in the first record of the key. */
  min(...field: FieldArgument<T, Comparable>): DataStream<T> {
    return this.#rolling('min', field);
  }

  /** The greatest value of a field, in the first record of the key. */
  max(...field: FieldArgument<T, Comparable>): DataStream<T> {
    return this.#rolling('max', field);
  }

  /** The record with the smallest value of a field; the first of equals. */
  minBy(...field: FieldArgument<T, Comparable>): DataStream<T> {
    return this.#rolling('minBy', field);
  }

  /** The record with the greatest value of a field; the first of equals. */
  maxBy(...field: FieldArgument<T, Comparable>): DataStream<T> {
    return this.#rolling('maxBy', field);
  }

  /**
   * Puts the records of a key into windows; what is computed of each window is said next.
   * @example orders.keyBy((o) => o.user).window(sliding(hours(1), minutes(5))).sum('amount')
   */
  window(assigner: WindowAssigner<T>): WindowedStream<T, K> {
    const { builder } = this.handle;
    return builder.kinds.windowed({ stream: this.handle, key: this.#key, keyed: true, assigner });
  }

  /**
   * Every `size` records of a key, or every `slide` records the last `size` ones. What does not
   * fill a window by the end of the input is not counted.
   * @example readings.keyBy((r) => r.sensor).countWindow(100).aggregate(meanOf((r) => r.degrees))
   */
  countWindow(size: number, slide?: number): WindowedStream<T, K> {
    return countWindows(this.window(globalWindow()), size, slide);
  }

  /**
   * Two streams side by side. With a stream keyed alike, both sides share the state of a key;
   * with a broadcast one, the function has state by key and broadcast state.
   */
  override connect<B>(other: BroadcastStream<B>): KeyedBroadcastConnectedStream<T, K, B>;
  override connect<U>(other: KeyedStream<U, K>): KeyedConnectedStreams<T, U, K>;
  override connect<U>(other: DataStream<U> & { readonly keyedBy?: never }): ConnectedStreams<T, U>;
  override connect<U>(
    other: DataStream<U> | BroadcastStream<U> | KeyedStream<U, K>,
  ):
    | ConnectedStreams<T, U>
    | KeyedConnectedStreams<T, U, K>
    | KeyedBroadcastConnectedStream<T, K, U> {
    const { builder } = this.handle;
    idOf(builder, other, 'connect');
    const pair = { left: this.handle, right: other.handle };
    if (other instanceof BroadcastStream) {
      return builder.kinds.keyedBroadcastConnected(pair, this.#key, other.states);
    }
    return other instanceof KeyedStream
      ? builder.kinds.keyedConnected(pair, [this.#key, other.keySelector])
      : builder.kinds.connected(pair);
  }

  /**
   * Pairs of records of both streams with the same key, whose times are near each other. Both
   * streams need timestamps.
   * @example
   * orders
   *   .keyBy((order) => order.id)
   *   .intervalJoin(payments.keyBy((payment) => payment.orderId))
   *   .between(minutes(0), hours(1))
   *   .inner((order, payment) => ({ id: order.id, delay: payment.at - order.at }))
   */
  intervalJoin<U>(other: KeyedStream<U, K>): IntervalJoin<T, U> {
    const { builder } = this.handle;
    idOf(builder, other, 'intervalJoin');
    const keys = [this.#key, other.keySelector] as const;
    return new IntervalJoin<T, U>({ left: this.handle, right: other.handle, keys });
  }

  #rolling(
    rolling: RollingFunction,
    fields: readonly string[],
    ofValues?: Schema<unknown>,
  ): DataStream<T> {
    const field = fields[0];
    if (field !== undefined) requireText(field, rolling);
    const builtIn = field === undefined ? ofValues : undefined;
    const spec = {
      kind: 'rolling',
      key: this.#key,
      rolling,
      field,
      value: undefined,
      builtIn,
    } as const;
    return this.#then(rolling, spec, { kind: 'state' });
  }

  #then<R>(name: string, spec: UnresolvedSpec, output: OutputSchema): DataStream<R> {
    const { builder, id } = this.handle;
    const sideOutputs = new Map<string, never>();
    return builder.kinds.stream(
      builder.operator({ kind: 'operator', name, spec, inputs: [id], output, sideOutputs }),
    );
  }
}
