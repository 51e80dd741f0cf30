// Waves of departures: flights of an airport at most an hour apart. Notice: such windows grow with
// their records, and merge when one comes that belongs to two; the function behind the aggregate
// sees the window that has come of it.
import { count, defineJob, hours, param, session, t } from 'millrace';
import { departure, FLIGHTS, flightsFrom, textOf } from './parts/flights.ts';

export default defineJob({
  name: 'session-windows',
  params: {
    flights: param(t.string, FLIGHTS, 'JSON lines'),
    least: param(t.integer, 7, 'as many departures make a wave'),
  },
  build(env, { flights, least }) {
    env
      .from(flightsFrom(flights), { timestamp: departure })
      .keyBy(({ origin }) => origin)
      .window(session(hours(1)))
      .aggregate(count(), {
        emits: t.string,
        onWindow(departures, ctx) {
          if (departures < least) return;
          const { start, end } = ctx.window;
          ctx.emit(`${ctx.key} ${textOf(start)} to ${textOf(end)}: ${departures} departures`);
        },
      })
      .print();
  },
});
