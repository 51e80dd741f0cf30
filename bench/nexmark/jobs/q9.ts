// Query 9: every auction that has closed, with the bid that has won. Auctions meet bids by an
// interval join, as long as auctions can last; when one has closed, a timer of its key tells.
import { defineJob, milliseconds, state, t, type Infer } from 'millrace';
import { Auction } from '../events.ts';
import { NexmarkGenerator } from '../generator.ts';
import { finish, nexmarkParameters } from '../parameters.ts';
import { auctionsOf, bidsOf, events } from '../streams.ts';

const WinningBid = t.struct({
  ...Auction.fields,
  bidder: t.integer,
  price: t.integer,
  bidTime: t.timestamp,
});
type WinningBid = Infer<typeof WinningBid>;

export default defineJob({
  name: 'nexmark-q9',
  params: nexmarkParameters,
  build(env, { results, output, ...nexmark }) {
    const { longestAuction } = new NexmarkGenerator(nexmark);
    const all = events(env, nexmark, 'event time');
    const winners = auctionsOf(all)
      .keyBy(({ id }) => id)
      .intervalJoin(bidsOf(all).keyBy(({ auction }) => auction))
      .between(milliseconds(0), longestAuction)
      .inner((auction, { bidder, price, dateTime }) => ({
        ...auction,
        ...{ bidder, price, bidTime: dateTime },
      }))
      .returns(WinningBid)
      .filter(({ bidTime, expires }) => bidTime <= expires)
      .keyBy(({ id }) => id)
      .process({
        emits: WinningBid,
        state: { best: state.value(WinningBid) },
        onElement(bid, ctx) {
          const best = ctx.state.best.get();
          if (best === undefined) ctx.timers.onEventTime(bid.expires);
          if (best === undefined || beats(bid, best)) ctx.state.best.set(bid);
        },
        onTimer(_at, ctx) {
          ctx.emit(ctx.state.best.get()!);
          ctx.state.best.clear();
        },
      });
    return finish(winners, WinningBid, { results, output });
  },
});

/** The highest, of these the first, of these that of the smallest bidder. */
function beats(bid: WinningBid, best: WinningBid): boolean {
  const more = bid.price - best.price || best.bidTime - bid.bidTime || best.bidder - bid.bidder;
  return more > 0;
}
