// Entry of the command line `millrace`. bin/millrace.js loads it, once it runs under the right
// Node.
import manifest from '../package.json' with { type: 'json' };
import { resolveEngineDirectly } from '../src/env/node/engine-resolution.ts';
import type { Workers } from '../src/env/env.ts';
import { fatal } from '../src/env/node/fatal.ts';

// No top-level await: the launcher loads this file with require.
main().catch(fatal);

async function main(): Promise<void> {
  resolveEngineDirectly(new URL('../', import.meta.url).href);
  const { nodeEnv } = await import('../src/env/node/node-env.ts');
  const { entryPoint } = await import('../src/env/node/entry-points.ts');
  const entries = {
    slot: entryPoint('./slot-worker', import.meta.url),
    coordinator: entryPoint('./coordinator-worker', import.meta.url),
  };
  const level = process.argv.includes('--verbose') ? 'info' : 'error';
  const env = nodeEnv({ entries, log: { level, format: 'text' } });
  const workers = await workersAhead(env.workers);
  const { cli } = await import('../src/client/cli.ts');
  process.exit(await cli({ ...env, workers }, manifest.version));
}

/** The threads of a job load the engine while this one does. */
async function workersAhead(workers: Workers): Promise<Workers> {
  const [command, ...args] = process.argv.slice(2);
  const help = args.includes('--help') || args.includes('-h');
  if (help || (command !== 'run' && command !== 'info')) return workers;
  const { startedAhead } = await import('../src/env/started-ahead.ts');
  const { DEFAULT_SLOT_HEAP_BYTES, heapLimitMegabytes } =
    await import('../src/config/slot-heap.ts');
  const heapLimit = heapLimitMegabytes(DEFAULT_SLOT_HEAP_BYTES);
  const slot = { role: 'slot', heapLimitMegabytes: heapLimit } as const;
  return startedAhead(workers, [{ role: 'coordinator' }, ...(command === 'run' ? [slot] : [])]);
}
