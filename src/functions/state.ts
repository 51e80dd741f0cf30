/**
 * State that a user declares by name in a function: descriptors (`state.value(...)`) and the
 * handles it gets for them. Access is synchronous and always concerns the current key. What `get`
 * returns is immutable: change state by `set`, never by changing the object.
 */
import type { AggregateFunction } from './aggregate-function.ts';
import { checkedTtl } from './state-ttl.ts';
import type { StateTtl } from './state-ttl.ts';
import type { Schema } from '../types/schema.ts';
import type { TimelineStateDescriptor } from './timeline-state.ts';

export interface ValueState<V> {
  /** The value, else the declared `initial` one, else undefined. */
  get(): V;
  /** Setting undefined clears. @throws EngineError STATE_VALUE_INVALID */
  set(value: V): void;
  clear(): void;
}

export interface ListState<V> {
  add(value: V): void;
  addAll(values: Iterable<V>): void;
  /** Replaces the whole list. */
  update(values: Iterable<V>): void;
  /** The list as it is at this call, whatever is done to it during the iteration. */
  values(): Iterable<V>;
  readonly isEmpty: boolean;
  clear(): void;
}

/**
 * Keys are compared by value, and stay in the order in which they were first set, over restores
 * too. An iteration shows the map as it is at the call of `entries`, `keys` or `values`, whatever
 * is done to it meanwhile.
 */
export interface MapState<MK, V> {
  get(key: MK): V | undefined;
  has(key: MK): boolean;
  set(key: MK, value: V): void;
  delete(key: MK): void;
  entries(): Iterable<readonly [MK, V]>;
  keys(): Iterable<MK>;
  values(): Iterable<V>;
  readonly isEmpty: boolean;
  clear(): void;
}

export interface ReducingState<V> {
  /** Undefined until the first `add`. */
  get(): V | undefined;
  add(value: V): void;
  clear(): void;
}

export interface AggregatingState<in T, out R> {
  /** The result of what was added since `clear`; undefined until the first `add`. */
  get(): R | undefined;
  add(value: T): void;
  clear(): void;
}

/** State that is the same on every subtask; only the broadcast side of a function may write it. */
export interface BroadcastState<MK, V> extends ReadOnlyBroadcastState<MK, V> {
  set(key: MK, value: V): void;
  delete(key: MK): void;
  clear(): void;
}

export interface ReadOnlyBroadcastState<MK, V> {
  get(key: MK): V | undefined;
  has(key: MK): boolean;
  /** The map as it is at this call, in the order in which keys were first set. */
  entries(): Iterable<readonly [MK, V]>;
  readonly size: number;
}

/** How values of a former schema become values of the one that is declared now. */
export interface StateMigration<out V> {
  readonly from: Schema<unknown>;
  readonly migrate: (old: never) => V;
}

/** What descriptors have of older programs. */
interface Migrating {
  readonly migrations?: readonly StateMigration<unknown>[] | undefined;
}

declare const handle: unique symbol;

/** What all descriptors of keyed state have in common: the type of their handle. */
export interface Descriptor<out H> {
  readonly [handle]?: () => H;
}

export interface ValueStateDescriptor<out H> extends Descriptor<H>, Migrating {
  readonly kind: 'value';
  readonly value: Schema<unknown>;
  readonly initial: unknown;
  readonly ttl?: StateTtl | undefined;
}

export interface ListStateDescriptor<out H> extends Descriptor<H>, Migrating {
  readonly kind: 'list';
  readonly element: Schema<unknown>;
  readonly ttl?: StateTtl | undefined;
}

export interface MapStateDescriptor<out H> extends Descriptor<H>, Migrating {
  readonly kind: 'map';
  readonly key: Schema<unknown>;
  readonly value: Schema<unknown>;
  readonly ttl?: StateTtl | undefined;
}

export interface ReducingStateDescriptor<out H> extends Descriptor<H>, Migrating {
  readonly kind: 'reducing';
  readonly value: Schema<unknown>;
  readonly reduce: (accumulated: never, value: never) => unknown;
  readonly ttl?: StateTtl | undefined;
}

export interface AggregatingStateDescriptor<out H> extends Descriptor<H>, Migrating {
  readonly kind: 'aggregating';
  readonly aggregate: AggregateFunction<never, any, unknown>;
  readonly ttl?: StateTtl | undefined;
}

/** A named piece of keyed state; `H` is the handle the function gets. */
export type StateDescriptor<H = unknown> =
  | ValueStateDescriptor<H>
  | ListStateDescriptor<H>
  | MapStateDescriptor<H>
  | ReducingStateDescriptor<H>
  | AggregatingStateDescriptor<H>
  | TimelineStateDescriptor<H>;

/** A list of the operator that is dealt out anew when the parallelism changes; `state.split`. */
export interface SplitStateDescriptor<out H> extends Descriptor<H>, Migrating {
  readonly kind: 'split';
  readonly element: Schema<unknown>;
}

/** A list of the operator that every subtask gets as a whole when restored; `state.union`. */
export interface UnionStateDescriptor<out H> extends Descriptor<H>, Migrating {
  readonly kind: 'union';
  readonly element: Schema<unknown>;
}

export interface BroadcastStateDescriptor<out MK, out V> extends Migrating {
  readonly kind: 'broadcast';
  readonly name: string;
  readonly key: Schema<MK>;
  readonly value: Schema<V>;
}

export type StateSpec = Readonly<Record<string, StateDescriptor>>;
/** State of an operator's subtask that belongs to no key. */
export type OperatorStateSpec = Readonly<
  Record<string, SplitStateDescriptor<unknown> | UnionStateDescriptor<unknown>>
>;
/** The handles of a spec, by the same names. */
export type Handles<S extends StateSpec | OperatorStateSpec> = {
  readonly [N in keyof S]: S[N] extends Descriptor<infer H> ? H : never;
};

interface MigrationOption<V> {
  /**
   * For state that an older program has stored with a schema from which the declared one does not
   * follow by itself: values, elements or accumulators, one by one. Made by `state.migration`.
   */
  readonly migrations?: readonly StateMigration<NoInfer<V>>[] | undefined;
}

interface StateOptions<V> extends MigrationOption<V> {
  /** How long what is stored lives; for ever if undefined. */
  readonly ttl?: StateTtl | undefined;
}

interface StateDeclarations {
  /** One value; with `initial` there always is one. */
  value<V, I extends NoInfer<V> | undefined = undefined>(
    of: Schema<V>,
    options?: StateOptions<V> & { readonly initial?: I },
  ): ValueStateDescriptor<ValueState<V | (undefined extends I ? undefined : never)>>;
  /** With `ttl` by element. */
  list<V>(of: Schema<V>, options?: StateOptions<V>): ListStateDescriptor<ListState<V>>;
  /** With `ttl` by entry. */
  map<MK, V>(
    key: Schema<MK>,
    value: Schema<V>,
    options?: StateOptions<V>,
  ): MapStateDescriptor<MapState<MK, V>>;
  reducing<V>(
    of: Schema<V>,
    reduce: (accumulated: NoInfer<V>, value: NoInfer<V>) => NoInfer<V>,
    options?: StateOptions<V>,
  ): ReducingStateDescriptor<ReducingState<V>>;
  /**
   * Keeps the accumulator of an AggregateFunction, which brings its schema; `get` gives the result.
   * @example
   * state: { mean: state.aggregating(meanOf((order: Order) => order.amount)) },
   * onElement(order, context) {
   *   context.state.mean.add(order);
   *   context.emit({ user: context.key, mean: context.state.mean.get()! });
   * }
   */
  aggregating<T, A, R>(
    aggregate: AggregateFunction<T, A, R>,
    options?: StateOptions<A>,
  ): AggregatingStateDescriptor<AggregatingState<T, R>>;
  /**
   * For `operatorState`: a list of which every subtask holds a part. After a restore with another
   * parallelism the elements of all are dealt out evenly, in order.
   * @example
   * operatorState: { pending: state.split(Order) },
   * onElement(order, context) {
   *   context.operatorState.pending.add(order);
   * },
   * onEnd(context) {
   *   for (const order of context.operatorState.pending.values()) context.emit(order);
   * }
   */
  split<V>(element: Schema<V>, options?: MigrationOption<V>): SplitStateDescriptor<ListState<V>>;
  /**
   * For `operatorState`: a list of which every subtask writes a part, and gets the whole when it is
   * restored. `values` are the parts of all and what this subtask has added since, until it calls
   * `update` or `clear`: then they are its own. Unlike in Flink nothing multiplies if it does not:
   * snapshots hold the own part.
   * @example
   * operatorState: { seen: state.union(t.string) }
   */
  union<V>(element: Schema<V>, options?: MigrationOption<V>): UnionStateDescriptor<ListState<V>>;
  broadcast<MK, V>(
    name: string,
    key: Schema<MK>,
    value: Schema<V>,
    options?: MigrationOption<V>,
  ): BroadcastStateDescriptor<MK, V>;
  /**
   * The way from a former schema of a state to the one that is declared now, for what `t.field` and
   * wider numbers cannot say. It is asked once for each value at the restore of an older snapshot,
   * and must answer at once.
   * @example
   * state: {
   *   total: state.value(t.int64, {
   *     migrations: [state.migration(t.string, (text) => BigInt(text))],
   *   }),
   * }
   */
  migration<O, V>(from: Schema<O>, migrate: (old: O) => V): StateMigration<V>;
}

/**
 * Declares state.
 * @example
 * state: { failures: state.value(t.int32, { initial: 0 }), perIp: state.map(t.string, t.int32) }
 */
export const state: StateDeclarations = {
  value: (of, options) => ({
    kind: 'value',
    value: of,
    initial: options?.initial,
    migrations: options?.migrations,
    ttl: checkedTtl('state.value', options?.ttl),
  }),
  list: (of, options) => ({
    kind: 'list',
    element: of,
    migrations: options?.migrations,
    ttl: checkedTtl('state.list', options?.ttl),
  }),
  map: (key, value, options) => ({
    kind: 'map',
    key,
    value,
    migrations: options?.migrations,
    ttl: checkedTtl('state.map', options?.ttl),
  }),
  reducing: (of, reduce, options) => ({
    kind: 'reducing',
    value: of,
    reduce,
    migrations: options?.migrations,
    ttl: checkedTtl('state.reducing', options?.ttl),
  }),
  aggregating: (aggregate, options) => ({
    kind: 'aggregating',
    aggregate,
    migrations: options?.migrations ?? aggregate.migrations,
    ttl: checkedTtl('state.aggregating', options?.ttl),
  }),
  split: (element, options) => ({ kind: 'split', element, migrations: options?.migrations }),
  union: (element, options) => ({ kind: 'union', element, migrations: options?.migrations }),
  broadcast: (name, key, value, options) => ({
    kind: 'broadcast',
    name,
    key,
    value,
    migrations: options?.migrations,
  }),
  migration: (from, migrate) => ({ from, migrate }),
};
