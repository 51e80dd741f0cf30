// Entry of the command line `millrace`. bin/millrace.js loads it, once it runs under the right Node.
import manifest from '../package.json' with { type: 'json' };
import { cli } from '../src/client/cli.ts';
import { entryPoint } from '../src/env/node/entry-points.ts';
import { nodeEnv } from '../src/env/node/node-env.ts';

const entries = {
  slot: entryPoint('./slot-worker', import.meta.url),
  coordinator: entryPoint('./coordinator-worker', import.meta.url),
};
const level = process.argv.includes('--verbose') ? 'info' : 'error';
// No top-level await: the launcher loads this file with require.
void cli(nodeEnv({ entries, log: { level, format: 'text' } }), manifest.version).then((code) =>
  process.exit(code),
);
