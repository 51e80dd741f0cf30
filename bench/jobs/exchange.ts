// Records of 100 bytes from a source in one slot over a keyed edge to a sink in another: every
// record is encoded, crosses, and is decoded; nothing else happens to it.
import { defineJob, discard, param, t } from 'millrace';

const KEYS = 100_000;
const TEXTS = 1024;
/** Three doubles, a header of two bytes, and a text: 100 bytes. */
const TEXT_LENGTH = 74;

const Payment = t.struct({
  account: t.float64,
  amount: t.float64,
  time: t.float64,
  text: t.string,
});

export default defineJob({
  name: 'exchange',
  params: { records: param(t.integer, 30_000_000) },
  build(env, { records }) {
    const texts = Array.from({ length: TEXTS }, (_, i) =>
      `payment ${i} of the benchmark of exchanges`.padEnd(TEXT_LENGTH, '.'),
    );
    env
      .sequence(0, records - 1)
      .slotSharingGroup('from')
      .map((n) => ({
        account: (n * 7919) % KEYS,
        amount: n % 1000,
        time: n,
        text: texts[n % TEXTS]!,
      }))
      .slotSharingGroup('from')
      .returns(Payment)
      .keyBy((payment) => payment.account)
      .sinkTo(discard({ checksum: (payment) => payment.amount + payment.text.length }))
      .slotSharingGroup('to');
  },
});
