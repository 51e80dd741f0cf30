// Two rate-limited sources, joined subtask by subtask, and a committing sink: tasks exchange
// records within their slot only, so that every slot is a failover region of its own. Its output is
// a function of its parameters alone, whatever fails while it runs, and whatever runs on meanwhile.
import { defineJob, generator, param, t } from 'millrace';
import { drawnSink, sinkParams } from './drawn-sink.ts';

const Copy = t.struct({ source: t.string, index: t.int32, square: t.float64 });

export default defineJob({
  name: 'copied-records',
  params: {
    records: param(t.integer, 10_000),
    keys: param(t.integer, 97),
    ratePerSecond: param(t.integer, 2_000),
    ...sinkParams,
  },
  build(env, { records, ratePerSecond, ...sink }) {
    const half = { count: records / 2, ratePerSecond: ratePerSecond / 2 };
    const copies = (source: string) =>
      env
        .from(generator(t.integer, (index) => index, half))
        .uid(source)
        .map((index) => ({ source, index, square: index * index }))
        .returns(Copy);
    copies('left')
      .union(copies('right'))
      .sinkTo(drawnSink(Copy, sink, ({ index }) => index));
  },
});
