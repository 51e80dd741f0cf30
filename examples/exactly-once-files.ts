// Running totals of takings by till, written into files that hold each total once, whatever is
// killed. Notice: a total is seen when its checkpoint is complete, so that a process that is killed
// (`kill -9`) takes nothing back; and state, the place in the source and the files of a checkpoint
// fit together, so that the job goes on from the newest one as if nothing had happened:
//
//     node_modules/.bin/millrace run examples/exactly-once-files.ts & sleep 5; kill -9 $!
//     newest=$(dirname $(ls -t out/checkpoints/*/chk-*/_metadata | head -1))
//     npx millrace run -s $newest --claimMode claim examples/exactly-once-files.ts
//     cat out/totals/part-* | sort -t, -k1,1n -k2,2n
import { defineJob, generator, milliseconds, param, state, t } from 'millrace';
import { files } from 'millrace/connectors/files';
import { csv } from 'millrace/formats';

const Sale = t.struct({ till: t.int32, cents: t.int32 });
const Total = t.struct({ till: t.int32, sales: t.int32, cents: t.integer });

export default defineJob({
  name: 'exactly-once-files',
  params: {
    out: param(t.string, 'out/totals'),
    checkpoints: param(t.string, 'out/checkpoints'),
    count: param(t.integer, 10_000),
    rate: param(t.integer, 1000, 'sales per second'),
  },
  build(env, { out, checkpoints, count, rate }) {
    env.enableCheckpointing(milliseconds(500), {
      directory: checkpoints,
      retention: 'RETAIN_ON_CANCELLATION',
    });
    env
      .from(
        generator(Sale, (n) => ({ till: n % 4, cents: 100 + ((n * 7919) % 900) }), {
          count,
          ratePerSecond: rate,
        }),
      )
      .uid('sales')
      .keyBy((sale) => sale.till)
      .process({
        emits: Total,
        state: { total: state.value(Total) },
        onElement({ till, cents }, ctx) {
          const before = ctx.state.total.get() ?? { till, sales: 0, cents: 0 };
          const total = { till, sales: before.sales + 1, cents: before.cents + cents };
          ctx.state.total.set(total);
          ctx.emit(total);
        },
      })
      .uid('totals')
      .sinkTo(files.sink({ path: out, format: csv(Total) }))
      .uid('files');
  },
});
