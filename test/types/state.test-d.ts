// The types of declared state, both ways: which handle a declaration gives, and what must not
// compile. Checked by tsc; nothing here runs.
import { count, hours, meanOf, state, sumOf, t } from 'millrace';
import type {
  AggregatingState,
  Handles,
  Infer,
  ListState,
  MapState,
  ReducingState,
  StreamEnvironment,
  ValueState,
} from 'millrace';

type Equal<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
declare function expectType<T>(): <S>(
  value: S,
  ...same: Equal<S, T> extends true ? [] : [never]
) => void;

const Order = t.struct({ id: t.string, amount: t.float64 });
type Order = Infer<typeof Order>;

const spec = {
  failures: state.value(t.int32, { initial: 0 }),
  last: state.value(Order),
  all: state.list(t.string),
  perId: state.map(t.string, t.int64),
  most: state.reducing(t.float64, Math.max),
  mean: state.aggregating(meanOf((order: Order) => order.amount)),
  text: state.aggregating({
    accumulator: t.struct({ n: t.int32 }),
    create: () => ({ n: 0 }),
    add: ({ n }, value: string) => ({ n: n + value.length }),
    merge: (a, b) => ({ n: a.n + b.n }),
    result: ({ n }) => String(n),
  }),
  records: state.aggregating(count<Order>()),
};
declare const handles: Handles<typeof spec>;
declare const order: Order;

// -------------------------------------------------------------- the handle of each declaration
expectType<ValueState<number>>()(handles.failures);
expectType<ValueState<Order | undefined>>()(handles.last);
expectType<ListState<string>>()(handles.all);
expectType<MapState<string, bigint>>()(handles.perId);
expectType<ReducingState<number>>()(handles.most);
expectType<AggregatingState<Order, number>>()(handles.mean);
expectType<AggregatingState<string, string>>()(handles.text);
expectType<AggregatingState<Order, number>>()(handles.records);

// ------------------------------------------------------------------------- values that do not fit
handles.failures.set(1);
// @ts-expect-error the value of another schema
handles.failures.set('1');
// @ts-expect-error a state with an initial value always has one
handles.failures.set(undefined);
// @ts-expect-error a field is missing
handles.last.set({ id: 'a' });
// @ts-expect-error an element of another schema
handles.all.add(1);
// @ts-expect-error elements of another schema
handles.all.addAll([1]);
// @ts-expect-error a key of another schema
handles.perId.get(1);
// @ts-expect-error a value of another schema
handles.perId.set('a', 1);
// @ts-expect-error reducing state takes its own type
handles.most.add('1');
handles.mean.add(order);
// @ts-expect-error the records of another aggregation
handles.mean.add(order.amount);
// @ts-expect-error what is read is immutable
handles.last.get()!.amount = 1;
// @ts-expect-error an aggregation is no value that could be set
handles.mean.set(1);
// @ts-expect-error a state that is not declared
handles.other.clear();

// -------------------------------------------------------------------- declarations that do not fit
// @ts-expect-error an initial value of another schema
state.value(t.int32, { initial: '0' });
// @ts-expect-error a type is no schema
state.value('int32');
// @ts-expect-error a reduction that returns another type
state.reducing(t.float64, (a, b) => String(a + b));
// @ts-expect-error an async reduction
state.reducing(t.float64, async (a, b) => a + b);
// @ts-expect-error an aggregation without its accumulator's schema
state.aggregating({ create: () => 0, add: (n: number) => n, merge: Math.max, result: String });
state.aggregating({
  accumulator: t.int32,
  // @ts-expect-error an accumulator that does not fit its schema
  create: () => '',
  add: (n) => n,
  merge: (a) => a,
  result: (n) => n,
});
// @ts-expect-error a function is no aggregation
state.aggregating((a: number, b: number) => a + b);
const others = { sum: state.aggregating(sumOf((other: { readonly n: number }) => other.n)) };
declare const otherHandles: Handles<typeof others>;
// @ts-expect-error the handle of an aggregation of other records
expectType<AggregatingState<Order, number>>()(otherHandles.sum);

// -------------------------------------------------------------------------------- time-to-live
const ttl = { duration: hours(1) };
const living = {
  n: state.value(t.int32, { ttl, initial: 0 }),
  last: state.value(Order, { ttl: { ...ttl, update: 'on-read-and-write' } }),
  all: state.list(t.string, { ttl: { ...ttl, cleanup: false } }),
  perId: state.map(t.string, t.int64, { ttl }),
  most: state.reducing(t.float64, Math.max, { ttl }),
  mean: state.aggregating(
    meanOf((order: Order) => order.amount),
    { ttl },
  ),
};
declare const livingHandles: Handles<typeof living>;
expectType<ValueState<number>>()(livingHandles.n);
expectType<ValueState<Order | undefined>>()(livingHandles.last);
expectType<ListState<string>>()(livingHandles.all);
expectType<MapState<string, bigint>>()(livingHandles.perId);
expectType<ReducingState<number>>()(livingHandles.most);
expectType<AggregatingState<Order, number>>()(livingHandles.mean);
// @ts-expect-error a bare number is no duration
state.value(t.int32, { ttl: { duration: 3_600_000 } });
// @ts-expect-error a time-to-live without its duration
state.list(t.int32, { ttl: {} });
// @ts-expect-error an update type that does not exist
state.list(t.int32, { ttl: { ...ttl, update: 'on-read' } });
// @ts-expect-error an initial value of another schema beside a time-to-live
state.value(t.int32, { ttl, initial: '' });
// @ts-expect-error lists have no initial value
state.list(t.int32, { initial: [1] });

// ----------------------------------------------------------------------------- state of functions
declare const env: StreamEnvironment;
const orders = env.fromCollection([] as readonly Order[], Order);

orders.process({
  emits: t.string,
  operatorState: { pending: state.split(Order), seen: state.union(t.string) },
  onElement({ id }, context) {
    expectType<ListState<Order>>()(context.operatorState.pending);
    expectType<ListState<string>>()(context.operatorState.seen);
    context.operatorState.seen.add(id);
    // @ts-expect-error an element of another schema
    context.operatorState.pending.add(id);
    // @ts-expect-error a list that is not declared
    context.operatorState.other.clear();
    // @ts-expect-error a stream without keys has no state by key
    context.state.clear();
  },
  onEnd(context) {
    expectType<Iterable<string>>()(context.operatorState.seen.values());
  },
});
orders
  .keyBy((o) => o.id)
  .process({
    emits: t.string,
    state: { last: state.value(Order) },
    operatorState: { seen: state.union(t.string) },
    onElement(o, context) {
      context.operatorState.seen.add(context.key);
      context.state.last.set(o);
      // @ts-expect-error the lists of the subtask are no state by key
      context.state.seen.clear();
      // @ts-expect-error state by key is no list of the subtask
      context.operatorState.last.clear();
    },
  });
orders
  .keyBy((o) => o.id)
  .process({
    emits: t.string,
    state: { n: state.value(t.int32, { initial: 0 }), perId: state.map(t.string, Order) },
    onElement(o, context) {
      // @ts-expect-error a value of another schema
      context.state.n.set(o.id);
      // @ts-expect-error a state of another name
      context.state.m.set(1);
      // @ts-expect-error a method of another kind of state
      context.state.n.add(1);
      // @ts-expect-error a field is missing
      context.state.perId.set('a', { id: 'a' });
      // @ts-expect-error a key of another schema
      context.state.perId.set(1, o);
    },
  });
orders
  .keyBy((o) => o.id)
  .process({
    emits: t.string,
    // @ts-expect-error a schema is no state
    state: { n: t.int32 },
    onElement() {},
  });
orders
  .keyBy((o) => o.id)
  .process({
    emits: t.string,
    // @ts-expect-error broadcast state is declared where streams are connected
    state: { rules: state.broadcast('rules', t.string, Order) },
    onElement() {},
  });
orders.process({
  emits: t.string,
  // @ts-expect-error a stream without keys has no state by key
  state: { n: state.value(t.int32) },
  onElement() {},
});
orders
  .keyBy((o) => o.id)
  .process({
    emits: t.string,
    // @ts-expect-error a list of the subtask is no state by key
    state: { seen: state.union(t.string) },
    onElement() {},
  });
orders.process({
  emits: t.string,
  // @ts-expect-error state by key is no list of the subtask
  operatorState: { last: state.value(Order) },
  onElement() {},
});
orders
  .connect(orders)
  .keyBy(
    (o) => o.id,
    (o) => o.id,
  )
  .process({
    emits: t.string,
    state: { last: state.value(Order) },
    operatorState: { pending: state.split(Order) },
    onLeft(o, context) {
      context.operatorState.pending.add(o);
    },
    onRight(o, context) {
      expectType<Order | undefined>()(context.state.last.get());
      // @ts-expect-error an element of another schema
      context.operatorState.pending.add(o.id);
    },
  });
