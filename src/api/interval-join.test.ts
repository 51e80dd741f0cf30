// What the interval join refuses at build, and what it makes of a job.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { hours, milliseconds, minutes, type Duration } from '../base/units.ts';
import { collection } from '../connectors/collection/collection.ts';
import { discard } from '../connectors/discard/discard.ts';
import { ingestionTime } from '../functions/watermark-strategy.ts';
import type { IntervalJoinSpec } from '../graph/join-spec.ts';
import { t, type Infer } from '../types/index.ts';
import { compile, failure, operatorNamed } from './compile.test-kit.ts';
import type { DataStream } from './data-stream.ts';
import type { BoundedIntervalJoin } from './interval-join.ts';
import type { StreamEnvironment } from './stream-environment.ts';

const Order = t.struct({ id: t.string, amount: t.float64 });
const Payment = t.struct({ order: t.string, paid: t.boolean });
type Order = Infer<typeof Order>;
type Payment = Infer<typeof Payment>;

const ordersOf = (env: StreamEnvironment): DataStream<Order> =>
  env.from(collection([] as readonly Order[], Order), ingestionTime());
const paymentsOf = (env: StreamEnvironment): DataStream<Payment> =>
  env.from(collection([] as readonly Payment[], Payment), ingestionTime());

function joined(
  env: StreamEnvironment,
  lower: Duration,
  upper: Duration,
): BoundedIntervalJoin<Order, Payment> {
  return ordersOf(env)
    .keyBy((order) => order.id)
    .intervalJoin(paymentsOf(env).keyBy((payment) => payment.order))
    .between(lower, upper);
}

function specOf(
  build: (join: BoundedIntervalJoin<Order, Payment>) => BoundedIntervalJoin<Order, Payment>,
): IntervalJoinSpec {
  const job = compile((env) => {
    build(joined(env, minutes(-1), minutes(1)))
      .inner((order) => order.id)
      .sinkTo(discard());
  });
  return job.operators.get(operatorNamed(job.graph, 'intervalJoin').id)!.spec as IntervalJoinSpec;
}

describe('interval join', () => {
  it('leaves out the bounds it is told to, in any order, and changes no other join', () => {
    const bounds = ({ lower, upper }: IntervalJoinSpec): unknown => [lower, upper];
    assert.deepEqual(bounds(specOf((join) => join)), [-60_000, 60_000]);
    assert.deepEqual(bounds(specOf((join) => join.lowerBoundExclusive())), [-59_999, 60_000]);
    assert.deepEqual(bounds(specOf((join) => join.upperBoundExclusive())), [-60_000, 59_999]);
    const both = specOf((join) => join.upperBoundExclusive().lowerBoundExclusive());
    assert.deepEqual(bounds(both), [-59_999, 59_999]);
    const unchanged = specOf((join) => {
      join.lowerBoundExclusive();
      return join;
    });
    assert.deepEqual(bounds(unchanged), [-60_000, 60_000]);
  });

  it('keeps records by the schemas of its sides, and late ones have them', () => {
    const job = compile((env) => {
      const join = joined(env, minutes(0), hours(1)).inner((order) => order.id);
      join.sinkTo(discard());
      join.side.lateRight
        .keyBy((payment) => payment.order)
        .reduce((_, last) => last)
        .sinkTo(discard());
    });
    const operator = operatorNamed(job.graph, 'intervalJoin');
    assert.equal(operator.stateful, true);
    const { spec, sideOutputs } = job.operators.get(operator.id)!;
    assert.deepEqual((spec as IntervalJoinSpec).sides, { left: Order, right: Payment });
    assert.deepEqual(
      [...sideOutputs],
      [
        ['lateLeft', Order],
        ['lateRight', Payment],
      ],
    );
    const late = job.graph.edges.find(({ tag }) => tag === 'lateRight');
    assert.deepEqual(late?.schema, Payment.description);
  });

  const refusals: readonly (readonly [string, (env: StreamEnvironment) => unknown, RegExp])[] = [
    [
      'bounds the wrong way round',
      (env) => joined(env, minutes(2), minutes(1)),
      /between .*its lower bound of 120000 ms is above its upper bound of 60000 ms/,
    ],
    [
      'an interval that is empty without its bounds',
      (env) =>
        joined(env, minutes(1), minutes(1))
          .lowerBoundExclusive()
          .inner((order) => order.id),
      /without its bounds, the interval from 60000 to 60000 ms is empty/,
    ],
    [
      'an interval between two bounds that are next to each other',
      (env) =>
        joined(env, milliseconds(4), milliseconds(5))
          .lowerBoundExclusive()
          .upperBoundExclusive()
          .inner((order) => order.id),
      /from 4 to 5 ms is empty/,
    ],
    [
      'a bound that is no whole number',
      (env) => joined(env, milliseconds(0.5), minutes(1)),
      /its lower bound is 0\.5 ms, and must be a whole number of milliseconds/,
    ],
    [
      'a bound that is missing',
      (env) => joined(env, minutes(0), undefined as never),
      /its upper bound is nothing, and must be a whole number/,
    ],
    [
      'an output with the name of the late records',
      (env) =>
        joined(env, minutes(0), minutes(1)).process({
          emits: t.string,
          outputs: { lateLeft: t.string },
          onPair: () => undefined,
        }),
      /the output "lateLeft" is that of late records/,
    ],
  ];
  for (const [what, build, message] of refusals) {
    it(`refuses ${what}`, () => {
      const { message: text } = failure('API_INVALID_ARGUMENT', () =>
        compile((env) => void build(env)),
      );
      assert.match(text, message);
    });
  }

  it('says which side has no schema', () => {
    const { message, fix } = failure('GRAPH_STATE_SCHEMA_MISSING', () =>
      compile((env) => {
        const bare = paymentsOf(env)
          .map(({ order }) => ({ order }))
          .name('bare');
        ordersOf(env)
          .keyBy((order) => order.id)
          .intervalJoin(bare.keyBy(({ order }) => order))
          .between(minutes(0), minutes(1))
          .inner((order) => order.id)
          .sinkTo(discard());
      }),
    );
    assert.match(message, /"intervalJoin" keeps records of its right side in state/);
    assert.match(String(fix), /Declare the stream after "bare"/);
  });

  it('refuses keys of two families', () => {
    const { message } = failure('GRAPH_KEY_FAMILIES', () =>
      compile((env) => {
        ordersOf(env)
          .keyBy((order) => order.id, t.string)
          .intervalJoin(paymentsOf(env).keyBy((payment) => payment.order, t.float64 as never))
          .between(minutes(0), minutes(1))
          .inner((order) => order.id)
          .sinkTo(discard());
      }),
    );
    assert.match(message, /string and number/);
  });
});
