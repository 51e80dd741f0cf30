// Every quarter of an hour, how many flights have departed from an airport within an hour; prints
// the busy hours. Notice: a flight is in four windows, but is counted once, in its quarter; windows
// share their quarters.
import { count, defineJob, hours, minutes, param, sliding, t } from 'millrace';
import { departure, FLIGHTS, flightsFrom, textOf } from './parts/flights.ts';

export default defineJob({
  name: 'sliding-windows',
  params: {
    flights: param(t.string, FLIGHTS, 'JSON lines'),
    least: param(t.integer, 5, 'as many departures make an hour a busy one'),
  },
  build(env, { flights, least }) {
    env
      .from(flightsFrom(flights), { timestamp: departure })
      .keyBy(({ origin }) => origin)
      .window(sliding(hours(1), minutes(15)))
      .aggregate(count())
      .filter(({ value }) => value >= least)
      .map(({ key, window, value }) => `${key} ${textOf(window.start)}: ${value} departures`)
      .print();
  },
});
