// Query 0: bids go through as they are, which tells what it costs to do nothing.
import { defineJob } from 'millrace';
import { finish, nexmarkParameters } from '../parameters.ts';
import { nexmarkBids } from '../source.ts';

export default defineJob({
  name: 'nexmark-q0',
  params: nexmarkParameters,
  build(env, { results, ...nexmark }) {
    return finish(env.from(nexmarkBids(nexmark)), results);
  },
});
