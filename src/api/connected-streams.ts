/**
 * Two streams side by side, for functions that get records of both: without keys, and keyed alike.
 */
import type {
  CoProcessFunction,
  KeyedCoProcessFunction,
  OutputSpec,
} from '../functions/process-function.ts';
import type { OperatorStateSpec, StateSpec } from '../functions/state.ts';
import type { KeySelector } from '../graph/operator-spec.ts';
import type { UnresolvedSpec } from '../graph/transformation.ts';
import type { Key, Schema } from '../types/schema.ts';
import { requireFunctionObject, requireSynchronous, type Synchronous } from './callbacks.ts';
import type { DataStream } from './data-stream.ts';
import { functionOutputs } from './function-outputs.ts';
import { keyedPair, pairKeys } from './keyed-pair.ts';
import type { ProcessedStream } from './processed-stream.ts';
import type { Pair } from './stream-kinds.ts';

/**
 * @example
 * orders
 *   .connect(returns)
 *   .map((order) => order.amount, (returned) => -returned.amount)
 *   .print();
 */
export class ConnectedStreams<out L, out R> {
  readonly #pair: Pair;

  constructor(pair: Pair) {
    this.#pair = pair;
  }

  /** One record for each record, by the function of its side. */
  map<S>(left: (value: L) => Synchronous<S>, right: (value: R) => Synchronous<S>): DataStream<S> {
    requireSynchronous(left, 'map');
    requireSynchronous(right, 'map');
    return this.#then('map', { kind: 'coMap', left, right });
  }

  /** Any number of records for each record, by the function of its side. */
  flatMap<S>(left: (value: L) => Iterable<S>, right: (value: R) => Iterable<S>): DataStream<S> {
    requireSynchronous(left, 'flatMap');
    requireSynchronous(right, 'flatMap');
    return this.#then('flatMap', { kind: 'coFlatMap', left, right });
  }

  /** The general form: several outputs, and the end of each input. */
  process<S, O extends OutputSpec = {}, P extends OperatorStateSpec = {}>(
    process: CoProcessFunction<L, R, S, O, P>,
  ): ProcessedStream<S, O> {
    requireFunctionObject(process, 'process', ['onLeft', 'onRight'], ['onInputEnd', 'onEnd']);
    return processPair(this.#pair, { kind: 'coProcess', function: process }, process);
  }

  /**
   * Brings equal keys of both sides together, so that the function has state by key that both
   * share.
   * @example orders.connect(payments).keyBy((o) => o.id, (p) => p.orderId)
   */
  keyBy<const K extends Key>(
    left: (value: L) => K,
    right: (value: R) => NoInfer<K>,
    schema?: Schema<K>,
  ): KeyedConnectedStreams<L, R, K> {
    const pair = keyedPair(this.#pair, pairKeys('keyBy', { left, right, schema }));
    return this.#pair.left.builder.kinds.keyedConnected(pair, pair.keys);
  }

  #then<S>(name: string, spec: UnresolvedSpec): DataStream<S> {
    const { left, right } = this.#pair;
    const inputs = [left.id, right.id];
    const output = { kind: 'inferred' } as const;
    return left.builder.kinds.stream(
      left.builder.operator({
        kind: 'operator',
        name,
        spec,
        inputs,
        output,
        sideOutputs: new Map(),
      }),
    );
  }
}

/**
 * @example
 * orders.keyBy((o) => o.id).connect(payments.keyBy((p) => p.orderId)).process({
 *   emits: t.string,
 *   state: { order: state.value(Order) },
 *   onLeft(order, ctx) {
 *     ctx.state.order.set(order);
 *   },
 *   onRight(payment, ctx) {
 *     if (ctx.state.order.get() !== undefined) ctx.emit(payment.orderId);
 *   },
 * })
 */
export class KeyedConnectedStreams<out L, out R, out K extends Key> {
  readonly #pair: Pair;
  readonly #keys: readonly [KeySelector, KeySelector];

  constructor(pair: Pair, keys: readonly [KeySelector, KeySelector]) {
    this.#pair = pair;
    this.#keys = keys;
  }

  /** One record for each record, by the function of its side. */
  map<S>(left: (value: L) => Synchronous<S>, right: (value: R) => Synchronous<S>): DataStream<S> {
    return new ConnectedStreams<L, R>(this.#pair).map(left, right);
  }

  /** Any number of records for each record, by the function of its side. */
  flatMap<S>(left: (value: L) => Iterable<S>, right: (value: R) => Iterable<S>): DataStream<S> {
    return new ConnectedStreams<L, R>(this.#pair).flatMap(left, right);
  }

  /** The general form, with state of the record's key that both sides share. */
  process<V, S extends StateSpec = {}, O extends OutputSpec = {}, P extends OperatorStateSpec = {}>(
    process: KeyedCoProcessFunction<L, R, K, V, S, O, P>,
  ): ProcessedStream<V, O> {
    requireFunctionObject(
      process,
      'process',
      ['onLeft', 'onRight'],
      ['onTimer', 'onInputEnd', 'onEnd'],
    );
    const [leftKey, rightKey] = this.#keys;
    const spec = { kind: 'keyedCoProcess', leftKey, rightKey, function: process } as const;
    return processPair(this.#pair, spec, process);
  }
}

/** The operator of a process function with two inputs. */
export function processPair<V, O extends OutputSpec>(
  { left, right }: Pair,
  spec: UnresolvedSpec,
  declared: { readonly emits: Schema<V>; readonly outputs?: O | undefined },
): ProcessedStream<V, O> {
  const outputs = functionOutputs<V, O>('process', declared);
  const inputs = [left.id, right.id];
  const node = left.builder.operator({
    kind: 'operator',
    name: 'process',
    spec,
    inputs,
    ...outputs.node,
  });
  return left.builder.kinds.processed(node, outputs.outputs);
}
