// Bids from CSV to CSV, five of their seven columns.
import { defineJob, param, t } from 'millrace';
import { files } from 'millrace/connectors/files';
import { csv } from 'millrace/formats';
import { Bid } from '../../nexmark/events.ts';

const { auction, bidder, price, channel, dateTime } = Bid.fields;
const Projected = t.struct({ auction, bidder, price, channel, dateTime });

export default defineJob({
  name: 'csv-project',
  params: { input: t.string, output: param(t.string, 'out/csv-project') },
  build(env, { input, output }) {
    const columns = Object.keys(Bid.fields);
    const read = csv(Projected, { header: false, columns });
    const write = csv(Projected, { header: false, timestamp: 'millis' });
    env
      .from(files.source({ path: input, format: read }))
      .sinkTo(files.sink({ path: output, format: write, onExisting: 'replace' }));
  },
});
