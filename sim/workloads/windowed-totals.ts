// Event time through the whole cluster: two aligned sources out of order, with watermarks by split;
// sliding windows, sessions, timers and a join by interval. Its output is a function of its
// parameters alone, whatever fails while it runs, since no record is later than its strategy
// allows.
import {
  count,
  defineJob,
  generator,
  milliseconds,
  param,
  plus,
  seconds,
  session,
  sliding,
  t,
  timestamp,
  type Infer,
  type StreamEnvironment,
  type WatermarkStrategy,
} from 'millrace';
import { drawnSink, sinkParams } from './drawn-sink.ts';
import { keyOf } from './keyed-totals-oracle.ts';
import {
  isMark,
  JOIN_WITHIN,
  OUT_OF_ORDER,
  SESSION_GAP,
  SLIDING_SIZE,
  SLIDING_SLIDE,
  TIMER_DELAY,
  timeOf,
} from './windowed-totals-oracle.ts';

const Entry = t.struct({ key: t.int32, index: t.integer });
const Row = t.struct({ what: t.string, key: t.int32, at: t.integer, value: t.integer });

function row(what: string, key: number, at: number, value: number): Infer<typeof Row> {
  return { what, key, at, value };
}

const strategy: WatermarkStrategy<{ readonly index: number }> = {
  timestamp: ({ index }) => timestamp(timeOf(index)),
  outOfOrder: milliseconds(OUT_OF_ORDER),
  alignment: { group: 'both', maxDrift: seconds(10), updateInterval: milliseconds(500) },
};

interface Parameters {
  readonly records: number;
  readonly keys: number;
  readonly ratePerSecond: number;
}

function entriesOf(env: StreamEnvironment, { records, keys, ratePerSecond }: Parameters) {
  const entryOf = (index: number) => ({ key: keyOf(index, keys), index });
  const source = generator(Entry, entryOf, { count: records, ratePerSecond });
  return env.from(source, strategy);
}

export default defineJob({
  name: 'windowed-totals',
  params: {
    records: param(t.integer, 10_000),
    keys: param(t.integer, 97),
    ratePerSecond: param(t.integer, 2_000),
    ...sinkParams,
  },
  build(env, { out, rolls, buckets, ...parameters }) {
    const entries = entriesOf(env, parameters)
      .name('entries')
      .uid('entries')
      .keyBy(({ key }) => key);
    const marks = entriesOf(env, parameters)
      .name('marks')
      .uid('marks')
      .filter(({ index }) => isMark(index))
      .keyBy(({ key }) => key);
    const slides = entries
      .window(sliding(milliseconds(SLIDING_SIZE), milliseconds(SLIDING_SLIDE)))
      .aggregate(count())
      .map(({ key, window, value }) => row('sliding', key, window.start, value));
    const sessions = entries
      .window(session(milliseconds(SESSION_GAP)))
      .reduce((a, b) => ({ key: a.key, index: a.index + b.index }))
      .map(({ key, window, value }) => row('session', key, window.start, value.index));
    const timers = entries.process({
      emits: Row,
      onElement: (_, ctx) =>
        ctx.timers.onEventTime(plus(ctx.timestamp!, milliseconds(TIMER_DELAY))),
      onTimer: (at, ctx) => ctx.emit(row('timer', ctx.key, at, 0)),
    });
    const joined = entries
      .intervalJoin(marks)
      .between(milliseconds(-JOIN_WITHIN), milliseconds(JOIN_WITHIN))
      .inner((entry, mark) => row('join', entry.key, entry.index, mark.index));
    slides
      .union(sessions, timers, joined)
      .returns(Row)
      .sinkTo(drawnSink(Row, { out, rolls, buckets }, ({ key }) => key));
  },
});
