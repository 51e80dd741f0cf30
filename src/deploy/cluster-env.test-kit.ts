/** The real environment, for tests of clusters in this process: workers start from the sources. */
import type { Env } from '../env/env.ts';
import { nodeEnv } from '../env/node/node-env.ts';

/** Logs errors only; all of it where MILLRACE_LOG is set. */
export function clusterEnv(): Env {
  return nodeEnv({
    entries: {
      slot: new URL('../../bin/slot-worker.ts', import.meta.url),
      coordinator: new URL('../../bin/coordinator-worker.ts', import.meta.url),
    },
    log: { level: process.env['MILLRACE_LOG'] === undefined ? 'error' : 'debug' },
  });
}
