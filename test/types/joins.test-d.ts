// The types of joins, both ways: what is inferred, and what must not compile. Checked by tsc; the
// builds below never run.
import {
  hours,
  minutes,
  t,
  type DataStream,
  type Infer,
  type StreamEnvironment,
  type Timestamp,
} from 'millrace';

type Equal<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
/** Compiles only if the stream's type is exactly T. */
declare function expectStream<T>(): <S>(
  stream: DataStream<S>,
  ...same: Equal<S, T> extends true ? [] : [never]
) => void;
declare function expectType<T>(): <S>(
  value: S,
  ...same: Equal<S, T> extends true ? [] : [never]
) => void;

const Order = t.struct({ id: t.string, amount: t.float64, at: t.timestamp });
type Order = Infer<typeof Order>;
const Payment = t.struct({ orderId: t.string, paidAt: t.timestamp });
type Payment = Infer<typeof Payment>;
declare const env: StreamEnvironment;
const orders = env.fromCollection([] as readonly Order[], Order);
const payments = env.fromCollection([] as readonly Payment[], Payment);

// ---------------------------------------------------------------------------- interval join
const near = orders
  .keyBy((o) => o.id)
  .intervalJoin(payments.keyBy((p) => p.orderId))
  .between(minutes(-5), hours(1));
const delays = near.inner((o, p) => ({ id: o.id, delay: p.paidAt - o.at })).uid('delays');
expectStream<{ id: string; delay: number }>()(delays);
expectStream<Order>()(delays.side.lateLeft);
expectStream<Payment>()(delays.side.lateRight);
const processed = near.lowerBoundExclusive().process({
  emits: t.string,
  outputs: { odd: t.int32 },
  onPair(order, payment, ctx) {
    expectType<Order>()(order);
    expectType<Payment>()(payment);
    expectType<Timestamp>()(ctx.leftTimestamp);
    expectType<Timestamp>()(ctx.timestamp);
    ctx.emit(order.id);
    ctx.emitTo('odd', 1);
    // @ts-expect-error a result of another type
    ctx.emit(1);
    // @ts-expect-error an output that is not declared
    ctx.emitTo('even', 1);
  },
});
expectStream<string>()(processed);
expectStream<number>()(processed.side.odd);
expectStream<Order>()(processed.side.lateLeft);
// @ts-expect-error keys of two types
orders.keyBy((o) => o.id).intervalJoin(payments.keyBy((p) => p.paidAt as number));
// @ts-expect-error a stream without keys
orders.keyBy((o) => o.id).intervalJoin(payments);
// @ts-expect-error a join without keys
orders.intervalJoin(payments.keyBy((p) => p.orderId));
const bare = orders.keyBy((o) => o.id).intervalJoin(payments.keyBy((p) => p.orderId));
// @ts-expect-error a bare number as a bound
bare.between(0, hours(1));
// @ts-expect-error an async function where a synchronous one is called
near.inner(async (o) => o.id);
// @ts-expect-error there is no left interval join
near.left((o) => o.id);

// ---------------------------------------------------------------------------- temporal join
const Rate = t.struct({ currency: t.string, value: t.float64 });
type Rate = Infer<typeof Rate>;
const rates = env.fromCollection([] as readonly Rate[], Rate);
const valid = orders.temporalJoin(rates).on(
  (o) => o.id,
  (r) => r.currency,
);
const priced = valid.inner((o, r) => o.amount * r.value);
expectStream<number>()(priced);
expectStream<Order>()(priced.side.lateLeft);
expectStream<Rate>()(priced.side.lateRight);
expectStream<number | undefined>()(
  valid.left((_o, r) => {
    expectType<Rate | undefined>()(r);
    return r?.value;
  }),
);
// @ts-expect-error there may be no version
valid.left((o, r) => o.amount * r.value);
const latest = orders
  .temporalJoin(rates, { time: 'processing', isDeletion: (r) => r.value === 0 })
  .on(
    (o) => o.id,
    (r) => r.currency,
  )
  .inner((o, r) => ({ ...o, rate: r.value }));
expectStream<Order & { rate: number }>()(latest.map((o) => o as Order & { rate: number }));
// @ts-expect-error nothing is late by processing time
latest.side.lateLeft.print();
orders.temporalJoin(rates).on(
  (o) => o.id,
  // @ts-expect-error keys of two types
  (r) => r.value,
);
orders.temporalJoin(rates).on(
  (o) => [o.id, 1],
  (r) => [r.currency, 1],
);
// @ts-expect-error a time that there is not
orders.temporalJoin(rates, { time: 'ingestion' });
// @ts-expect-error not a boolean
orders.temporalJoin(rates, { isDeletion: (r) => r.value });
// @ts-expect-error an async function where a synchronous one is called
valid.inner(async (o) => o.id);

// ---------------------------------------------------------------------------- broadcast join
const named = orders
  .broadcastJoin(rates, { holdUntilEnd: true, isDeletion: (r) => r.value < 0 })
  .on(
    (o) => o.id,
    (r) => r.currency,
  );
expectStream<number>()(named.inner((o, r) => o.amount * r.value));
expectStream<Rate | undefined>()(named.left((_o, r) => r));
// @ts-expect-error there may be no right record
named.left((o, r) => o.amount * r.value);
orders.broadcastJoin(rates).on(
  (o) => o.id,
  // @ts-expect-error keys of two types
  (r) => r.value,
);
orders.broadcastJoin(rates).on(
  // @ts-expect-error an object is no key
  (o) => ({ id: o.id }),
  (r) => r.currency,
);
// @ts-expect-error not a boolean
orders.broadcastJoin(rates, { holdUntilEnd: 1 });
// @ts-expect-error an async function where a synchronous one is called
named.inner(async (o) => o.id);
