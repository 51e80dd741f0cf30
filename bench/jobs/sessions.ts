// Nexmark's bids -> how many each bidder makes without a pause of more than 10 s -> discard.
import { count, defineJob, discard, param, seconds, session, t } from 'millrace';
import { nexmarkBids } from '../nexmark/source.ts';
import { digestOf } from '../windows/digest.ts';

export default defineJob({
  name: 'sessions',
  params: { events: param(t.integer, 20_000_000) },
  build(env, { events }) {
    env
      .from(nexmarkBids({ events }), {})
      .keyBy(({ bidder }) => bidder)
      .window(session(seconds(10)))
      .aggregate(count())
      .sinkTo(discard({ checksum: (row) => digestOf(row.key, row.window.start, row.value) }));
  },
});
