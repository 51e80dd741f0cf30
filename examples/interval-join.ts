// Connections: flights that depart from an airport at most an hour after another has landed there.
// Notice: both sides have a time of their own; landings come in another order than they happen, so
// event time waits for the longest flight; each side is kept only as long as it can still match.
import { defineJob, hours, minutes, param, t } from 'millrace';
import { files } from 'millrace/connectors/files';
import { csv } from 'millrace/formats';
import { departure, FLIGHTS, flightsFrom, landing, textOf } from './parts/flights.ts';

const Connection = t.struct({
  from: t.string,
  landing: t.string,
  airport: t.string,
  departure: t.string,
  to: t.string,
});

export default defineJob({
  name: 'interval-join',
  params: {
    flights: param(t.string, FLIGHTS, 'JSON lines'),
    out: param(t.string, 'out/interval-join', 'the folder for the connections'),
  },
  build(env, { flights, out }) {
    const all = env.from(flightsFrom(flights));
    const landings = all.assignTimestamps({ timestamp: landing, outOfOrder: hours(20) });
    const departures = all.assignTimestamps({ timestamp: departure });
    landings
      .keyBy(({ destination }) => destination)
      .intervalJoin(departures.keyBy(({ origin }) => origin))
      .between(minutes(0), hours(1))
      .inner((landed, departing) => ({
        from: landed.origin,
        landing: textOf(landing(landed)),
        airport: departing.origin,
        departure: textOf(departure(departing)),
        to: departing.destination,
      }))
      .sinkTo(files.sink({ path: out, format: csv(Connection), onExisting: 'replace' }));
  },
});
