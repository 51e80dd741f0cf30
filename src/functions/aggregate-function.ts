/**
 * Incremental aggregation: an accumulator per key, whose schema is declared because it is state.
 */
import type { Schema } from '../types/schema.ts';

/** `add` and `merge` return the new accumulator and never change the one they are given. */
export interface AggregateFunction<in T, A, out R> {
  readonly accumulator: Schema<A>;
  /** Of the results, where it is known: records with them need no `.returns(...)` then. */
  readonly emits?: Schema<R> | undefined;
  create(): A;
  add(accumulator: A, value: T): A;
  merge(left: A, right: A): A;
  result(accumulator: A): R;
}
