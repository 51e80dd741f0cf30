// Query 5: the auctions with most bids in the last 10 s, every 2 s. Counts by auction, and then the
// greatest of them among the results of one window, which all have the time of its end.
import { count, defineJob, seconds, sliding, t, tumbling } from 'millrace';
import type { AggregateFunction, Infer } from 'millrace';
import { finish, nexmarkParameters } from '../parameters.ts';
import { bids } from '../streams.ts';

const AuctionBids = t.struct({ auction: t.integer, bids: t.integer, end: t.timestamp });
type AuctionBids = Infer<typeof AuctionBids>;

const hottest: AggregateFunction<AuctionBids, readonly AuctionBids[], readonly AuctionBids[]> = {
  accumulator: t.array(AuctionBids),
  create: () => [],
  add: (all, one) => merge(all, [one]),
  merge,
  result: (all) => all,
};

export default defineJob({
  name: 'nexmark-q5',
  params: nexmarkParameters,
  build(env, { results, output, ...nexmark }) {
    const hot = bids(env, nexmark, {
      shape: t.struct({ auction: t.integer, dateTime: t.timestamp }),
      time: 'event time',
    })
      .keyBy(({ auction }) => auction)
      .window(sliding(seconds(10), seconds(2)))
      .aggregate(count())
      .map(({ key, window, value }) => ({ auction: key, bids: value, end: window.end }))
      .returns(AuctionBids)
      .keyBy(({ end }) => end)
      .window(tumbling(seconds(2)))
      .aggregate(hottest)
      .flatMap(({ value }) => value)
      .returns(AuctionBids);
    return finish(hot, AuctionBids, { results, output });
  },
});

function merge(
  left: readonly AuctionBids[],
  right: readonly AuctionBids[],
): readonly AuctionBids[] {
  const most = (left[0]?.bids ?? 0) - (right[0]?.bids ?? 0);
  if (most === 0) return [...left, ...right];
  return most > 0 ? left : right;
}
