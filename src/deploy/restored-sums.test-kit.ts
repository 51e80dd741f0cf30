// A job that counts and sums by key while it fails now and then, for tests of checkpoints on the
// mini cluster.
import { defineJob } from '../api/define-job.ts';
import { param } from '../api/parameters.ts';
import { milliseconds } from '../base/units.ts';
import { generator } from '../connectors/generator/generator.ts';
import type { OpenContext } from '../functions/function-context.ts';
import { state } from '../functions/state.ts';
import { t } from '../types/index.ts';

export const RECORDS = 6000;
export const KEYS = 10;
const Numbers = generator(t.float64, (n) => n, { count: RECORDS, ratePerSecond: 3000 });

export const summed = defineJob({
  name: 'summed',
  params: {
    directory: param(t.string, ''),
    unaligned: param(t.boolean, false),
    dies: param(t.boolean, false),
  },
  build(env, { directory, unaligned, dies }) {
    env.enableCheckpointing(milliseconds(50), { directory, unaligned });
    let attempt = 0;
    let seen = 0;
    env
      .from(Numbers)
      .rebalance()
      .process({
        emits: t.float64,
        open: (context: OpenContext) => void (attempt = context.attempt),
        onElement(n, ctx) {
          seen += 1;
          // The first two attempts end in the middle, somewhere else each.
          if (seen === 700 && attempt <= 2) {
            if (dies) process.exit(3);
            throw new TypeError('on purpose');
          }
          ctx.emit(n);
        },
      })
      .keyBy((n) => n % KEYS)
      .process({
        emits: t.string,
        state: {
          count: state.value(t.float64, { initial: 0 }),
          sum: state.value(t.float64, { initial: 0 }),
        },
        onElement(n, ctx) {
          ctx.state.count.set(ctx.state.count.get() + 1);
          ctx.state.sum.set(ctx.state.sum.get() + n);
        },
        onEnd(ctx) {
          ctx.forEachKey('count', (key) => {
            ctx.emit(`${key} ${ctx.state.count.get()} ${ctx.state.sum.get()}`);
          });
        },
      })
      .print();
  },
});
