// What joins within windows refuse at build, and what they make of a job.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ErrorCode } from '../base/errors.ts';
import { hours, milliseconds, minutes } from '../base/units.ts';
import { discard } from '../connectors/discard/discard.ts';
import { state } from '../functions/state.ts';
import { trigger } from '../functions/trigger.ts';
import { session, tumbling } from '../functions/window.ts';
import type { WindowJoinSpec } from '../graph/join-spec.ts';
import { t, type Infer } from '../types/index.ts';
import { compile, failure, operatorNamed, shape } from './compile.test-kit.ts';
import type { DataStream } from './data-stream.ts';
import type { StreamEnvironment } from './stream-environment.ts';
import type { WindowCoGroup, WindowJoin } from './window-join.ts';

const Order = t.struct({ id: t.string, at: t.timestamp });
const Payment = t.struct({ order: t.string, at: t.timestamp });
type Order = Infer<typeof Order>;
type Payment = Infer<typeof Payment>;

const untyped = (value: unknown): never => value as never;
const timed = <T extends { at: number }>(stream: DataStream<T>): DataStream<T> =>
  stream.assignTimestamps({ timestamp: (value) => value.at });
const ordersOf = (env: StreamEnvironment): DataStream<Order> =>
  timed(env.fromCollection([] as readonly Order[], Order));
const paymentsOf = (env: StreamEnvironment): DataStream<Payment> =>
  timed(env.fromCollection([] as readonly Payment[], Payment));

const joined = (
  env: StreamEnvironment,
  windows: Parameters<typeof tumbling>[0] = hours(1),
): WindowJoin<Order, Payment, string> =>
  ordersOf(env)
    .join(paymentsOf(env))
    .on(
      (order) => order.id,
      (payment) => payment.order,
    )
    .window(tumbling(windows));

const grouped = (env: StreamEnvironment): WindowCoGroup<Order, Payment, string> =>
  ordersOf(env)
    .coGroup(paymentsOf(env))
    .on(
      (order) => order.id,
      (payment) => payment.order,
    )
    .window(session(minutes(1)));

describe('join within windows', () => {
  it('is one operator behind both sides, which keeps their records by their schemas', () => {
    const job = compile((env) => {
      const paid = joined(env)
        .trigger(trigger.count(2))
        .allowedLateness(minutes(5))
        .right((order, payment) => [order?.id, payment.order]);
      paid.sinkTo(discard());
      paid.side.late
        .keyBy(({ side }) => side)
        .reduce((_, last) => last)
        .sinkTo(discard());
    });
    const operator = operatorNamed(job.graph, 'join');
    assert.equal(operator.stateful, true);
    const { spec, sideOutputs } = job.operators.get(operator.id)!;
    const { kind, sides, allowedLateness, result } = spec as WindowJoinSpec;
    assert.deepEqual([kind, allowedLateness, result.kind], ['windowJoin', 300_000, 'right']);
    assert.deepEqual(sides, { left: Order, right: Payment });
    const late = t.oneOf({ left: Order, right: Payment });
    assert.deepEqual(sideOutputs.get('late')?.description, late.description);
    const inputs = shape(job).filter((edge) => edge.includes('--hash--> join'));
    assert.equal(inputs.length, 2);
  });

  it('says which side has no schema', () => {
    const { message, fix } = failure('GRAPH_STATE_SCHEMA_MISSING', () =>
      compile((env) => {
        ordersOf(env)
          .map((order) => ({ ...order }))
          .name('bare')
          .coGroup(paymentsOf(env))
          .on(
            (order) => order.id,
            (payment) => payment.order,
          )
          .window(tumbling(hours(1)))
          .apply({ emits: t.string, onGroups: () => undefined })
          .sinkTo(discard());
      }),
    );
    assert.match(message, /"coGroup" keeps records of its left side in state/);
    assert.match(String(fix), /after "bare"/);
  });
});

type Build = (env: StreamEnvironment) => unknown;
const FUNCTION = { emits: t.string, onGroups: (): void => undefined };
const REFUSALS: readonly (readonly [string, ErrorCode, Build, RegExp])[] = [
  [
    'a negative lateness',
    'API_INVALID_ARGUMENT',
    (env) => joined(env).allowedLateness(minutes(-1)),
    /allowedLateness .*-60000 ms is below 0/,
  ],
  [
    'a lateness that is no whole number',
    'API_INVALID_ARGUMENT',
    (env) => joined(env).allowedLateness(milliseconds(0.5)),
    /allowedLateness .*0\.5 ms, and must be a whole number/,
  ],
  [
    'windows that are none',
    'API_INVALID_ARGUMENT',
    (env) => ordersOf(env).join(paymentsOf(env)).on(untyped(id), untyped(id)).window(untyped(5)),
    /window cannot take this: it takes windows such as tumbling/,
  ],
  [
    'a join that is no function',
    'API_INVALID_ARGUMENT',
    (env) => joined(env).full(untyped(1)),
    /join\.full .*takes a function, not number/,
  ],
  [
    'an async join',
    'USER_CODE_ASYNC',
    (env) => joined(env).inner(untyped(async () => 1)),
    /The inner function of "join" gives a promise/,
  ],
  [
    'a function without onGroups',
    'API_INVALID_ARGUMENT',
    (env) => grouped(env).apply(untyped({ emits: t.string })),
    /coGroup\.apply\.onGroups .*not nothing/,
  ],
  [
    'an output with the name of the late records',
    'API_INVALID_ARGUMENT',
    (env) => grouped(env).apply({ ...FUNCTION, outputs: { late: t.string } }),
    /the output "late" is that of late records/,
  ],
  [
    'state of windows that merge',
    'API_INVALID_ARGUMENT',
    (env) => grouped(env).apply({ ...FUNCTION, windowState: { n: state.value(t.int32) } }),
    /session windows merge, so they cannot have windowState/,
  ],
  [
    'event time over records that have none',
    'GRAPH_NO_TIMESTAMPS',
    (env) =>
      env
        .fromCollection([] as readonly Order[], Order)
        .join(paymentsOf(env))
        .on(
          (order) => order.id,
          (payment) => payment.order,
        )
        .window(tumbling(hours(1)))
        .inner((order) => order.id)
        .sinkTo(discard()),
    /"join"/,
  ],
];

function id(value: unknown): unknown {
  return value;
}

describe('joins within windows', () => {
  for (const [what, code, build, message] of REFUSALS) {
    it(`refuse ${what}`, () => {
      assert.match(failure(code, () => compile((env) => void build(env))).message, message);
    });
  }
});
