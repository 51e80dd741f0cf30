// A job that is at work until it is cancelled, with an exchange between two vertices.
import { defineJob, discard, generator, t } from 'millrace';

export default defineJob({
  name: 'endless',
  build(env) {
    env
      .from(generator(t.int32, (n) => n, { ratePerSecond: 100 }))
      .keyBy((n) => n % 8)
      .sum()
      .sinkTo(discard());
  },
});
