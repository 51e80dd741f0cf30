/**
 * Makes functions that change an accumulator in place fail where they do it: what they return is
 * frozen, as values at edges are. Accumulators are shared: with the state, with open snapshots, and
 * with the windows and results that have got them.
 */
import type { AggregateFunction } from '../functions/aggregate-function.ts';
import type { OperatorSpec, WindowContents } from '../graph/operator-spec.ts';
import { SharedValues, type VerifyMode } from '../network/exchange-verifier.ts';

type Aggregate = AggregateFunction<any, any, any>;
type Reduce = (accumulated: any, value: any) => unknown;

/** The same operator; with `off`, the spec itself. */
export function freezingAccumulators(spec: OperatorSpec, mode: VerifyMode | 'off'): OperatorSpec {
  if (mode === 'off') return spec;
  switch (spec.kind) {
    case 'reduce':
      return { ...spec, reduce: freezingReduce(spec.reduce, new SharedValues(mode)) };
    case 'aggregate':
      return { ...spec, aggregate: freezingAggregate(spec.aggregate, new SharedValues(mode)) };
    case 'window':
      return { ...spec, contents: freezingContents(spec.contents, new SharedValues(mode)) };
    default:
      return spec;
  }
}

function freezingContents(contents: WindowContents, values: SharedValues): WindowContents {
  switch (contents.kind) {
    case 'reduce':
      return { ...contents, reduce: freezingReduce(contents.reduce, values) };
    case 'aggregate':
      return { ...contents, aggregate: freezingAggregate(contents.aggregate, values) };
    default:
      return contents;
  }
}

/** Also the first record, which no function has returned. */
function freezingReduce(reduce: Reduce, values: SharedValues): Reduce {
  return (accumulated, value) => {
    values.take(accumulated);
    const after = reduce(accumulated, value);
    values.take(after);
    return after;
  };
}

function freezingAggregate(aggregate: Aggregate, values: SharedValues): Aggregate {
  const frozen = (accumulator: unknown): unknown => {
    values.take(accumulator);
    return accumulator;
  };
  return {
    accumulator: aggregate.accumulator,
    migrations: aggregate.migrations,
    emits: aggregate.emits,
    create: () => aggregate.create(),
    add: (accumulator, value) => frozen(aggregate.add(accumulator, value)),
    merge: (left, right) => frozen(aggregate.merge(left, right)),
    result: (accumulator) => aggregate.result(accumulator),
  };
}
