// Joins flights with their airports, and sums up each day of each origin. Notice: the airports are
// broadcast, so that every subtask has all of them; flights wait in state of their key until both
// inputs have ended; and files get their names when the job commits them, at its end.
import { calendarDate, defineJob, fromUnscaled, param, state, t } from 'millrace';
import type { Infer } from 'millrace';
import { files } from 'millrace/connectors/files';
import { csv, json } from 'millrace/formats';
import { byOriginAndDay, DayOfDelays, worstFive } from './parts/worst-five.ts';

const Flight = t.struct({ date: t.string, delay: t.int32, origin: t.string });
const Airport = t.struct({ iata: t.string, name: t.string });

const names = state.broadcast('names', t.string, t.string);

export default defineJob({
  name: 'flight-delays',
  params: {
    flights: param(t.string, 'examples/data/flights.jsonl', 'JSON lines'),
    airports: param(t.string, 'examples/data/airports.csv', 'CSV'),
    out: param(t.string, 'out/flight-delays', 'the folder for the results'),
  },
  build(env, { flights, airports, out }) {
    const named = env.from(files.source({ path: airports, format: csv(Airport) }));
    const days = env
      .from(files.source({ path: flights, format: json(Flight) }))
      .keyBy(({ origin, date }) => [origin, date.slice(0, 'YYYY/MM/DD'.length)])
      .connect(named.broadcast(names))
      .process({
        emits: DayOfDelays,
        state: { delays: state.list(t.int32) },
        onElement: ({ delay }, ctx) => ctx.state.delays.add(delay),
        onBroadcast: ({ iata, name }, ctx) => ctx.broadcast(names).set(iata, name),
        onEnd(ctx) {
          const rows: Infer<typeof DayOfDelays>[] = [];
          ctx.forEachKey('delays', ([origin, date]) => {
            const delays = [...ctx.state.delays.values()];
            rows.push({
              origin,
              airport: ctx.broadcast(names).get(origin) ?? '',
              day: calendarDate(date.replaceAll('/', '-')),
              flights: delays.length,
              meanDelay: meanOf(delays),
              worstDelay: Math.max(...delays),
            });
          });
          for (const row of rows.sort(byOriginAndDay)) ctx.emit(row);
        },
      })
      .name('days of delays');
    days.sinkTo(files.sink({ path: out, format: csv(DayOfDelays), onExisting: 'replace' }));
    days.through(worstFive).print().setParallelism(1);
  },
});

/** With two decimals, halves away from zero; from whole hundredths, so that it is exact. */
function meanOf(delays: readonly number[]) {
  const sum = delays.reduce((total, delay) => total + delay, 0);
  const hundredths = Math.round(Math.abs(sum * 100) / delays.length);
  return fromUnscaled(BigInt(Math.sign(sum) * hundredths), 2);
}
