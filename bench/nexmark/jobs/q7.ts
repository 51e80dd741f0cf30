// Query 7: the bids with the highest price of every 10 s, of all bids together.
import { defineJob, seconds, t, tumbling, type AggregateFunction, type Infer } from 'millrace';
import { finish, nexmarkParameters } from '../parameters.ts';
import { bids } from '../streams.ts';

const HighBid = t.struct({
  auction: t.integer,
  bidder: t.integer,
  price: t.integer,
  dateTime: t.timestamp,
  extra: t.string,
});
type HighBid = Infer<typeof HighBid>;

const highest: AggregateFunction<HighBid, readonly HighBid[], readonly HighBid[]> = {
  accumulator: t.array(HighBid),
  create: () => [],
  add: (bids, bid) => (bid.price < (bids[0]?.price ?? 0) ? bids : merge(bids, [bid])),
  merge,
  result: (bids) => bids,
};

export default defineJob({
  name: 'nexmark-q7',
  params: nexmarkParameters,
  build(env, { results, output, ...nexmark }) {
    const highBids = bids(env, nexmark, { shape: HighBid, time: 'event time' })
      .windowAll(tumbling(seconds(10)))
      .aggregate(highest)
      .flatMap(({ value }) => value)
      .map(({ auction, bidder, price, dateTime, extra }) => ({
        ...{ auction, bidder, price, dateTime, extra },
      }))
      .returns(HighBid);
    return finish(highBids, HighBid, { results, output });
  },
});

function merge(left: readonly HighBid[], right: readonly HighBid[]): readonly HighBid[] {
  const more = (left[0]?.price ?? 0) - (right[0]?.price ?? 0);
  if (more === 0) return [...left, ...right];
  return more > 0 ? left : right;
}
