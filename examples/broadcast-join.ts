// The worst delays, with the city that the flight waited in. Notice: every subtask has all
// airports, so the flights stay where they are; they wait until the last airport is read, and none
// is missed.
import { defineJob, param, t } from 'millrace';
import { files } from 'millrace/connectors/files';
import { csv } from 'millrace/formats';
import { FLIGHTS, flightsFrom } from './parts/flights.ts';

const Airport = t.struct({ iata: t.string, city: t.string, state: t.string });

export default defineJob({
  name: 'broadcast-join',
  params: {
    flights: param(t.string, FLIGHTS, 'JSON lines'),
    airports: param(t.string, 'examples/data/airports.csv', 'CSV'),
    least: param(t.integer, 300, 'minutes'),
  },
  build(env, { flights, airports, least }) {
    env
      .from(flightsFrom(flights))
      .filter(({ delay }) => delay >= least)
      .broadcastJoin(env.from(files.source({ path: airports, format: csv(Airport) })), {
        holdUntilEnd: true,
      })
      .on(
        ({ origin }) => origin,
        ({ iata }) => iata,
      )
      .left(({ date, delay, origin }, airport) => {
        const city = airport === undefined ? origin : `${airport.city}, ${airport.state}`;
        return `${date} ${city}: ${delay} minutes`;
      })
      .print();
  },
});
