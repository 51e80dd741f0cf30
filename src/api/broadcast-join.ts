/** The broadcast join: records of a stream with those of a smaller one that every subtask has. */
import { refuse } from '../functions/window-arguments.ts';
import type { OneSidedJoin } from '../graph/join-spec.ts';
import { keyFamilyOfSchema } from '../types/key-schema.ts';
import type { Key, Schema } from '../types/schema.ts';
import { requireSynchronous, type Synchronous } from './callbacks.ts';
import type { DataStream } from './data-stream.ts';
import { pairKeys, type PairKeys } from './keyed-pair.ts';
import type { Pair } from './stream-kinds.ts';

export interface BroadcastJoinOptions<in R> {
  /** Right records that remove the one of their key. */
  readonly isDeletion?: ((record: R) => boolean) | undefined;
  /**
   * Holds the left side until the right one has ended, so that no left record comes too early. For
   * right sides that end; the left records wait in state meanwhile.
   */
  readonly holdUntilEnd?: boolean | undefined;
}

interface Settings {
  readonly isDeletion: ((record: any) => boolean) | undefined;
  readonly holdUntilEnd: boolean;
}

/** @throws EngineError API_INVALID_ARGUMENT */
export function broadcastJoinSettings({
  isDeletion,
  holdUntilEnd = false,
}: BroadcastJoinOptions<any>): Settings {
  if (isDeletion !== undefined) requireSynchronous(isDeletion, 'broadcastJoin.isDeletion');
  if (typeof holdUntilEnd !== 'boolean') {
    refuse('broadcastJoin', `its holdUntilEnd is ${String(holdUntilEnd)}, not true or false`);
  }
  return { isDeletion, holdUntilEnd };
}

/** What a broadcast join joins; `on` says by which keys. */
export class BroadcastJoin<L, R> {
  readonly #pair: Pair;
  readonly #settings: Settings;

  constructor(pair: Pair, settings: Settings) {
    this.#pair = pair;
    this.#settings = settings;
  }

  /**
   * The keys of both sides, which must be of one type. Of right records with the same key, the last
   * one counts.
   */
  on<const K extends Key>(
    left: (value: L) => K,
    right: (value: R) => NoInfer<K>,
    schema?: Schema<K>,
  ): KeyedBroadcastJoin<L, R> {
    const keys: PairKeys = { left, right, schema };
    pairKeys('on', keys);
    if (schema !== undefined && keyFamilyOfSchema(schema.description) === undefined) {
      refuse('on', `its schema is of ${schema.kind}, which cannot be a key`);
    }
    return new KeyedBroadcastJoin<L, R>(this.#pair, keys, this.#settings);
  }
}

/**
 * Results have the time of their left record. The watermark is that of both sides: where only the
 * left one has event time, give the right one `assignTimestamps` with `idleAfter`, or let it end.
 * @example
 * const named = flights
 *   .broadcastJoin(airports, { holdUntilEnd: true })
 *   .on((flight) => flight.origin, (airport) => airport.code)
 *   .left((flight, airport) => ({ ...flight, from: airport?.name ?? flight.origin }));
 */
export class KeyedBroadcastJoin<L, R> {
  readonly #pair: Pair;
  readonly #keys: PairKeys;
  readonly #settings: Settings;

  constructor(pair: Pair, keys: PairKeys, settings: Settings) {
    this.#pair = pair;
    this.#keys = keys;
    this.#settings = settings;
  }

  /** Left records without a right one have no result. */
  inner<S>(join: (left: L, right: R) => Synchronous<S>): DataStream<S> {
    return this.#operator('inner', join);
  }

  /** Left records without a right one have one with undefined. */
  left<S>(join: (left: L, right: R | undefined) => Synchronous<S>): DataStream<S> {
    return this.#operator('left', join);
  }

  #operator<S>(type: OneSidedJoin, join: (left: any, right: any) => unknown): DataStream<S> {
    requireSynchronous(join, type);
    const { left, right } = this.#pair;
    const { builder } = left;
    const everywhere = builder.way({
      kind: 'partition',
      name: 'broadcast',
      input: right.id,
      partitioner: { kind: 'broadcast' },
    });
    return builder.kinds.stream(
      builder.operator({
        kind: 'operator',
        name: 'broadcastJoin',
        spec: { kind: 'broadcastJoin', on: this.#keys, type, join, ...this.#settings },
        inputs: [left.id, everywhere.id],
        output: { kind: 'inferred' },
        sideOutputs: new Map(),
      }),
    );
  }
}
