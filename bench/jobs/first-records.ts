// A keyed job with checkpoints at a fixed rate. The first record that each attempt of it puts out
// makes a file of the folder, named by the attempt, with the time on the machine's clock.
import { writeFileSync } from 'node:fs';
import { defineJob, discard, generator, milliseconds, param, state, t } from 'millrace';
import { machineMicros } from '../cluster/paced-source.ts';

const KEYS = 1000;
/** More than any run takes. */
const RECORDS = 10_000_000;

export default defineJob({
  name: 'first-records',
  params: {
    folder: t.string,
    perSecond: param(t.integer, 2000),
    interval: param(t.integer, 500, 'of checkpoints, in milliseconds'),
  },
  build(env, { folder, perSecond, interval }) {
    env.enableCheckpointing(milliseconds(interval));
    let attempt = 0;
    let isFirst = true;
    env
      .from(generator(t.int32, (n) => n, { count: RECORDS, ratePerSecond: perSecond }))
      .uid('numbers')
      .keyBy((n) => n % KEYS)
      .process({
        emits: t.int32,
        state: { count: state.value(t.int32) },
        open: (context) => {
          ({ attempt } = context);
        },
        onElement(_, context) {
          const count = (context.state.count.get() ?? 0) + 1;
          context.state.count.set(count);
          context.emit(count);
          if (!isFirst) return;
          isFirst = false;
          writeFileSync(`${folder}/${attempt}`, `${machineMicros()}`);
        },
      })
      .uid('counts')
      .sinkTo(discard())
      .uid('nowhere');
  },
});
