// Raises an alarm when no flight has departed from an airport for a day. Notice: every flight sets
// a timer of its airport; it fires when event time has come so far, that is, after all flights up
// to then, wherever they came in between; so what it finds in the state is complete.
import { defineJob, hours, param, plus, state, t } from 'millrace';
import { departure, FLIGHTS, flightsFrom, textOf } from './parts/flights.ts';

const SILENCE = hours(24);

export default defineJob({
  name: 'timers',
  params: {
    flights: param(t.string, FLIGHTS, 'JSON lines'),
    airports: param(t.array(t.string), ['ATL', 'DEN', 'DFW', 'LAX', 'ORD', 'SFO'], 'watched'),
  },
  build(env, { flights, airports }) {
    env
      .from(flightsFrom(flights), { timestamp: departure })
      .filter(({ origin }) => airports.includes(origin))
      .keyBy(({ origin }) => origin)
      .process({
        emits: t.string,
        state: { departures: state.map(t.timestamp, t.boolean) },
        onElement(_flight, ctx) {
          ctx.state.departures.set(ctx.timestamp!, true);
          ctx.timers.onEventTime(plus(ctx.timestamp!, SILENCE));
        },
        onTimer(now, ctx) {
          const { departures } = ctx.state;
          const last = plus(now, hours(-24));
          departures.delete(last);
          for (const at of departures.keys()) if (at <= now) return;
          ctx.emit(`${ctx.key}: no departure since ${textOf(last)}`);
        },
      })
      .print('alarm');
  },
});
