// Hours in which many more flights land at an airport than depart from it, or the other way round.
// Notice: the function gets both sides of an hour at once, also where one of them has nothing.
import { defineJob, hours, param, t, tumbling } from 'millrace';
import { departure, FLIGHTS, flightsFrom, landing, textOf } from './parts/flights.ts';

export default defineJob({
  name: 'co-group',
  params: {
    flights: param(t.string, FLIGHTS, 'JSON lines'),
    least: param(t.integer, 4, 'as many more make an hour an uneven one'),
  },
  build(env, { flights, least }) {
    const all = env.from(flightsFrom(flights));
    const landings = all.assignTimestamps({ timestamp: landing, outOfOrder: hours(20) });
    const departures = all.assignTimestamps({ timestamp: departure });
    landings
      .coGroup(departures)
      .on(
        ({ destination }) => destination,
        ({ origin }) => origin,
      )
      .window(tumbling(hours(1)))
      .apply({
        emits: t.string,
        onGroups(landed, departed, ctx) {
          if (Math.abs(landed.length - departed.length) < least) return;
          const hour = `${ctx.key} ${textOf(ctx.window.start)}`;
          ctx.emit(`${hour}: ${landed.length} landings, ${departed.length} departures`);
        },
      })
      .print();
  },
});
