// Query 12: how many bids each person makes in every 10 s of the clock.
import { count, defineJob, seconds, t, tumbling } from 'millrace';
import { finish, nexmarkParameters } from '../parameters.ts';
import { nexmarkBids } from '../source.ts';

const Window = t.struct({
  bidder: t.integer,
  bids: t.integer,
  start: t.timestamp,
  end: t.timestamp,
});

export default defineJob({
  name: 'nexmark-q12',
  params: nexmarkParameters,
  build(env, { results, ...nexmark }) {
    const windows = env
      .from(nexmarkBids(nexmark))
      .keyBy(({ bidder }) => bidder)
      .window(tumbling(seconds(10), { time: 'processing' }))
      .aggregate(count())
      .map(({ key, window, value }) => ({ bidder: key, bids: value, ...window }))
      .returns(Window);
    return finish(windows, results);
  },
});
