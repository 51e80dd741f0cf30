// Query 4: the mean of the final prices in each category, whenever auctions close. The winning bid
// is known when event time has come to the end of the auction: a timer of its key. Closed auctions
// of a category are added in the order of their ends, again by timers.
import { defineJob, state, t, type ValueState } from 'millrace';
import { Auction, Bid } from '../events.ts';
import { finish, nexmarkParameters } from '../parameters.ts';
import { auctionsOf, bidsOf, events } from '../streams.ts';

const Closed = t.struct({ category: t.integer, price: t.integer });
const Prices = t.struct({ sum: t.integer, count: t.integer });
const Mean = t.struct({ category: t.integer, at: t.timestamp, mean: t.float64 });
const NONE = { sum: 0, count: 0 };

export default defineJob({
  name: 'nexmark-q4',
  params: nexmarkParameters,
  build(env, { results, output, ...nexmark }) {
    const all = events(env, nexmark, 'event time');
    const means = auctionsOf(all)
      .keyBy(({ id }) => id)
      .connect(bidsOf(all).keyBy(({ auction }) => auction))
      .process({
        emits: Closed,
        state: {
          auction: state.value(Auction),
          highest: state.value(t.integer),
          // Bids that came before their auction.
          early: state.list(Bid),
        },
        onLeft(auction, ctx) {
          ctx.state.auction.set(auction);
          ctx.timers.onEventTime(auction.expires);
          for (const bid of ctx.state.early.values()) raise(bid, auction, ctx.state.highest);
          ctx.state.early.clear();
        },
        onRight(bid, ctx) {
          const auction = ctx.state.auction.get();
          if (auction !== undefined) return raise(bid, auction, ctx.state.highest);
          ctx.state.early.add(bid);
          ctx.timers.onEventTime(bid.dateTime);
        },
        onTimer(at, ctx) {
          const { auction, highest, early } = ctx.state;
          const { category, expires } = auction.get() ?? {};
          if (category === undefined) {
            // An auction that opened in time would be here by now.
            const left = [...early.values()].filter(({ dateTime }) => dateTime > at);
            early.clear();
            for (const bid of left) early.add(bid);
          } else if (at === expires) {
            const price = highest.get();
            if (price !== undefined) ctx.emit({ category, price });
            auction.clear();
            highest.clear();
          }
        },
      })
      .keyBy(({ category }) => category)
      .process({
        emits: Mean,
        state: {
          byTime: state.map(t.timestamp, Prices),
          sofar: state.value(Prices, { initial: NONE }),
        },
        onElement({ price }, ctx) {
          const at = ctx.timestamp!;
          const { sum, count } = ctx.state.byTime.get(at) ?? NONE;
          ctx.state.byTime.set(at, { sum: sum + price, count: count + 1 });
          ctx.timers.onEventTime(at);
        },
        onTimer(at, ctx) {
          const { byTime, sofar } = ctx.state;
          const [more, before] = [byTime.get(at)!, sofar.get()];
          const sum = before.sum + more.sum;
          const count = before.count + more.count;
          byTime.delete(at);
          sofar.set({ sum, count });
          ctx.emit({ category: ctx.key, at, mean: sum / count });
        },
      });
    return finish(means, Mean, { results, output });
  },
});

function raise(bid: Bid, auction: Auction, highest: ValueState<number | undefined>): void {
  const inTime = bid.dateTime >= auction.dateTime && bid.dateTime <= auction.expires;
  if (inTime && bid.price > (highest.get() ?? 0)) highest.set(bid.price);
}
