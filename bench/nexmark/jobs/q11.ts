// Query 11: how many bids each person makes without a pause of more than 10 s.
import { count, defineJob, seconds, session, t } from 'millrace';
import { eventTime, finish, nexmarkParameters } from '../parameters.ts';
import { nexmarkBids } from '../source.ts';

const Session = t.struct({
  bidder: t.integer,
  bids: t.integer,
  start: t.timestamp,
  end: t.timestamp,
});

export default defineJob({
  name: 'nexmark-q11',
  params: nexmarkParameters,
  build(env, { results, ...nexmark }) {
    const sessions = env
      .from(nexmarkBids(nexmark), eventTime(nexmark))
      .keyBy(({ bidder }) => bidder)
      .window(session(seconds(10)))
      .aggregate(count())
      .map(({ key, window, value }) => ({ bidder: key, bids: value, ...window }))
      .returns(Session);
    return finish(sessions, results);
  },
});
