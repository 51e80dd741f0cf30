// Query 1: the prices of bids in euros.
import { defineJob, t } from 'millrace';
import { Bid } from '../events.ts';
import { finish, nexmarkParameters } from '../parameters.ts';
import { bids } from '../streams.ts';

const EUROS_PER_DOLLAR = 0.908;
const BidInEuros = t.struct({ ...Bid.fields, price: t.float64 });

export default defineJob({
  name: 'nexmark-q1',
  params: nexmarkParameters,
  build(env, { results, output, ...nexmark }) {
    const inEuros = bids(env, nexmark, { shape: Bid, time: 'no event time' })
      .map((bid) => ({ ...bid, price: bid.price * EUROS_PER_DOLLAR }))
      .returns(BidInEuros);
    return finish(inEuros, BidInEuros, { results, output });
  },
});
