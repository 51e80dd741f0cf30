/**
 * What a window keeps of its records when it does not keep the records: an accumulator, by a
 * reduction or an aggregate of the user, whose failures are named as the user's.
 */
import { assert } from '../../base/assert.ts';
import type { AggregateFunction } from '../../functions/aggregate-function.ts';
import type { StateMigration } from '../../functions/state.ts';
import type { WindowSpec } from '../../graph/operator-spec.ts';
import type { Schema } from '../../types/schema.ts';
import { accumulatorOf, refusePromise, userCodeFailure } from '../user-code.ts';
import { reductionOf, roleOf } from './window-contents.ts';

export interface Incremental {
  readonly accumulator: Schema<unknown>;
  /** Of accumulators; see `state.migration`. */
  readonly migrations: readonly StateMigration<unknown>[];
  /** `before` is undefined for the first value. */
  add(before: unknown, value: unknown): unknown;
  /** `left` is of earlier records. */
  merge(left: unknown, right: unknown): unknown;
  result(accumulator: unknown): unknown;
}

type Reduce = (accumulated: unknown, value: unknown) => unknown;

/** Of windows that do not keep their records. `operator` is its name. */
export function incrementalOf(
  { contents, value }: Pick<WindowSpec, 'contents' | 'value'>,
  operator: string,
): Incremental {
  assert(contents.kind !== 'list', 'windows that keep their records are not incremental');
  return contents.kind === 'aggregate'
    ? aggregating(contents.aggregate, operator)
    : reducing(reductionOf(contents, value!), value!, roleOf(contents), operator);
}

/** @param role how the function is called in messages, e.g. `reduce` or `sum` */
function reducing(
  reduce: Reduce,
  value: Schema<unknown>,
  role: string,
  operator: string,
): Incremental {
  const fold: Reduce = (left, right) => {
    try {
      return accumulatorOf(reduce(left, right), role, operator);
    } catch (thrown) {
      throw userCodeFailure(role, operator, thrown);
    }
  };
  return {
    accumulator: value,
    migrations: [],
    add: (before, record) => (before === undefined ? record : fold(before, record)),
    merge: fold,
    result: (accumulator) => accumulator,
  };
}

function aggregating(
  aggregate: AggregateFunction<unknown, unknown, unknown>,
  operator: string,
): Incremental {
  const role = 'aggregate';
  return {
    accumulator: aggregate.accumulator,
    migrations: aggregate.migrations ?? [],
    add(before, value) {
      try {
        const from = before === undefined ? aggregate.create() : before;
        return accumulatorOf(aggregate.add(from, value), role, operator);
      } catch (thrown) {
        throw userCodeFailure(role, operator, thrown);
      }
    },
    merge(left, right) {
      try {
        return accumulatorOf(aggregate.merge(left, right), role, operator);
      } catch (thrown) {
        throw userCodeFailure(role, operator, thrown);
      }
    },
    result(accumulator) {
      try {
        const result = aggregate.result(accumulator);
        if (typeof result === 'object') refusePromise(result, role, operator);
        return result;
      } catch (thrown) {
        throw userCodeFailure(role, operator, thrown);
      }
    },
  };
}
