// Counts the departures of every airport in every hour, and prints the busy hours. Notice: event
// time comes from the flights, so the result does not depend on how fast they are read; an hour is
// counted when event time has come to its end.
import { count, defineJob, hours, param, t, tumbling } from 'millrace';
import { departure, FLIGHTS, flightsFrom, textOf } from './parts/flights.ts';

export default defineJob({
  name: 'tumbling-windows',
  params: {
    flights: param(t.string, FLIGHTS, 'JSON lines'),
    least: param(t.integer, 4, 'as many departures make an hour a busy one'),
  },
  build(env, { flights, least }) {
    env
      .from(flightsFrom(flights), { timestamp: departure })
      .keyBy(({ origin }) => origin)
      .window(tumbling(hours(1)))
      .aggregate(count())
      .filter(({ value }) => value >= least)
      .map(({ key, window, value }) => `${key} ${textOf(window.start)}: ${value} departures`)
      .print();
  },
});
