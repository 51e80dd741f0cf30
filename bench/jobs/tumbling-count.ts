// Nexmark's bids -> how many each bidder makes in every 10 s -> discard.
import { count, defineJob, discard, param, seconds, t, tumbling } from 'millrace';
import { nexmarkBids } from '../nexmark/source.ts';
import { digestOf } from '../windows/digest.ts';

export default defineJob({
  name: 'tumbling-count',
  params: { events: param(t.integer, 20_000_000) },
  build(env, { events }) {
    env
      .from(nexmarkBids({ events }), {})
      .keyBy(({ bidder }) => bidder)
      .window(tumbling(seconds(10)))
      .aggregate(count())
      .sinkTo(discard({ checksum: (row) => digestOf(row.key, row.window.start, row.value) }));
  },
});
