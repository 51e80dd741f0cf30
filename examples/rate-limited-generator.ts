// Makes records at a steady rate: a load to try a job with. Notice: the function gets an index and
// must give the same record for it at any time, because a restarted job makes them again; and the
// rate is that of all subtasks together, so that `-p 4` changes nothing about it.
import { defineJob, generator, param, t } from 'millrace';

const Click = t.struct({ user: t.string, page: t.int32 });

export default defineJob({
  name: 'rate-limited-generator',
  params: { count: param(t.integer, 30), rate: param(t.integer, 20, 'records per second') },
  build(env, { count, rate }) {
    env
      .from(
        generator(Click, (index) => ({ user: `user-${index % 3}`, page: (index * index) % 7 }), {
          count,
          ratePerSecond: rate,
        }),
      )
      .filter((click) => click.page !== 0)
      .print();
  },
});
