// Bids from JSON lines to JSON lines, all seven fields.
import { defineJob, param, t } from 'millrace';
import { files } from 'millrace/connectors/files';
import { json } from 'millrace/formats';
import { Bid } from '../../nexmark/events.ts';

export default defineJob({
  name: 'json-pass',
  params: { input: t.string, output: param(t.string, 'out/json-pass') },
  build(env, { input, output }) {
    env
      .from(files.source({ path: input, format: json(Bid) }))
      .sinkTo(files.sink({ path: output, format: json(Bid), onExisting: 'replace' }));
  },
});
