/**
 * The interval join: pairs of two keyed streams whose times are no further apart than the bounds
 * say.
 */
import type { Duration } from '../base/units.ts';
import type { IntervalJoinFunction } from '../functions/join-function.ts';
import type { OutputSpec } from '../functions/process-function.ts';
import { refuse, requireWhole } from '../functions/window-arguments.ts';
import type { IntervalJoinSpec } from '../graph/join-spec.ts';
import type { OutputSchema, SideOutputSchema } from '../graph/transformation.ts';
import type { Schema } from '../types/schema.ts';
import { dynamic } from '../types/t.ts';
import { requireFunctionObject, requireSynchronous, type Synchronous } from './callbacks.ts';
import { functionOutputs } from './function-outputs.ts';
import type { KeyedPair } from './keyed-pair.ts';
import type { ProcessedStream } from './processed-stream.ts';

/** Side outputs with the records of each side that came too late to be joined. */
export type LateSides<L, R> = {
  readonly lateLeft: Schema<L>;
  readonly lateRight: Schema<R>;
};

/** What an interval join joins; `between` says how far apart. */
export class IntervalJoin<L, R> {
  readonly #pair: KeyedPair;

  constructor(pair: KeyedPair) {
    this.#pair = pair;
  }

  /**
   * A left record meets the right ones of its key from its own time plus `lower` to its own time
   * plus `upper`, both included. Bounds may be negative: those are right records before the left
   * one.
   */
  between(lower: Duration, upper: Duration): BoundedIntervalJoin<L, R> {
    requireWhole(lower, 'between', 'lower bound');
    requireWhole(upper, 'between', 'upper bound');
    if (lower > upper) {
      refuse('between', `its lower bound of ${lower} ms is above its upper bound of ${upper} ms`);
    }
    return new BoundedIntervalJoin<L, R>(this.#pair, { lower, upper });
  }
}

interface Bounds {
  /** Both are included. */
  readonly lower: number;
  readonly upper: number;
}

/**
 * An inner join of two keyed streams by event time. Both sides keep their records until the
 * watermark says that nothing can meet them any more. Records below the watermark are late: they
 * are not joined, but go to `side.lateLeft` and `side.lateRight`.
 * @example
 * const landed = departures
 *   .keyBy((flight) => flight.tail)
 *   .intervalJoin(arrivals.keyBy((flight) => flight.tail))
 *   .between(minutes(0), hours(20))
 *   .inner((departure, arrival) => ({ tail: departure.tail, minutes: arrival.at - departure.at }));
 */
export class BoundedIntervalJoin<L, R> {
  readonly #pair: KeyedPair;
  readonly #bounds: Bounds;
  readonly #exclusive: { readonly lower: boolean; readonly upper: boolean };

  constructor(
    pair: KeyedPair,
    bounds: Bounds,
    exclusive: { readonly lower: boolean; readonly upper: boolean } = {
      lower: false,
      upper: false,
    },
  ) {
    this.#pair = pair;
    this.#bounds = bounds;
    this.#exclusive = exclusive;
  }

  /** Right records exactly at the lower bound do not belong to the interval. */
  lowerBoundExclusive(): BoundedIntervalJoin<L, R> {
    return this.#excluding({ ...this.#exclusive, lower: true });
  }

  /** Right records exactly at the upper bound do not belong to the interval. */
  upperBoundExclusive(): BoundedIntervalJoin<L, R> {
    return this.#excluding({ ...this.#exclusive, upper: true });
  }

  /** One result for each pair, with the later one of both times. */
  inner<S>(join: (left: L, right: R) => Synchronous<S>): ProcessedStream<S, LateSides<L, R>> {
    requireSynchronous(join, 'inner');
    return this.#operator({ kind: 'inner', join }, { output: { kind: 'inferred' } }, {});
  }

  /**
   * The general form: any number of results for each pair, and further side outputs.
   * @example
   * .process({
   *   emits: t.struct({ order: t.string, waited: t.duration }),
   *   onPair(order, payment, ctx) {
   *     const waited = (ctx.rightTimestamp - ctx.leftTimestamp) as Duration;
   *     ctx.emit({ order: order.id, waited });
   *   },
   * })
   */
  process<S, O extends OutputSpec = {}>(
    process: IntervalJoinFunction<L, R, S, O>,
  ): ProcessedStream<S, O & LateSides<L, R>> {
    requireFunctionObject(process, 'process', ['onPair']);
    const { outputs, node } = functionOutputs<S, O>('process', process);
    for (const name of ['lateLeft', 'lateRight']) {
      if (Object.hasOwn(outputs, name)) {
        refuse('process', `the output "${name}" is that of late records: choose another name`);
      }
    }
    return this.#operator({ kind: 'process', function: process }, node, outputs);
  }

  #excluding(exclusive: {
    readonly lower: boolean;
    readonly upper: boolean;
  }): BoundedIntervalJoin<L, R> {
    return new BoundedIntervalJoin<L, R>(this.#pair, this.#bounds, exclusive);
  }

  #operator<S, O extends OutputSpec>(
    pairs: IntervalJoinSpec['pairs'],
    node: {
      readonly output: OutputSchema;
      readonly sideOutputs?: ReadonlyMap<string, Schema<unknown>>;
    },
    outputs: O,
  ): ProcessedStream<S, O & LateSides<L, R>> {
    const { left, right, keys } = this.#pair;
    const [leftKey, rightKey] = keys;
    const { lower, upper } = this.#interval();
    const operator = left.builder.operator({
      kind: 'operator',
      name: 'intervalJoin',
      spec: { kind: 'intervalJoin', leftKey, rightKey, lower, upper, pairs },
      inputs: [left.id, right.id],
      output: node.output,
      sideOutputs: new Map<string, SideOutputSchema>([
        ...(node.sideOutputs ?? []),
        ['lateLeft', { recordsOf: 'left' }],
        ['lateRight', { recordsOf: 'right' }],
      ]),
    });
    const all = { ...outputs, lateLeft: dynamic, lateRight: dynamic };
    return left.builder.kinds.processed(operator, all);
  }

  #interval(): Bounds {
    const lower = this.#bounds.lower + (this.#exclusive.lower ? 1 : 0);
    const upper = this.#bounds.upper - (this.#exclusive.upper ? 1 : 0);
    if (lower > upper) {
      const bounds = `${this.#bounds.lower} to ${this.#bounds.upper} ms`;
      refuse('between', `without its bounds, the interval from ${bounds} is empty`);
    }
    return { lower, upper };
  }
}
