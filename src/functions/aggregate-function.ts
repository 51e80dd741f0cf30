/**
 * Incremental aggregation: an accumulator per key, whose schema is declared because it is state.
 */
import type { Schema } from '../types/schema.ts';
import type { StateMigration } from './state.ts';

/**
 * Accumulators are values: `add` and `merge` return a new one and never change those that they are
 * given, which state, snapshots and results share. So `[...list, value]`, not `list.push(value)`
 * as in Flink. Where exchanges are verified, as in tests, what they return is frozen, and changing
 * it fails with USER_CODE_MUTATION; typed arrays and instances of classes cannot be watched so.
 * @example
 * const visits: AggregateFunction<Visit, readonly string[], number> = {
 *   accumulator: t.array(t.string),
 *   create: () => [],
 *   add: (pages, visit) => [...pages, visit.page],
 *   merge: (left, right) => [...left, ...right],
 *   result: (pages) => pages.length,
 * };
 */
export interface AggregateFunction<in T, A, out R> {
  readonly accumulator: Schema<A>;
  /** For accumulators that an older version of it has stored; see `state.migration`. */
  readonly migrations?: readonly StateMigration<A>[] | undefined;
  /** Of the results, where it is known: records with them need no `.returns(...)` then. */
  readonly emits?: Schema<R> | undefined;
  create(): A;
  add(accumulator: A, value: T): A;
  merge(left: A, right: A): A;
  result(accumulator: A): R;
}
