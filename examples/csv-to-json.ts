// Rewrites a CSV file as JSON lines. Notice: the schema of the source says which columns are read,
// by name and type; the sink has a schema of its own and takes the fields that it knows.
import { defineJob, param, t } from 'millrace';
import { files } from 'millrace/connectors/files';
import { csv, json } from 'millrace/formats';

const Airport = t.struct({
  iata: t.string,
  name: t.string,
  state: t.string,
  latitude: t.float64,
  longitude: t.float64,
});
const Place = t.struct({
  iata: t.string,
  name: t.string,
  position: t.struct({ latitude: t.float64, longitude: t.float64 }),
});

export default defineJob({
  name: 'csv-to-json',
  params: {
    input: param(t.string, 'examples/data/airports.csv'),
    state: param(t.string, 'AK', 'of the airports to take'),
    out: param(t.string, 'out/csv-to-json', 'a folder'),
  },
  build(env, { input, state, out }) {
    env
      .from(files.source({ path: input, format: csv(Airport) }))
      .filter((airport) => airport.state === state)
      .map(({ iata, name, latitude, longitude }) => ({
        iata,
        name,
        position: { latitude, longitude },
      }))
      .sinkTo(files.sink({ path: out, format: json(Place), onExisting: 'replace' }));
  },
});
