// JSON lines of 278 bytes, all seven fields used -> discard.
import { defineJob, discard, param, t } from 'millrace';
import { files } from 'millrace/connectors/files';
import { json } from 'millrace/formats';

const Bid = t.struct({
  auction: t.integer,
  bidder: t.integer,
  price: t.integer,
  channel: t.string,
  url: t.string,
  dateTime: t.timestamp,
  extra: t.string,
});

export default defineJob({
  name: 'json-all-fields',
  params: { bids: param(t.string, 'bids', 'a file or folder of bids, one a line') },
  build(env, { bids }) {
    env
      .from(files.source({ path: bids, format: json(Bid) }))
      .sinkTo(discard({ checksum: (bid) => bid.price }));
  },
});
