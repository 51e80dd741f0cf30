// Keeps every record in each kind of state that a job can have: by key in a value, a list and a
// map, by subtask in a list that is dealt out and in one that all get, and rules in broadcast
// state. What is kept twice must agree with itself whenever it is looked at, or a row `broken`
// says what does not; what was kept is written when the input has ended, each thing once.
import { defineJob, generator, param, state, t } from 'millrace';
import type { Infer, StreamEnvironment } from 'millrace';
import { drawnSink, sinkParams } from './drawn-sink.ts';
import { LISTED, RULES } from './kept-states-oracle.ts';
import { keyOf } from './keyed-totals-oracle.ts';

const Row = t.struct({ what: t.string, at: t.int32, value: t.int32 });
const Passed = t.struct({ isListed: t.boolean, index: t.int32, padding: t.string });
const rules = state.broadcast('rules', t.int32, t.int32);

function row(what: string, at: number, value: number): Infer<typeof Row> {
  return { what, at, value };
}

function hasTwice(values: Iterable<number>): boolean {
  const all = [...values];
  return new Set(all).size < all.length;
}

/** Keeps some of them in lists of the subtask, and tells at the end what is in them. */
function passedBy(
  env: StreamEnvironment,
  count: number,
  { ratePerSecond, padding: bytes }: { readonly ratePerSecond: number; readonly padding: number },
) {
  const padding = '.'.repeat(bytes);
  return env
    .from(generator(t.integer, (index) => index, { count, ratePerSecond }))
    .uid('records')
    .process({
      emits: Passed,
      operatorState: { dealt: state.split(t.int32), seen: state.union(t.int32) },
      onElement(index, context) {
        const { dealt, seen } = context.operatorState;
        if (index % LISTED === 0) {
          dealt.add(index);
          seen.add(index);
        }
        context.emit({ isListed: false, index, padding });
      },
      onEnd(context) {
        const { dealt, seen } = context.operatorState;
        for (const index of dealt.values()) context.emit({ isListed: true, index, padding });
        // Whatever is told twice is in the output twice.
        if (hasTwice(seen.values())) context.emit({ isListed: true, index: -1, padding });
      },
    })
    .uid('lists');
}

export default defineJob({
  name: 'kept-states',
  params: {
    records: param(t.integer, 2_000),
    keys: param(t.integer, 97),
    ratePerSecond: param(t.integer, 400),
    /** Bytes that each record carries besides, so that the exchange is full where it is small. */
    padding: param(t.integer, 0),
    ...sinkParams,
  },
  build(env, { records, keys, ratePerSecond, padding, ...sink }) {
    const passed = passedBy(env, records, { ratePerSecond, padding });
    const broadcast = env
      .from(
        generator(t.integer, (index) => index, { count: RULES, ratePerSecond: ratePerSecond / 50 }),
      )
      .uid('rules')
      .broadcast(rules);
    const listed = passed
      .filter(({ isListed }) => isListed)
      .map(({ index }) => row('listed', index, 0))
      .returns(Row);
    const kept = passed
      .filter(({ isListed }) => !isListed)
      .keyBy(({ index }) => keyOf(index, keys))
      .connect(broadcast)
      .process({
        emits: Row,
        state: {
          count: state.value(t.int32, { initial: 0 }),
          list: state.list(t.int32),
          map: state.map(t.int32, t.int32),
        },
        onElement({ index }, context) {
          const { key } = context;
          const { count, list, map } = context.state;
          const number = [...list.values()].length;
          if (count.get() !== number || [...map.keys()].length !== number || map.has(index)) {
            context.emit(row('broken', key, index));
          }
          count.set(number + 1);
          list.add(index);
          map.set(index, key);
        },
        onBroadcast(rule, ctx) {
          const known = ctx.broadcast(rules);
          if (known.has(rule)) ctx.emit(row('broken', -1, rule));
          known.set(rule, rule * rule);
        },
        onEnd(ctx) {
          const known = [...ctx.broadcast(rules).entries()];
          if (known.length !== RULES || known.some(([rule, square]) => square !== rule * rule)) {
            ctx.emit(row('broken', -2, known.length));
          }
          ctx.forEachKey('count', (key) => {
            const { count, list, map } = ctx.state;
            ctx.emit(row('key', key, count.get()));
            for (const index of list.values()) ctx.emit(row('kept', index, key));
            for (const [index, value] of map.entries()) ctx.emit(row('mapped', index, value));
          });
        },
      })
      .uid('keys');
    kept
      .union(listed)
      .returns(Row)
      .sinkTo(drawnSink(Row, sink, ({ at }) => at));
  },
});
