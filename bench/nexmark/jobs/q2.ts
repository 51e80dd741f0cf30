// Query 2: bids on some auctions.
import { defineJob, t } from 'millrace';
import { finish, nexmarkParameters } from '../parameters.ts';
import { bids } from '../streams.ts';

const AuctionPrice = t.struct({ auction: t.integer, price: t.integer });

export default defineJob({
  name: 'nexmark-q2',
  params: nexmarkParameters,
  build(env, { results, output, ...nexmark }) {
    const prices = bids(env, nexmark, { shape: AuctionPrice, time: 'no event time' })
      .filter(({ auction }) => auction % 123 === 0)
      .map(({ auction, price }) => ({ auction, price }))
      .returns(AuctionPrice);
    return finish(prices, AuctionPrice, { results, output });
  },
});
