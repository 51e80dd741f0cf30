// The types of watermark strategies, both ways: what is inferred, and what must not compile.
import {
  collection,
  ingestionTime,
  minutes,
  noWatermarks,
  seconds,
  t,
  type DataStream,
  type StreamEnvironment,
  type Timestamp,
  type WatermarkGenerator,
  type WatermarkStrategy,
} from 'millrace';

type Equal<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
declare function expectStream<T>(): <S>(
  stream: DataStream<S>,
  ...same: Equal<S, T> extends true ? [] : [never]
) => void;
declare const env: StreamEnvironment;

const Order = t.struct({ id: t.string, at: t.timestamp, n: t.int32 });
interface Order {
  readonly id: string;
  readonly at: Timestamp;
  readonly n: number;
}
const source = collection<Order>([], Order);
const orders = env.from(source);

expectStream<Order>()(env.from(source, { timestamp: (order) => order.at, outOfOrder: seconds(5) }));
expectStream<Order>()(orders.assignTimestamps({ timestamp: (order) => order.at }));
expectStream<Order>()(orders.assignTimestamps({ timestamp: (order) => new Date(order.n) }));
expectStream<Order>()(orders.assignTimestamps(ingestionTime()));
expectStream<Order>()(env.from(source, noWatermarks()));

const punctuated: WatermarkGenerator<Order> = {
  onEvent(order, timestamp, output) {
    if (order.n === 0) output.emitWatermark(timestamp);
  },
  onPeriodicEmit: (output) => output.markIdle(),
};
const strategy: WatermarkStrategy<Order> = {
  timestamp: (order, current) => current ?? order.at,
  generator: () => punctuated,
  idleAfter: minutes(1),
  alignment: { group: 'orders', maxDrift: seconds(30) },
};
expectStream<Order>()(env.from(source, strategy));
// A strategy for less is one for more.
expectStream<Order>()(env.from(source, strategy as WatermarkStrategy<{ readonly id: string }>));

// @ts-expect-error a field that does not exist
env.from(source, { timestamp: (order) => order.when });
// @ts-expect-error text is no timestamp
orders.assignTimestamps({ timestamp: (order) => order.id });
// @ts-expect-error a promise is no timestamp
orders.assignTimestamps({ timestamp: async (order) => order.at });
// @ts-expect-error a bare number is no duration
orders.assignTimestamps({ timestamp: (order) => order.at, outOfOrder: 5 });
// @ts-expect-error only ingestion goes by name
orders.assignTimestamps({ timestamp: 'processing' });
// @ts-expect-error a watermark is a timestamp
punctuated.onPeriodicEmit?.({ emitWatermark: (at: string) => at, markIdle() {}, markActive() {} });
// @ts-expect-error a strategy for other records
env.from(source, { timestamp: (n: number) => n });
