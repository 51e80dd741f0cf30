// JSON lines of 278 bytes, two fields of seven used -> discard. The schema says which are used.
import { defineJob, discard, param, t } from 'millrace';
import { files } from 'millrace/connectors/files';
import { json } from 'millrace/formats';

const Bid = t.struct({ auction: t.integer, price: t.integer });

export default defineJob({
  name: 'json-two-fields',
  params: { bids: param(t.string, 'bids', 'a file or folder of bids, one a line') },
  build(env, { bids }) {
    env
      .from(files.source({ path: bids, format: json(Bid) }))
      .sinkTo(discard({ checksum: (bid) => bid.price }));
  },
});
