/**
 * Joins of two streams within windows: pairs of records with equal keys in the same window, or all
 * of them at once.
 */
import type {
  CoGroupFunction,
  JoinElement,
  WindowJoinFunction,
} from '../functions/join-function.ts';
import type { OutputSpec } from '../functions/process-function.ts';
import type { StateSpec } from '../functions/state.ts';
import { refuse } from '../functions/window-arguments.ts';
import type { WindowAssigner } from '../functions/window.ts';
import type { JoinType, WindowJoinResult } from '../graph/join-spec.ts';
import { LATE_OUTPUT } from '../graph/operator-spec.ts';
import type { OutputSchema, SideOutputSchema } from '../graph/transformation.ts';
import type { Key, Schema } from '../types/schema.ts';
import { dynamic } from '../types/t.ts';
import { requireFunctionObject, requireSynchronous, type Synchronous } from './callbacks.ts';
import { functionOutputs } from './function-outputs.ts';
import { keyedPair, pairKeys, type KeyedPair } from './keyed-pair.ts';
import type { ProcessedStream } from './processed-stream.ts';
import type { Pair } from './stream-kinds.ts';
import { WindowModifiers } from './window-modifiers.ts';
import type { LateOutput } from './window-settings.ts';

/** What a join joins; `on` says by which keys. */
export class StreamJoin<L, R> {
  readonly #pair: Pair;

  constructor(pair: Pair) {
    this.#pair = pair;
  }

  /** The keys of both sides, which must be of one type. */
  on<const K extends Key>(
    left: (value: L) => K,
    right: (value: R) => NoInfer<K>,
    schema?: Schema<K>,
  ): KeyedJoin<L, R, K> {
    return new KeyedJoin<L, R, K>(keyedPair(this.#pair, pairKeys('on', { left, right, schema })));
  }
}

/** A join that lacks its windows. */
export class KeyedJoin<L, R, out K extends Key> {
  declare readonly keyedBy: K;
  readonly #pair: KeyedPair;

  constructor(pair: KeyedPair) {
    this.#pair = pair;
  }

  window(assigner: WindowAssigner<JoinElement<L, R>>): WindowJoin<L, R, K> {
    return new WindowJoin<L, R, K>(this.#pair, assigner);
  }
}

/** What a coGroup brings together; `on` says by which keys. */
export class CoGroup<L, R> {
  readonly #pair: Pair;

  constructor(pair: Pair) {
    this.#pair = pair;
  }

  /** The keys of both sides, which must be of one type. */
  on<const K extends Key>(
    left: (value: L) => K,
    right: (value: R) => NoInfer<K>,
    schema?: Schema<K>,
  ): KeyedCoGroup<L, R, K> {
    const pair = keyedPair(this.#pair, pairKeys('on', { left, right, schema }));
    return new KeyedCoGroup<L, R, K>(pair);
  }
}

/** A coGroup that lacks its windows. */
export class KeyedCoGroup<L, R, out K extends Key> {
  declare readonly keyedBy: K;
  readonly #pair: KeyedPair;

  constructor(pair: KeyedPair) {
    this.#pair = pair;
  }

  window(assigner: WindowAssigner<JoinElement<L, R>>): WindowCoGroup<L, R, K> {
    return new WindowCoGroup<L, R, K>(this.#pair, assigner);
  }
}

type LateElements<L, R> = LateOutput<JoinElement<L, R>>;

abstract class JoinedWindows<L, R> extends WindowModifiers<JoinElement<L, R>> {
  readonly #pair: KeyedPair;

  constructor(pair: KeyedPair, assigner: WindowAssigner<JoinElement<L, R>>) {
    super(assigner);
    this.#pair = pair;
  }

  protected operator<S, O extends OutputSpec>(
    name: string,
    result: WindowJoinResult,
    output: OutputSchema,
    outputs: O,
  ): ProcessedStream<S, O & LateElements<L, R>> {
    const { left, right, keys } = this.#pair;
    const [leftKey, rightKey] = keys;
    if (Object.hasOwn(outputs, LATE_OUTPUT)) {
      refuse(name, `the output "${LATE_OUTPUT}" is that of late records: choose another name`);
    }
    const operator = left.builder.operator({
      kind: 'operator',
      name,
      spec: { kind: 'windowJoin', leftKey, rightKey, ...this.modifiers, result },
      inputs: [left.id, right.id],
      output,
      sideOutputs: new Map<string, SideOutputSchema>([
        ...Object.entries(outputs),
        [LATE_OUTPUT, { recordsOf: 'either' }],
      ]),
    });
    return left.builder.kinds.processed(operator, { ...outputs, [LATE_OUTPUT]: dynamic });
  }

  /** A function object of the user's, checked. */
  protected processed<S, O extends OutputSpec>(
    name: string,
    result: Extract<WindowJoinResult, { readonly function: unknown }>,
  ): ProcessedStream<S, O & LateElements<L, R>> {
    const declared = result.function as { readonly emits: Schema<S>; readonly outputs?: O };
    const { outputs, node } = functionOutputs<S, O>(name, declared);
    return this.operator(name, result, node.output, outputs);
  }
}

/**
 * Each pair of records with equal keys in the same window has a result, with the event time just
 * before the window's end. A window that fires again, for a late record, gives all its pairs again.
 * Both sides are kept until the window is gone. The side output `late` has the records that came
 * after that; those that nobody reads are counted in the metric `numLateRecordsDropped`.
 * @example
 * const paid = orders
 *   .join(payments)
 *   .on((order) => order.id, (payment) => payment.orderId)
 *   .window(tumbling(hours(1)))
 *   .allowedLateness(minutes(10))
 *   .inner((order, payment) => ({ id: order.id, delay: payment.at - order.at }));
 * paid.side.late.map((late) => `${late.side} came too late`).print();
 */
export class WindowJoin<L, R, out K extends Key> extends JoinedWindows<L, R> {
  declare readonly keyedBy: K;

  /** One result for each pair. */
  inner<S>(join: (left: L, right: R) => Synchronous<S>): ProcessedStream<S, LateElements<L, R>> {
    return this.#pairs('inner', join);
  }

  /** Left records without a right one have a result with undefined in its place. */
  left<S>(
    join: (left: L, right: R | undefined) => Synchronous<S>,
  ): ProcessedStream<S, LateElements<L, R>> {
    return this.#pairs('left', join);
  }

  /** Right records without a left one have a result with undefined in its place. */
  right<S>(
    join: (left: L | undefined, right: R) => Synchronous<S>,
  ): ProcessedStream<S, LateElements<L, R>> {
    return this.#pairs('right', join);
  }

  /** Records of either side without one of the other have a result with undefined in its place. */
  full<S>(
    join: (left: L | undefined, right: R | undefined) => Synchronous<S>,
  ): ProcessedStream<S, LateElements<L, R>> {
    return this.#pairs('full', join);
  }

  /**
   * The general form: any number of results for each pair, and further side outputs.
   * @example
   * .process({
   *   emits: t.string,
   *   onPair: (order, payment, ctx) => ctx.emit(`${ctx.key} until ${ctx.window.end}`),
   * })
   */
  process<S, O extends OutputSpec = {}>(
    process: WindowJoinFunction<L, R, K, S, O>,
  ): ProcessedStream<S, O & LateElements<L, R>> {
    requireFunctionObject(process, 'join.process', ['onPair']);
    return this.processed<S, O>('join', { kind: 'process', function: process });
  }

  #pairs<S>(
    kind: JoinType,
    join: (left: any, right: any) => unknown,
  ): ProcessedStream<S, LateElements<L, R>> {
    requireSynchronous(join, `join.${kind}`);
    return this.operator<S, {}>('join', { kind, join }, { kind: 'inferred' }, {});
  }
}

/**
 * All records of both sides with equal keys in the same window, given to a function at once: the
 * general form of joins within windows.
 * @example
 * orders
 *   .coGroup(payments)
 *   .on((order) => order.id, (payment) => payment.orderId)
 *   .window(tumbling(hours(1)))
 *   .apply({
 *     emits: t.string,
 *     onGroups(orders, payments, ctx) {
 *       if (payments.length === 0) ctx.emit(`${ctx.key}: ${orders.length} not paid`);
 *     },
 *   });
 */
export class WindowCoGroup<L, R, out K extends Key> extends JoinedWindows<L, R> {
  declare readonly keyedBy: K;

  /** The function is called each time that a window fires which has a record of either side. */
  apply<S, WS extends StateSpec = {}, GS extends StateSpec = {}, O extends OutputSpec = {}>(
    fn: CoGroupFunction<L, R, K, S, WS, GS, O>,
  ): ProcessedStream<S, O & LateElements<L, R>> {
    requireFunctionObject(fn, 'coGroup.apply', ['onGroups'], ['onClear']);
    this.requireWindowState('coGroup.apply', fn);
    return this.processed<S, O>('coGroup', { kind: 'coGroup', function: fn });
  }
}
