// Query 0: bids go through as they are, which tells what it costs to do nothing.
import { defineJob } from 'millrace';
import { Bid } from '../events.ts';
import { finish, nexmarkParameters } from '../parameters.ts';
import { bids } from '../streams.ts';

export default defineJob({
  name: 'nexmark-q0',
  params: nexmarkParameters,
  build(env, { results, output, ...nexmark }) {
    return finish(bids(env, nexmark, { shape: Bid, time: 'no event time' }), Bid, {
      results,
      output,
    });
  },
});
