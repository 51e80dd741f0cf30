// A job that counts and sums by key, in several versions of its program, for tests of what goes on
// from a savepoint of the first one. Whoever builds it leaves a mark, so that a test sees where it
// was.
import { appendFileSync } from 'node:fs';
import type { DataStream } from '../api/data-stream.ts';
import { defineJob } from '../api/define-job.ts';
import { param } from '../api/parameters.ts';
import type { KeyedStream } from '../api/keyed-stream.ts';
import { milliseconds, minutes } from '../base/units.ts';
import { discard } from '../connectors/discard/discard.ts';
import { generator } from '../connectors/generator/generator.ts';
import type { AggregateFunction } from '../functions/aggregate-function.ts';
import type { AnySource } from '../functions/source.ts';
import { state } from '../functions/state.ts';
import { trigger } from '../functions/trigger.ts';
import { tumbling } from '../functions/window.ts';
import { t } from '../types/index.ts';
import type { Infer, Schema } from '../types/schema.ts';

const Order = t.struct({ user: t.string, amount: t.int32, item: t.string });
type Order = Infer<typeof Order>;

const Renamed = t.struct({
  customer: t.field(t.string, { alias: 'user' }),
  ...{ amount: t.int32, item: t.string },
});

export const USERS = 5;

/** What each version changes; all else is as in the first. */
export type Version =
  | 'first'
  /** A field with a default, a wider number, a renamed field. */
  | 'evolved'
  | 'field'
  | 'kind'
  | 'key'
  | 'list'
  | 'window'
  | 'trigger'
  /** Keyed by another field, of the same type. */
  | 'selector'
  /** By the same one under another name, which says what it was. */
  | 'alias'
  /** By a function that nobody understands. */
  | 'computed'
  /** The source is another one under the same uid. */
  | 'source'
  | 'without'
  /** The operator of the sums has no keys and keeps nothing. */
  | 'unkeyed';

function either(changed: boolean, now: Schema<any>, before: Schema<any>): Schema<any> {
  return changed ? now : before;
}

const First = t.struct({ sum: t.int32, orders: t.int32 });
const SUMS: Readonly<Partial<Record<Version, Schema<any>>>> = {
  evolved: t.struct({
    total: t.field(t.float64, { alias: 'sum' }),
    orders: t.int32,
    currency: t.field(t.string, { default: 'EUR' }),
  }),
  field: t.struct({ sum: t.string, orders: t.int32 }),
};

export const evolving = defineJob({
  name: 'evolving',
  params: {
    version: param(t.string, 'first'),
    /** A file. */
    marks: t.string,
    records: param(t.int32, 2000),
    rate: param(t.int32, 1000),
    maxParallelism: param(t.int32, 0),
  },
  build(env, { version: text, marks, records, rate, maxParallelism }) {
    const version = text as Version;
    appendFileSync(marks, 'built\n');
    const order = (n: number): Order => {
      return { user: `user ${n % USERS}`, amount: n, item: 'a' };
    };
    const first = generator(Order, order, { count: records, ratePerSecond: rate });
    const other = { ...first, enumeratorState: t.struct({ next: t.string }) };
    const orders = env
      .from((version === 'source' ? other : first) as AnySource<Order>)
      .uid('orders')
      .process({
        emits: Order,
        operatorState: { seen: state.split(either(version === 'list', t.string, t.int32)) },
        onElement(value, context) {
          if (value.amount === 0) context.operatorState.seen.add(0);
          context.emit(value);
        },
      })
      .uid('seen')
      .rebalance();
    const keyed = keyedBy(orders, version);
    const windows = keyed.window(tumbling(minutes(1_000_000), { time: 'processing' }));
    (version === 'trigger' ? windows.trigger(trigger.count(1000)) : windows)
      .aggregate(countOf(either(version === 'window', t.string, t.int32)))
      .uid('windows')
      .sinkTo(discard())
      .uid('nothing');
    if (version === 'without') return;
    if (version === 'unkeyed') {
      orders
        .map(({ user }) => user)
        .returns(t.string)
        .uid('sums')
        .sinkTo(discard())
        .uid('print');
      return;
    }
    const sums = summed(keyed, version).uid('sums');
    (maxParallelism > 0 ? sums.setMaxParallelism(maxParallelism) : sums).print().uid('print');
  },
});

function keyedBy(orders: DataStream<Order>, version: Version): KeyedStream<Order, any> {
  switch (version) {
    case 'key':
      return orders.keyBy(({ user }) => Number(user.slice(5)), t.int32);
    case 'selector':
      return orders.keyBy((order) => order.item, t.string);
    case 'computed':
      return orders.keyBy(({ user }) => user.trim(), t.string);
    case 'alias':
      return orders
        .map(({ user, ...order }) => ({ ...order, customer: user }))
        .returns(Renamed)
        .keyBy((order) => order.customer, t.string) as unknown as KeyedStream<Order, any>;
    default:
      return orders.keyBy(({ user }) => user, t.string);
  }
}

/** Prints at the end, for each user, the sum and the number of orders. */
function summed(keyed: KeyedStream<Order, any>, version: Version): DataStream<string> {
  const schema = SUMS[version] ?? First;
  const sums = version === 'kind' ? state.list(schema) : state.value(schema);
  return keyed.process({
    emits: t.string,
    state: { sums: sums as ReturnType<typeof state.value<any>> },
    onElement({ amount }, { state: { sums: kept } }) {
      const { sum, total = sum ?? 0, orders = 0, ...rest } = kept.get() ?? {};
      const added = { orders: orders + 1, ...rest };
      kept.set(
        version === 'evolved'
          ? { ...EURO, ...added, total: total + amount }
          : { ...added, sum: total + amount },
      );
    },
    onEnd(context) {
      context.forEachKey('sums', (key) => {
        const { sum, total = sum, orders, currency = '' } = context.state.sums.get();
        context.emit(`${String(key)}: ${total} of ${orders} ${currency}`);
      });
    },
  });
}

const EURO = { currency: 'new' };

function countOf<A>(accumulator: Schema<A>): AggregateFunction<Order, any, number> {
  return {
    accumulator,
    emits: t.int32,
    create: () => 0,
    add: (counted) => counted + 1,
    merge: (left, right) => left + right,
    result: (counted) => counted,
  };
}

/**
 * Every subtask keeps a list that all are given when the job goes on, which it does once: after a
 * checkpoint that has all lists. Then each tells what it has been given; the job does not end.
 */
export const large = defineJob({
  name: 'large',
  params: { directory: param(t.string, ''), megabytes: t.int32 },
  build(env, { directory, megabytes }) {
    env.enableCheckpointing(milliseconds(300), directory === '' ? {} : { directory });
    let { subtask, attempt } = { subtask: 0, attempt: 0 };
    let isToldOf = false;
    let kept = 0;
    let complete = 0;
    env
      .from(generator(t.int32, (n) => n, { count: 10_000_000, ratePerSecond: 1000 }))
      .rebalance()
      .process({
        emits: t.string,
        operatorState: { texts: state.union(t.string) },
        open: (context) => void ({ subtask, attempt } = context),
        snapshotState: (context) => void (kept += context.operatorState.texts.isEmpty ? 0 : 1),
        // The second with a list of its own comes after all others have theirs.
        notifyCheckpointComplete: () => void (complete += kept > 1 ? 1 : 0),
        onElement(_n, context) {
          const { texts } = context.operatorState;
          if (attempt === 1 && complete > 1 && subtask === 0) throw new Error('on purpose');
          if (attempt === 1 && texts.isEmpty) {
            for (let i = 0; i < megabytes; i++) texts.add(`${subtask}`.repeat(2 ** 20));
          }
          if (attempt === 1 || isToldOf) return;
          isToldOf = true;
          const found = [...texts.values()];
          const each = found.map((text) => `${text[0]}${text.length === 2 ** 20 ? '' : '!'}`);
          context.emit(`attempt ${attempt}: ${each.toSorted().join('')}`);
        },
      })
      .print();
  },
});
