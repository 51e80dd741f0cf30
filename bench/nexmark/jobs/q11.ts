// Query 11: how many bids each person makes without a pause of more than 10 s.
import { count, defineJob, seconds, session, t } from 'millrace';
import { finish, nexmarkParameters } from '../parameters.ts';
import { bids } from '../streams.ts';

const Session = t.struct({
  bidder: t.integer,
  bids: t.integer,
  start: t.timestamp,
  end: t.timestamp,
});

export default defineJob({
  name: 'nexmark-q11',
  params: nexmarkParameters,
  build(env, { results, output, ...nexmark }) {
    const sessions = bids(env, nexmark, {
      shape: t.struct({ bidder: t.integer, dateTime: t.timestamp }),
      time: 'event time',
    })
      .keyBy(({ bidder }) => bidder)
      .window(session(seconds(10)))
      .aggregate(count())
      .map(({ key, window, value }) => ({ bidder: key, bids: value, ...window }))
      .returns(Session);
    return finish(sessions, Session, { results, output });
  },
});
