// Query 12: how many bids each person makes in every 10 s of the clock, or so many as are asked
// for.
import { count, defineJob, param, seconds, t, tumbling } from 'millrace';
import { finish, nexmarkParameters } from '../parameters.ts';
import { bids } from '../streams.ts';

const Window = t.struct({
  bidder: t.integer,
  bids: t.integer,
  start: t.timestamp,
  end: t.timestamp,
});

export default defineJob({
  name: 'nexmark-q12',
  params: { ...nexmarkParameters, windowSeconds: param(t.integer, 10) },
  build(env, { results, output, windowSeconds, ...nexmark }) {
    const windows = bids(env, nexmark, {
      shape: t.struct({ bidder: t.integer }),
      time: 'no event time',
    })
      .keyBy(({ bidder }) => bidder)
      .window(tumbling(seconds(windowSeconds), { time: 'processing' }))
      .aggregate(count())
      .map(({ key, window, value }) => ({ bidder: key, bids: value, ...window }))
      .returns(Window);
    return finish(windows, Window, { results, output });
  },
});
