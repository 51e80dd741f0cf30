// The types of windows, both ways: what is inferred, and what must not compile. Checked by tsc.
import {
  count,
  cumulating,
  customWindows,
  evictor,
  globalWindow,
  hours,
  meanOf,
  minutes,
  seconds,
  session,
  sliding,
  state,
  t,
  trigger,
  tumbling,
  type DataStream,
  type Infer,
  type StreamEnvironment,
  type TimestampedValue,
  type Timestamp,
  type Window,
} from 'millrace';

type Equal<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
declare function expectStream<T>(): <S>(
  stream: DataStream<S>,
  ...same: Equal<S, T> extends true ? [] : [never]
) => void;
declare function expectType<T>(): <S>(
  value: S,
  ...same: Equal<S, T> extends true ? [] : [never]
) => void;

const Order = t.struct({ id: t.string, user: t.string, amount: t.float64, at: t.timestamp });
type Order = Infer<typeof Order>;
type Result<V> = { readonly key: string; readonly window: Window; readonly value: V };
type AllResult<V> = { readonly window: Window; readonly value: V };
declare const env: StreamEnvironment;
const orders = env.fromCollection([] as readonly Order[], Order);
const byUser = orders.keyBy((o) => o.user);

// ------------------------------------------------------------------------------- what is gathered
const minute = byUser.window(tumbling(minutes(1)));
expectType<number>()(minute.aggregate(count()).uid('count').setParallelism(2).handle.id);
byUser
  .window(tumbling(minutes(1)))
  .aggregate(count())
  .map(({ key, window, value }) => {
    expectType<string>()(key);
    expectType<Timestamp>()(window.start);
    expectType<number>()(value);
    return value;
  });
declare function same<T>(stream: DataStream<T>, other: DataStream<T>): void;
declare const results: DataStream<Result<number>>;
declare const records: DataStream<Result<Order>>;
declare const allResults: DataStream<AllResult<number>>;
same(results, minute.aggregate(meanOf((o) => o.amount)));
same(
  records,
  minute.reduce((a, b) => (a.amount > b.amount ? a : b)),
);
same(records, minute.sum('amount'));
same(records, minute.minBy('at'));
same(allResults, orders.windowAll(tumbling(minutes(1))).aggregate(count()));
same(allResults, orders.countWindowAll(10, 5).aggregate(count()));
same(results, byUser.countWindow(10).aggregate(count()));
expectStream<Order>()(minute.aggregate(count()).side.late);
expectStream<Order>()(orders.windowAll(globalWindow()).max('amount').side.late);

// @ts-expect-error a window without a key, but for windowAll
orders.window(tumbling(minutes(1)));
// @ts-expect-error a bare number is no duration
tumbling(60_000);
// @ts-expect-error the sum of texts
minute.sum('user');
// @ts-expect-error a field that does not exist
minute.max('total');
// @ts-expect-error an async reduction
minute.reduce(async (a) => a);
const allCounts = orders.windowAll(tumbling(minutes(1))).aggregate(count());
// @ts-expect-error results without key have none
allCounts.map(({ key }) => key);
// @ts-expect-error it is not said what is computed of the windows
minute.map((o) => o);

// -------------------------------------------------------------------------------------- assigners
byUser.window(sliding(hours(1), minutes(5), { offset: minutes(1), time: 'processing' }));
byUser.window(cumulating(hours(1), minutes(5)));
byUser.window(tumbling(minutes(1), { stagger: 'random' }));
byUser.window(session(minutes(1), { time: 'processing' }));
byUser.window(
  session((order) => {
    expectType<Order>()(order);
    return order.amount > 5 ? minutes(1) : minutes(2);
  }),
);
byUser.window(
  customWindows({
    merging: true,
    assign(order, at) {
      expectType<Order>()(order);
      expectType<Timestamp>()(at);
      return [{ start: at, end: order.at }];
    },
  }),
);
// @ts-expect-error a gap must be a duration
byUser.window(session((order) => order.amount));
// @ts-expect-error no such stagger
tumbling(minutes(1), { stagger: 'some' });
// @ts-expect-error no such time
sliding(minutes(1), minutes(1), { time: 'ingestion' });

// ------------------------------------------------------------------------------- window functions
const processed = minute
  .trigger(trigger.purging(trigger.count(3)))
  .evictor(evictor.time(seconds(3)))
  .allowedLateness(minutes(1))
  .process({
    emits: t.struct({ user: t.string, n: t.int32 }),
    windowState: { firings: state.value(t.int32, { initial: 0 }) },
    globalState: { users: state.map(t.string, t.int32) },
    outputs: { audit: t.string },
    onWindow(elements, ctx) {
      expectType<Iterable<Order>>()(elements);
      expectType<string>()(ctx.key);
      expectType<Window>()(ctx.window);
      expectType<number>()(ctx.windowState.firings.get());
      expectType<number | undefined>()(ctx.globalState.users.get('x'));
      expectType<Timestamp>()(ctx.watermark);
      ctx.emit({ user: ctx.key, n: 1 });
      ctx.emitTo('audit', ctx.key);
      // @ts-expect-error emitting another type
      ctx.emit({ user: 1, n: 1 });
      // @ts-expect-error an unknown output
      ctx.emitTo('other', 'x');
      // @ts-expect-error late records are no output of the function
      ctx.emitTo('late', elements);
    },
    onClear(ctx) {
      expectType<number>()(ctx.windowState.firings.get());
      // @ts-expect-error nothing is emitted when a window is cleared
      ctx.emit({ user: 'x', n: 1 });
    },
  });
expectStream<{ readonly user: string; readonly n: number }>()(processed);
expectStream<string>()(processed.side.audit);
expectStream<Order>()(processed.uid('processed').side.late);
expectStream<string>()(
  minute.aggregate(count(), {
    emits: t.string,
    onWindow(value, ctx) {
      expectType<number>()(value);
      ctx.emit(`${ctx.key} ${value}`);
    },
  }),
);
expectStream<string>()(
  minute.reduce((a) => a, {
    emits: t.string,
    onWindow(order, ctx) {
      expectType<Order>()(order);
      ctx.emit(order.id);
    },
  }),
);
orders.windowAll(tumbling(minutes(1))).process({
  emits: t.string,
  onWindow(elements, ctx) {
    for (const order of elements) ctx.emit(order.id);
    // @ts-expect-error windows of all records have no key
    ctx.emit(ctx.key);
  },
});
// @ts-expect-error nothing says what is emitted
minute.process({ onWindow() {} });

// ---------------------------------------------------------------------------- triggers, evictors
minute.trigger(trigger.eventTime({ early: seconds(1), late: 'each' }));
minute.trigger(trigger.timeout(trigger.count(5), seconds(1), { resetOnElement: true }));
minute.trigger(
  trigger.delta(
    5,
    (last, value) => {
      expectType<Order>()(last);
      return value.amount - last.amount;
    },
    Order,
  ),
);
minute.trigger(
  trigger.custom({
    state: {
      seen: state.reducing(t.integer, (a, b) => a + b),
      all: state.list(t.string),
      last: state.value(t.string),
    },
    onElement(order: Order, ctx) {
      ctx.state.seen.add(1);
      expectType<string | undefined>()(ctx.state.last.get());
      expectType<Timestamp | undefined>()(ctx.timestamp);
      ctx.timers.onEventTime(ctx.window.end);
      return order.amount > 5 ? 'fire' : 'continue';
    },
    onEventTime: (at, ctx) => (at === ctx.window.end ? 'fire-and-purge' : 'continue'),
    onMerge(ctx) {
      expectType<readonly Window[]>()(ctx.merged);
      ctx.mergeState('seen');
      ctx.mergeState('all');
      // @ts-expect-error a value cannot be merged
      ctx.mergeState('last');
    },
    clear() {},
  }),
);
minute.trigger(
  trigger.custom({
    // @ts-expect-error no such result
    onElement: (_order: Order) => 'stop',
  }),
);
// @ts-expect-error a trigger of other records
minute.trigger(trigger.delta(5, (last, value) => value - last, t.int32));
minute.evictor(evictor.count(3, { after: true }));
minute.evictor(evictor.delta(3, (value, last) => value.amount - last.amount));
minute.evictor(
  evictor.custom({
    evictBefore(elements: readonly TimestampedValue<Order>[], ctx) {
      expectType<Window>()(ctx.window);
      return elements.filter(({ value }) => value.amount > 0);
    },
  }),
);
// @ts-expect-error a trigger in place of an evictor
minute.evictor(trigger.count(3));
