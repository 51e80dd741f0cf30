// sequence -> map -> keyBy -> sum in keyed state -> discard: a keyed edge and a state access a
// record. 7919 is a prime that does not divide the number of keys, so every round of `keys` records
// meets every key once, in shuffled order.
import { defineJob, discard, param, sumOf, t } from 'millrace';

const Sale = t.struct({ key: t.float64, amount: t.float64 });

export default defineJob({
  name: 'keyed-sum',
  params: { records: param(t.integer, 40_000_000), keys: param(t.integer, 100_000) },
  build(env, { records, keys }) {
    env
      .sequence(1, records)
      .map((n) => ({ key: ((n % keys) * 7919) % keys, amount: 1 }))
      .returns(Sale)
      .keyBy((sale) => sale.key)
      .aggregate(sumOf((sale) => sale.amount))
      .sinkTo(discard({ checksum: (sum) => sum.value }));
  },
});
