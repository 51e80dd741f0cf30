// Bids from JSON lines, counted by auction in every 10 s of event time.
import { count, defineJob, param, seconds, t, tumbling } from 'millrace';
import { files } from 'millrace/connectors/files';
import { json } from 'millrace/formats';

const Bid = t.struct({ auction: t.integer, dateTime: t.timestamp });
const Count = t.struct({ auction: t.integer, bids: t.integer, end: t.timestamp });

export default defineJob({
  name: 'json-count',
  params: { input: t.string, output: param(t.string, 'out/json-count') },
  build(env, { input, output }) {
    env
      .from(files.source({ path: input, format: json(Bid) }), {
        timestamp: ({ dateTime }) => dateTime,
      })
      .keyBy(({ auction }) => auction)
      .window(tumbling(seconds(10)))
      .aggregate(count())
      .map(({ key, window, value }) => ({ auction: key, bids: value, end: window.end }))
      .returns(Count)
      .sinkTo(files.sink({ path: output, format: json(Count), onExisting: 'replace' }));
  },
});
