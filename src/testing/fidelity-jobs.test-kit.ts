// A job with a little of everything whose results are the same however its records meet.
import { defineJob } from '../api/define-job.ts';
import { plus, seconds, timestamp } from '../base/units.ts';
import { generator } from '../connectors/generator/generator.ts';
import { count } from '../functions/aggregates.ts';
import { state } from '../functions/state.ts';
import { t } from '../types/index.ts';

const Reading = t.struct({ sensor: t.string, at: t.timestamp, value: t.int32 });

export const everything = defineJob({
  name: 'everything',
  build(env) {
    const readings = env
      .from(
        generator(
          Reading,
          (n) => ({ sensor: `s${n % 7}`, at: timestamp(n * 100 - (n % 3) * 250), value: n % 11 }),
          { count: 3000 },
        ),
      )
      .setParallelism(1)
      .assignTimestamps({ timestamp: ({ at }) => at, outOfOrder: seconds(1) });
    const summed = readings
      .rebalance()
      .filter(({ value }) => value !== 3)
      .keyBy(({ sensor }) => sensor)
      .process({
        emits: t.string,
        state: { sums: state.map(t.timestamp, t.int32) },
        outputs: { tens: t.string },
        onElement({ at, value, sensor }, ctx) {
          const second = timestamp(Math.ceil(at / 1000) * 1000);
          ctx.state.sums.set(second, (ctx.state.sums.get(second) ?? 0) + value);
          ctx.timers.onEventTime(plus(second, seconds(0)));
          if (value === 10) ctx.emitTo('tens', `${sensor} ${at}`);
        },
        onTimer(at, ctx) {
          ctx.emit(`${ctx.key} ${at} ${ctx.state.sums.get(at)}`);
          ctx.state.sums.delete(at);
        },
      });
    const pairs = summed.map((line) => line.slice(0, 2)).union(summed.side.tens.map(() => 'ten'));
    return {
      summed: summed.collect('summed'),
      tens: summed.side.tens.collect('tens'),
      counts: pairs
        .keyBy((word) => word)
        .aggregate(count())
        .map(({ key, value }) => `${key} ${value}`)
        .collect('counts'),
    };
  },
});
