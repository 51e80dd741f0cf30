// The types of the test kit, both ways: what flows from in to out, and what must not compile.
// Checked by tsc; nothing here runs.
import { defineJob, seconds, state, t } from 'millrace';
import type { StreamEnvironment, Timestamp } from 'millrace';
import { builtOnce, harnessOf, JobHarness } from 'millrace/testing';
import type { JobSnapshot, OutputRecord, TestSource } from 'millrace/testing';

type Equal<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
declare function expectType<T>(): <S>(
  value: S,
  ...same: Equal<S, T> extends true ? [] : [never]
) => void;

const Order = t.struct({ user: t.string, amount: t.float64 });
type Order = { readonly user: string; readonly amount: number };
const Payment = t.struct({ user: t.string });
const spec = { total: state.value(t.float64, { initial: 0 }), all: state.list(t.string) };

// ------------------------------------------------------------------------------ one or two inputs
const harness = await harnessOf(
  (orders) =>
    orders
      .keyBy((order) => order.user)
      .process({
        emits: t.int32,
        outputs: { audit: t.string },
        onElement(order, ctx) {
          ctx.emit(order.amount);
        },
      }),
  { input: Order, parallelism: 2 },
);
harness.push({ user: 'ada', amount: 1 }, 1000);
// @ts-expect-error a field is missing
harness.push({ user: 'ada' });
expectType<readonly number[]>()(harness.output());
expectType<readonly string[]>()(harness.side('audit'));
// @ts-expect-error no such side output
harness.side('other');
expectType<readonly OutputRecord<number>[]>()(harness.records());
expectType<number>()(harness.state('ada', spec).total);
expectType<readonly string[]>()(harness.state('ada', spec).all);
expectType<readonly Timestamp[]>()(harness.eventTimers('ada'));
expectType<readonly number[]>()((await harness.restored(await harness.snapshot())).output());
expectType<readonly number[]>()((await harness.fresh({ parallelism: 3 })).output());
// @ts-expect-error a bare number is no duration
await harness.advance(1000);
await harness.advance(seconds(1));

const mapped = await harnessOf((orders) => orders.map((order) => [order.user] as const), {
  input: Order,
});
expectType<readonly (readonly [string])[]>()(mapped.output());
// @ts-expect-error a stream without side outputs
mapped.side('audit');

const joined = await harnessOf(
  (orders, payments) =>
    orders.connect(payments).map(
      (order) => order.amount,
      (payment) => payment.user.length,
    ),
  { left: Order, right: Payment },
);
joined.pushLeft({ user: 'ada', amount: 1 });
joined.pushRight({ user: 'ada' });
// @ts-expect-error not a payment
joined.pushRight({ amount: 1 });
expectType<TestSource<Order>>()(joined.left);
expectType<readonly number[]>()(joined.output());

// ---------------------------------------------------------------------------------- whole jobs
const job = defineJob({
  name: 'job',
  params: { user: t.string },
  build: (env, { user }) => ({
    orders: env.fromCollection<Order>([{ user, amount: 1 }], Order).collect('orders'),
    users: env.fromElements(user).collect('users'),
  }),
});
const whole = await JobHarness.start(builtOnce(job), { params: { user: 'ada' } });
expectType<{ readonly orders: readonly Order[]; readonly users: readonly string[] }>()(
  whole.results(),
);
// @ts-expect-error a parameter of another type
await JobHarness.start(job, { params: { user: 3 } });
const one = await JobHarness.start((env: StreamEnvironment) => env.sequence(1, 3).collect());
expectType<readonly number[]>()(one.results());
whole.source('orders', Order).emit({ user: 'ada', amount: 1 });
// @ts-expect-error not an order
whole.source('orders', Order).emit({ user: 'ada' });
expectType<readonly Order[]>()(whole.outputs('orders', Order));
expectType<readonly unknown[]>()(whole.outputs('orders'));
const snapshot = await whole.snapshot();
expectType<typeof whole>()(await JobHarness.restore(snapshot, { parallelism: 2 }));
const untyped: JobSnapshot = snapshot;
expectType<JobHarness>()(await JobHarness.restore(untyped));
