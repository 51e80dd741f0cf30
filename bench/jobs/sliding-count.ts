// Nexmark's bids -> every second, how many each bidder has made in a minute -> discard.
import { count, defineJob, discard, minutes, param, seconds, sliding, t } from 'millrace';
import { nexmarkBids } from '../nexmark/source.ts';
import { digestOf } from '../windows/digest.ts';

export default defineJob({
  name: 'sliding-count',
  params: { events: param(t.integer, 20_000_000) },
  build(env, { events }) {
    env
      .from(nexmarkBids({ events }), {})
      .keyBy(({ bidder }) => bidder)
      .window(sliding(minutes(1), seconds(1)))
      .aggregate(count())
      .sinkTo(discard({ checksum: (row) => digestOf(row.key, row.window.start, row.value) }));
  },
});
