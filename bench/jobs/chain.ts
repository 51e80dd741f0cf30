// sequence -> map -> filter -> discard: what one chain costs a record.
import { defineJob, discard, param, t } from 'millrace';

export default defineJob({
  name: 'chain',
  params: { records: param(t.integer, 300_000_000) },
  build(env, { records }) {
    env
      .sequence(1, records)
      .map((n) => n + 1)
      .filter((n) => n % 3 !== 0)
      .sinkTo(discard());
  },
});
