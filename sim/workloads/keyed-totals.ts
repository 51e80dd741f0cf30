// The job that every seed runs: a rate-limited source, a keyed edge, state, and a committing sink.
// Its output is a function of its parameters alone, whatever fails while it runs.
import { defineJob, generator, param, state, t } from 'millrace';
import { drawnSink, sinkParams } from './drawn-sink.ts';
import { keyOf } from './keyed-totals-oracle.ts';

const Entry = t.struct({ key: t.int32, amount: t.float64 });
const Total = t.struct({ key: t.int32, count: t.int32, sum: t.float64, largest: t.float64 });

export default defineJob({
  name: 'keyed-totals',
  params: {
    records: param(t.integer, 10_000),
    keys: param(t.integer, 97),
    ratePerSecond: param(t.integer, 2_000),
    ...sinkParams,
  },
  build(env, { records, keys, ratePerSecond, ...sink }) {
    env
      .from(generator(t.integer, (index) => index, { count: records, ratePerSecond }))
      .map((index) => ({ key: keyOf(index, keys), amount: index }))
      .returns(Entry)
      .keyBy((entry) => entry.key)
      .process({
        emits: Total,
        state: {
          count: state.value(t.int32, { initial: 0 }),
          sum: state.value(t.float64, { initial: 0 }),
          largest: state.reducing(t.float64, (a, b) => Math.max(a, b)),
        },
        onElement(entry, { state: { count, sum, largest } }) {
          count.set(count.get() + 1);
          sum.set(sum.get() + entry.amount);
          largest.add(entry.amount);
        },
        onEnd(context) {
          context.forEachKey('count', (key) => {
            const { count, sum, largest } = context.state;
            context.emit({ key, count: count.get(), sum: sum.get(), largest: largest.get() ?? -1 });
          });
        },
      })
      .sinkTo(drawnSink(Total, sink, ({ key }) => key));
  },
});
