// The types of joins, both ways: what is inferred, and what must not compile. Checked by tsc; the
// builds below never run.
import {
  hours,
  session,
  state,
  trigger,
  tumbling,
  type JoinElement,
  type Window,
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

// ---------------------------------------------------------------------------- join within windows
const both = orders.join(payments).on(
  (o) => o.id,
  (p) => p.orderId,
);
const hourly = both.window(tumbling(hours(1))).allowedLateness(minutes(10));
const paid = hourly.inner((o, p) => ({ id: o.id, delay: p.paidAt - o.at })).uid('paid');
expectStream<{ id: string; delay: number }>()(paid);
expectStream<JoinElement<Order, Payment>>()(paid.side.late);
expectStream<string>()(
  paid.side.late.map((l) => (l.side === 'left' ? l.value.id : l.value.orderId)),
);
expectStream<Payment | undefined>()(hourly.left((_o, p) => p));
expectStream<Order | undefined>()(hourly.right((o, _p) => o));
expectStream<string | undefined>()(hourly.full((o, p) => o?.id ?? p?.orderId));
expectStream<string>()(
  hourly.trigger(trigger.count(3)).process({
    emits: t.string,
    outputs: { odd: t.int32 },
    onPair(o, p, ctx) {
      expectType<Order>()(o);
      expectType<Payment>()(p);
      expectType<string>()(ctx.key);
      expectType<Window>()(ctx.window);
      ctx.emitTo('odd', 1);
      // @ts-expect-error a result of another type
      ctx.emit(1);
    },
  }),
);
both.window(session((element) => (element.side === 'left' ? minutes(1) : minutes(2))));
// @ts-expect-error there may be no right record
hourly.left((_o, p) => p.paidAt);
// @ts-expect-error there may be no left record
hourly.right((o, _p) => o.id);
// @ts-expect-error there may be neither one
hourly.full((o, p) => o.id + p.orderId);
// @ts-expect-error an async function where a synchronous one is called
hourly.inner(async (o) => o.id);
// @ts-expect-error a bare number as a duration
hourly.allowedLateness(5);
orders.join(payments).on(
  (o) => o.id,
  // @ts-expect-error keys of two types
  (p) => p.paidAt as number,
);
// @ts-expect-error a join needs windows
both.inner((o) => o.id);

// ---------------------------------------------------------------------------- coGroup
const grouped = orders
  .coGroup(payments)
  .on(
    (o) => o.id,
    (p) => p.orderId,
  )
  .window(tumbling(hours(1)))
  .apply({
    emits: t.struct({ key: t.string, n: t.int32 }),
    globalState: { seen: state.value(t.int32, { initial: 0 }) },
    outputs: { unpaid: t.string },
    onGroups(lefts, rights, ctx) {
      expectType<readonly Order[]>()(lefts);
      expectType<readonly Payment[]>()(rights);
      ctx.globalState.seen.set(ctx.globalState.seen.get() + lefts.length);
      if (rights.length === 0) ctx.emitTo('unpaid', ctx.key);
      ctx.emit({ key: ctx.key, n: lefts.length });
      // @ts-expect-error state that is not declared
      ctx.windowState.seen.get();
    },
  });
expectStream<{ readonly key: string; readonly n: number }>()(grouped);
expectStream<string>()(grouped.side.unpaid);
expectStream<JoinElement<Order, Payment>>()(grouped.side.late);
