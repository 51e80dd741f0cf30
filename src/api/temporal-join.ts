/** The temporal join: records of a stream with the version of their key in another one. */
import type { OneSidedJoin } from '../graph/join-spec.ts';
import { requireOneOf } from '../functions/window-arguments.ts';
import type { OutputSpec } from '../functions/process-function.ts';
import type { SideOutputSchema } from '../graph/transformation.ts';
import type { Key, Schema } from '../types/schema.ts';
import { dynamic } from '../types/t.ts';
import { requireSynchronous, type Synchronous } from './callbacks.ts';
import type { LateSides } from './interval-join.ts';
import { keyedPair, pairKeys, type KeyedPair } from './keyed-pair.ts';
import type { ProcessedStream } from './processed-stream.ts';
import type { Pair } from './stream-kinds.ts';

export interface TemporalJoinOptions<in R> {
  /**
   * By event time (the default), a record is joined with the version that is valid at its time, as
   * soon as the watermark has come to it. By processing time, with the latest one, at once.
   */
  readonly time?: 'event' | 'processing' | undefined;
  /** Records that end the version of their key, without being one themselves. */
  readonly isDeletion?: ((record: R) => boolean) | undefined;
}

interface Settings {
  readonly time: 'event' | 'processing';
  readonly isDeletion: ((record: any) => boolean) | undefined;
}

/** @throws EngineError API_INVALID_ARGUMENT */
export function temporalJoinSettings({ time, isDeletion }: TemporalJoinOptions<any>): Settings {
  if (time !== undefined) requireOneOf(time, 'temporalJoin', 'time', ['event', 'processing']);
  if (isDeletion !== undefined) requireSynchronous(isDeletion, 'temporalJoin.isDeletion');
  return { time: time ?? 'event', isDeletion };
}

/** What a temporal join joins; `on` says by which keys. `O` are its side outputs. */
export class TemporalJoin<L, R, O extends OutputSpec> {
  readonly #pair: Pair;
  readonly #settings: Settings;

  constructor(pair: Pair, settings: Settings) {
    this.#pair = pair;
    this.#settings = settings;
  }

  /** The keys of both sides, which must be of one type. */
  on<const K extends Key>(
    left: (value: L) => K,
    right: (value: R) => NoInfer<K>,
    schema?: Schema<K>,
  ): KeyedTemporalJoin<L, R, O> {
    const pair = keyedPair(this.#pair, pairKeys('on', { left, right, schema }));
    return new KeyedTemporalJoin<L, R, O>(pair, this.#settings);
  }
}

/**
 * Results have the time of their left record. As in Flink, late records are taken in: a late
 * version (`side.lateRight` tells of it) counts for what is joined from then on, and a late left
 * record is joined with the version at its time. Only where that one has been cleared away already
 * is a late left record not joined, but goes to `side.lateLeft`. The last version of every key is
 * kept, a deletion too, so that a late version cannot bring back what was deleted.
 * @example
 * const priced = orders
 *   .temporalJoin(rates, { isDeletion: (rate) => rate.value === 0 })
 *   .on((order) => order.currency, (rate) => rate.currency)
 *   .inner((order, rate) => ({ id: order.id, euros: order.amount * rate.value }));
 */
export class KeyedTemporalJoin<L, R, O extends OutputSpec> {
  readonly #pair: KeyedPair;
  readonly #settings: Settings;

  constructor(pair: KeyedPair, settings: Settings) {
    this.#pair = pair;
    this.#settings = settings;
  }

  /** Left records without a version have no result. */
  inner<S>(join: (left: L, right: R) => Synchronous<S>): ProcessedStream<S, O> {
    return this.#operator('inner', join);
  }

  /** Left records without a version have one with undefined. */
  left<S>(join: (left: L, right: R | undefined) => Synchronous<S>): ProcessedStream<S, O> {
    return this.#operator('left', join);
  }

  #operator<S>(
    type: OneSidedJoin,
    join: (left: any, right: any) => unknown,
  ): ProcessedStream<S, O> {
    requireSynchronous(join, type);
    const { left, right, keys } = this.#pair;
    const [leftKey, rightKey] = keys;
    const { time, isDeletion } = this.#settings;
    const late = new Map<string, SideOutputSchema>([
      ['lateLeft', { recordsOf: 'left' }],
      ['lateRight', { recordsOf: 'right' }],
    ]);
    const operator = left.builder.operator({
      kind: 'operator',
      name: 'temporalJoin',
      spec: { kind: 'temporalJoin', leftKey, rightKey, time, type, join, isDeletion },
      inputs: [left.id, right.id],
      output: { kind: 'inferred' },
      sideOutputs: time === 'event' ? late : new Map(),
    });
    const outputs: LateSides<any, any> = { lateLeft: dynamic, lateRight: dynamic };
    const sides: OutputSpec = time === 'event' ? outputs : {};
    return left.builder.kinds.processed(operator, sides as O);
  }
}
