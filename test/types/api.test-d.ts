// The types of the API, both ways: what is inferred, and what must not compile. Checked by tsc; the
// builds below never run.
import {
  count,
  defineJob,
  discard,
  executeAndCollect,
  generator,
  meanOf,
  minutes,
  param,
  seconds,
  state,
  sumOf,
  t,
  type AnySource,
  type Collected,
  type DataStream,
  type Infer,
  type KeyedStream,
  type Schema,
  type Sink,
  type StreamEnvironment,
  type Synchronous,
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
declare function sinkOf<T>(): Sink<T>;
declare function use(value: unknown): void;

const Order = t.struct({ id: t.string, user: t.string, amount: t.float64, at: t.timestamp });
type Order = Infer<typeof Order>;
const Payment = t.struct({ orderId: t.string, paid: t.boolean, cents: t.int64 });
declare const env: StreamEnvironment;
const orders = env.fromCollection([] as readonly Order[], Order);
const payments = env.fromCollection([] as readonly Infer<typeof Payment>[], Payment);

// -------------------------------------------------------------------- one record at a time
expectStream<number>()(orders.map((o) => o.amount));
expectStream<readonly [string, number]>()(orders.map((o) => [o.id, o.amount] as const));
expectStream<string>()(orders.flatMap((o) => o.id.split('-')));
expectStream<string>()(
  orders.flatMap(function* (o) {
    yield o.id;
  }),
);
expectStream<Order>()(orders.filter((o) => o.amount > 0));
expectStream<'a' | 'b'>()(
  env.fromElements('a', 'c').filter((s): s is 'a' | 'b' => s === 'a' || s === 'b'),
);
expectStream<{ id: string; half: number }>()(orders.map((o) => ({ id: o.id, half: o.amount / 2 })));
expectStream<Order>()(
  env.from(generator(Order, (n) => ({ id: String(n), user: '', amount: n, at: 0 as Timestamp }))),
);
expectStream<number>()(env.sequence(1, 2));
declare const lines: AnySource<string> & { readonly outputs: { readonly wrong: Schema<number> } };
expectStream<string>()(env.from(lines));
expectStream<number>()(env.from(lines).side.wrong);
// @ts-expect-error a side output that the source does not have
env.from(lines).side.other.print();
// @ts-expect-error a source without side outputs
env.sequence(1, 2).side.wrong.print();
// @ts-expect-error a field that does not exist
orders.map((o) => o.total);
// @ts-expect-error an async function where a synchronous one is called
orders.map(async (o) => o.amount);
// @ts-expect-error a promise is no iterable
orders.flatMap(async (o) => [o.id]);
// @ts-expect-error records are immutable
orders.map((o) => (o.amount = 1));
// @ts-expect-error a schema of another type
orders.returns(t.string);
// @ts-expect-error a predicate must answer with a boolean
orders.filter((o) => o.id);

// ------------------------------------------------------------------------------------ keys
expectType<KeyedStream<Order, string>>()(orders.keyBy((o) => o.user));
expectType<KeyedStream<Order, readonly [string, number]>>()(
  orders.keyBy((o) => [o.user, o.amount]),
);
orders.keyBy((o) => o.user, t.string);
// @ts-expect-error an object as key
orders.keyBy((o) => ({ user: o.user }));
// @ts-expect-error undefined as key
orders.keyBy((o) => (o.amount > 0 ? o.user : undefined));
// @ts-expect-error a key schema of another type
orders.keyBy((o) => o.user, t.boolean);
// @ts-expect-error reductions are by key
orders.reduce((a) => a);

const byUser = orders
  .keyBy((o) => o.user)
  .uid('by-user')
  .name('by user');
expectStream<Order>()(byUser.sum('amount'));
expectStream<Order>()(byUser.maxBy('at'));
expectStream<Order>()(byUser.min('user'));
expectStream<Order>()(byUser.reduce((a, b) => ({ ...a, amount: a.amount + b.amount })));
expectStream<{ readonly key: string; readonly value: number }>()(byUser.aggregate(count()));
expectStream<{ readonly key: string; readonly value: number }>()(
  byUser.aggregate(meanOf((o) => o.amount)),
);
expectStream<number>()(
  env
    .sequence(1, 9)
    .keyBy((n) => n % 2)
    .sum(),
);
// @ts-expect-error the sum of a string column
byUser.sum('user');
// @ts-expect-error a field that does not exist
byUser.max('total');
// @ts-expect-error records need a field
byUser.sum();
const numbers = env.sequence(1, 9).keyBy((n) => n);
// @ts-expect-error numbers have no fields to sum
numbers.sum('toFixed');
const texts = env.fromElements('a').keyBy((s) => s);
// @ts-expect-error the sum of texts
texts.sum();
// @ts-expect-error a reduction gives what it takes
byUser.reduce(() => 1);
// @ts-expect-error an async reduction
byUser.reduce(async (a) => a);
// @ts-expect-error an aggregation of other records
payments.keyBy((p) => p.orderId).aggregate(sumOf((o: Order) => o.amount));
expectStream<{ readonly key: string; readonly value: string }>()(
  byUser.aggregate({
    accumulator: t.struct({ n: t.int32 }),
    create: () => ({ n: 0 }),
    add: ({ n }) => ({ n: n + 1 }),
    merge: (a, b) => ({ n: a.n + b.n }),
    result: ({ n }) => String(n),
  }),
);

// ------------------------------------------------------------------------- process functions
const alerts = byUser.process({
  emits: t.struct({ user: t.string, failures: t.int32 }),
  state: {
    failures: state.value(t.int32, { initial: 0 }),
    last: state.value(Order),
    perId: state.map(t.string, t.int32),
    all: state.list(t.string),
    most: state.reducing(t.float64, Math.max),
  },
  outputs: { audit: t.string, count: t.int32 },
  onElement(order, ctx) {
    expectType<Order>()(order);
    expectType<string>()(ctx.key);
    expectType<number>()(ctx.state.failures.get());
    expectType<Order | undefined>()(ctx.state.last.get());
    expectType<number | undefined>()(ctx.state.perId.get('x'));
    expectType<Iterable<string>>()(ctx.state.all.values());
    expectType<number | undefined>()(ctx.state.most.get());
    ctx.state.failures.set(ctx.state.failures.get() + 1);
    ctx.emit({ user: ctx.key, failures: 1 });
    ctx.emitTo('audit', order.id);
    ctx.emitTo('count', 1);
    // @ts-expect-error emitting another type
    ctx.emit({ user: 1, failures: 1 });
    // @ts-expect-error an unknown output
    ctx.emitTo('other', 'x');
    // @ts-expect-error another type for an output
    ctx.emitTo('audit', 1);
    // @ts-expect-error a wrong state type
    ctx.state.failures.set('1');
    // @ts-expect-error a state that is not declared
    ctx.state.other.get();
  },
  onEnd(ctx) {
    ctx.forEachKey('failures', (key) => {
      expectType<string>()(key);
      ctx.emit({ user: key, failures: ctx.state.failures.get() });
    });
  },
});
expectStream<{ readonly user: string; readonly failures: number }>()(alerts);
expectStream<string>()(alerts.side.audit);
expectStream<number>()(alerts.uid('alerts').setParallelism(2).side.count);
// @ts-expect-error a side output that is not declared
alerts.side.other.print();

const parsed = env.fromElements('1').process({
  emits: t.float64,
  onElement(line, ctx) {
    ctx.emit(Number(line));
    // @ts-expect-error a stream without keys has none
    ctx.key.toString();
    // @ts-expect-error nor state by key
    ctx.state.toString();
  },
});
expectStream<number>()(parsed);
// @ts-expect-error nothing says what is emitted
env.fromElements('1').process({ onElement() {} });

// ------------------------------------------------------------------------------- two streams
expectStream<Order>()(
  orders.union(
    orders.filter((o) => o.amount > 0),
    orders,
  ),
);
// @ts-expect-error a union of two types
orders.union(payments);
expectStream<number | string>()(
  orders.connect(payments).map<number | string>(
    (o) => o.amount,
    (p) => p.orderId,
  ),
);
expectStream<string>()(
  orders.connect(payments).flatMap(
    (o) => [o.id],
    (p) => [p.orderId],
  ),
);
orders.connect(payments).map(
  // @ts-expect-error an async side
  (o) => o.amount,
  async () => 1,
);

const joined = orders
  .keyBy((o) => o.id)
  .connect(payments.keyBy((p) => p.orderId))
  .process({
    emits: t.string,
    state: { order: state.value(Order) },
    onLeft(order, ctx) {
      expectType<Order>()(order);
      ctx.state.order.set(order);
    },
    onRight(payment, ctx) {
      expectType<string>()(payment.orderId);
      expectType<Order | undefined>()(ctx.state.order.get());
      ctx.emit(ctx.key);
    },
    onInputEnd(side) {
      expectType<'left' | 'right'>()(side);
    },
  });
expectStream<string>()(joined);
orders
  .connect(payments)
  .keyBy(
    (o) => o.id,
    (p) => p.orderId,
  )
  .process({ emits: t.string, onLeft() {}, onRight() {} });
// @ts-expect-error keys of two types
orders.keyBy((o) => o.id).connect(payments.keyBy((p) => p.paid));
orders.connect(payments).keyBy(
  (o) => o.id,
  // @ts-expect-error keys of two types
  (p) => p.paid,
);
orders.connect(payments).process({
  emits: t.string,
  onLeft(_order, ctx) {
    // @ts-expect-error no keys, no state by key
    ctx.state.toString();
  },
  onRight() {},
});

const limits = state.broadcast('limits', t.string, t.float64);
const checked = orders.connect(payments.broadcast(limits)).process({
  emits: Order,
  onElement(order, ctx) {
    expectType<number | undefined>()(ctx.broadcast(limits).get(order.user));
    // @ts-expect-error only the broadcast side writes
    ctx.broadcast(limits).set(order.user, 1);
  },
  onBroadcast(payment, ctx) {
    ctx.broadcast(limits).set(payment.orderId, 1);
    // @ts-expect-error another type for the state
    ctx.broadcast(limits).set(payment.orderId, 'x');
  },
});
expectStream<Order>()(checked);
byUser.connect(payments.broadcast(limits)).process({
  emits: t.string,
  state: { n: state.value(t.int32) },
  onElement(_order, ctx) {
    expectType<string>()(ctx.key);
    expectType<number | undefined>()(ctx.state.n.get());
  },
  onBroadcast(_payment, ctx) {
    ctx.forEachKey('n', (key) => expectType<string>()(key));
    // @ts-expect-error no current key on the broadcast side
    ctx.key.toString();
  },
});

// -------------------------------------------------------- partitioning, asynchronous work, ends
expectStream<Order>()(orders.rebalance().rescale().shuffle().global().forward().broadcast());
expectStream<Order>()(
  orders.partitionCustom(
    (o) => o.user,
    (user, n) => user.length % n,
  ),
);
orders.partitionCustom(
  (o) => o.user,
  // @ts-expect-error the partitioner gets what was selected
  (user: number, n) => user % n,
);
expectStream<number>()(orders.asyncMap(async (o) => o.amount, { timeout: seconds(1) }));
expectStream<number>()(
  orders.asyncMap(
    { call: async (o, { signal }) => (signal.aborted ? 0 : o.amount), onTimeout: () => -1 },
    {
      timeout: minutes(1),
      order: 'unordered',
      capacity: 10,
      retry: { kind: 'fixed', attempts: 3, delay: seconds(1) },
    },
  ),
);
// @ts-expect-error a bare number as duration
orders.asyncMap(async (o) => o.amount, { timeout: 5000 });
// @ts-expect-error a synchronous function has no place here
orders.asyncMap((o) => o.amount, { timeout: seconds(1) });

orders.sinkTo(sinkOf<Order>()).name('orders').uid('orders').setParallelism(1);
orders.sinkTo(sinkOf<{ readonly id: string }>());
orders.sinkTo(discard());
orders.sinkTo(discard({ checksum: (o) => o.amount }));
// @ts-expect-error a sink of another type
orders.sinkTo(sinkOf<string>());
// @ts-expect-error a sink that wants more than there is
orders.sinkTo(sinkOf<{ readonly id: string; readonly total: number }>());
// @ts-expect-error a sink is an end
orders.sinkTo(sinkOf<Order>()).map((o: Order) => o);

// Modifiers give back what they are called on.
expectType<KeyedStream<Order, string>>()(byUser.setMaxParallelism(8).slotSharingGroup('g'));
expectStream<number>()(orders.through((stream) => stream.map((o) => o.amount)));
// Operations of one's own, over any type of result.
function mapTwice<T, R>(
  stream: DataStream<T>,
  first: (value: T) => Synchronous<R>,
  second: (value: R) => Synchronous<R>,
): DataStream<R> {
  return stream.map(first).map(second);
}
expectStream<number>()(
  mapTwice(
    orders,
    (o) => o.amount,
    (n) => n + 1,
  ),
);
mapTwice(
  orders,
  // @ts-expect-error also there nothing is async
  async (o) => o.amount,
  (n) => n,
);
// A stream of more is a stream of less.
const ids: DataStream<{ readonly id: string }> = orders;
ids.print();
// @ts-expect-error and not the reverse
const back: DataStream<Order> = ids;
back.print();

// ------------------------------------------------------------------------------------- jobs
const job = defineJob({
  name: 'job',
  params: { text: t.string, n: param(t.int32, 5), day: t.optional(t.timestamp) },
  build(jobEnv, params) {
    expectType<string>()(params.text);
    expectType<number>()(params.n);
    expectType<Timestamp | undefined>()(params.day);
    // @ts-expect-error a parameter that is not declared
    void params.other;
    return {
      words: jobEnv.fromElements(params.text).collect('words'),
      n: jobEnv.sequence(1, params.n).collect('n'),
    };
  },
});
type Built<J> = J extends { compileWithResult(...args: never): { readonly result: infer R } }
  ? Collected<R>
  : never;
expectType<{ readonly words: readonly string[]; readonly n: readonly number[] }>()(
  {} as Built<typeof job>,
);
const nothing = defineJob({ name: 'job', build: (jobEnv) => void jobEnv.sequence(1, 2).print() });
const noRecords: Built<typeof nothing> = undefined;
expectType<undefined>()(noRecords);
// @ts-expect-error a build must not be async
defineJob({ name: 'job', build: async () => {} });
// @ts-expect-error a build returns no streams
defineJob({ name: 'job', build: (jobEnv) => jobEnv.sequence(1, 2) });
// @ts-expect-error a default of another type
param(t.int32, 'five');
const wanted = defineJob({
  name: 'job',
  params: { text: t.string, most: t.optional(t.int32) },
  build: (jobEnv, { text }) => jobEnv.fromElements(text).collect(),
});
expectType<Promise<readonly string[]>>()(executeAndCollect(wanted, { params: { text: 'x' } }));
// @ts-expect-error a parameter is missing
use(executeAndCollect(wanted, { params: {} }));
// @ts-expect-error all parameters are missing
use(executeAndCollect(wanted));
// @ts-expect-error a parameter of another type
use(executeAndCollect(wanted, { params: { text: 5 } }));
expectType<Promise<undefined>>()(executeAndCollect(nothing));
