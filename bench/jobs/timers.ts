// A record a millisecond of event time, each of another key, sets a timer that fires after `live`
// further records: so many timers are there at a time, and a record costs two operations. The
// results are the times at which they fire.
import { defineJob, discard, milliseconds, param, plus, t, timestamp } from 'millrace';

export default defineJob({
  name: 'timers',
  params: { records: param(t.integer, 10_000_000), live: param(t.integer, 1_000_000) },
  build(env, { records, live }) {
    const delay = milliseconds(live);
    env
      .sequence(0, records - 1)
      .assignTimestamps({ timestamp: (n) => n })
      // 7919 is a prime that does not divide the number of keys: each comes once in `live` records.
      .keyBy((n) => ((n % live) * 7919) % live)
      .process({
        emits: t.timestamp,
        onElement: (n, ctx) => ctx.timers.onEventTime(plus(timestamp(n), delay)),
        onTimer: (at, ctx) => ctx.emit(at),
      })
      .sinkTo(discard());
  },
});
