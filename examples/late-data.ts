// Counts departures by the hour in which they really took place, while flights come in the order of
// the plan. Notice: event time is an hour behind the newest departure, so flights that are later
// than that may find their hour counted already. They are not lost, but come out at the side.
import { count, defineJob, hours, minutes, param, plus, t, tumbling } from 'millrace';
import type { Timestamp, WatermarkGenerator } from 'millrace';
import { departure, type Flight, FLIGHTS, flightsFrom, textOf } from './parts/flights.ts';

export default defineJob({
  name: 'late-data',
  params: {
    flights: param(t.string, FLIGHTS, 'JSON lines'),
    least: param(t.integer, 4, 'as many departures make an hour a busy one'),
  },
  build(env, { flights, least }) {
    const hourly = env
      .from(flightsFrom(flights), { timestamp: takeOff, generator: anHourBehind })
      .keyBy(({ origin }) => origin)
      .window(tumbling(hours(1)))
      .aggregate(count());
    hourly
      .filter(({ value }) => value >= least)
      .map(({ key, window, value }) => `${key} ${textOf(window.start)}: ${value} departures`)
      .print('busy');
    hourly.side.late
      .map((flight) => `${flight.origin} ${textOf(takeOff(flight))}: ${flight.delay} minutes`)
      .print('late');
  },
});

function takeOff(flight: Flight): Timestamp {
  return plus(departure(flight), minutes(flight.delay));
}

/** Moves event time with every flight: which ones are late is then the same in every run. */
function anHourBehind(): WatermarkGenerator<Flight> {
  return {
    onEvent: (_flight, at, output) => output.emitWatermark(plus(at, hours(-1))),
  };
}
