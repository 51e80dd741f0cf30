// A job whose function registers metrics of every kind, and goes on until it is cancelled.
import { defineJob } from '../api/define-job.ts';
import { generator } from '../connectors/generator/generator.ts';
import { discard } from '../connectors/discard/discard.ts';
import type { OpenContext } from '../functions/function-context.ts';
import type { Counter, Histogram, Meter } from '../functions/metric-group.ts';
import { t } from '../types/index.ts';

export const measured = defineJob({
  name: 'measured',
  build(env) {
    let multiples: Counter;
    let orders: Meter;
    let sizes: Histogram;
    let last = 0;
    env
      .from(generator(t.float64, (n) => n, { ratePerSecond: 1000 }))
      .keyBy((n) => n % 8)
      .process({
        open({ metrics }: OpenContext) {
          multiples = metrics.counter('multiplesOfThree');
          orders = metrics.meter('orders');
          sizes = metrics.histogram('sizes', { window: 50 });
          metrics.group('topic', 'orders').gauge('last', () => last);
          metrics.gauge('broken', () => {
            throw new Error('not connected');
          });
        },
        emits: t.float64,
        onElement(n, ctx) {
          last = n;
          if (n % 3 === 0) multiples.increment();
          orders.mark();
          sizes.update(n % 50);
          ctx.emit(n);
        },
      })
      .name('measure')
      .sinkTo(discard());
  },
});
