// Query 2: bids on some auctions.
import { defineJob, t } from 'millrace';
import { finish, nexmarkParameters } from '../parameters.ts';
import { nexmarkBids } from '../source.ts';

const AuctionPrice = t.struct({ auction: t.integer, price: t.integer });

export default defineJob({
  name: 'nexmark-q2',
  params: nexmarkParameters,
  build(env, { results, ...nexmark }) {
    const prices = env
      .from(nexmarkBids(nexmark))
      .filter(({ auction }) => auction % 123 === 0)
      .map(({ auction, price }) => ({ auction, price }))
      .returns(AuctionPrice);
    return finish(prices, results);
  },
});
