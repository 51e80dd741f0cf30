// The mean delay of every hundred flights of an airport. Notice: these windows are full by number,
// whatever the time; what does not fill one by the end is in no result, but it is counted: see
// `numElementsUnfired` in the last line with --json.
import { defineJob, meanOf, param, t } from 'millrace';
import { FLIGHTS, flightsFrom } from './parts/flights.ts';

export default defineJob({
  name: 'count-windows',
  params: {
    flights: param(t.string, FLIGHTS, 'JSON lines'),
    size: param(t.integer, 100, 'so many flights make a window'),
  },
  build(env, { flights, size }) {
    env
      .from(flightsFrom(flights))
      .keyBy(({ origin }) => origin)
      .countWindow(size)
      .aggregate(meanOf(({ delay }) => delay))
      .map(({ key, value }) => `${key} ${value.toFixed(2)}`)
      .print();
  },
});
