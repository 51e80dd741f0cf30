/**
 * A process that runs one job on a cluster in it, with slots and TaskManagers as asked, and prints
 * what came of it as one line of JSON. Its only argument is a `ClusterRun`.
 */
import { Configuration } from '../../src/config/configuration.ts';
import { MiniCluster } from '../../src/deploy/mini-cluster.ts';
import { entryPoint } from '../../src/env/node/entry-points.ts';
import { resolveEngineDirectly } from '../../src/env/node/engine-resolution.ts';
import { nodeEnv } from '../../src/env/node/node-env.ts';
import { EngineError } from '../../src/base/errors.ts';
import type { ClusterRun, ClusterRunResult } from './run-on-cluster.ts';

const { moduleUrl, parameters, slots, taskManagers, configuration } = JSON.parse(
  process.argv[2]!,
) as ClusterRun;

resolveEngineDirectly(new URL('../../', import.meta.url).href);
const env = nodeEnv({
  entries: {
    slot: entryPoint('../../bin/slot-worker', import.meta.url),
    coordinator: entryPoint('../../bin/coordinator-worker', import.meta.url),
  },
  log: { level: 'warn' },
});
const cluster = await MiniCluster.start({
  ...{ env, slots, taskManagers },
  configuration: Configuration.parse(configuration),
});
const jobId = env.random.uuid().replaceAll('-', '');
const job = { jobId, moduleUrl, exportName: undefined, parameters, configuration };
const client = await cluster.submit(job);
const start = { wall: env.clock.monotonic(), cpu: env.clock.cpuTime() };
const { status, error, accumulators } = await client.result();
if (error !== undefined) throw EngineError.fromData(error);
const result: ClusterRunResult = {
  status,
  wallSeconds: (env.clock.monotonic() - start.wall) / 1000,
  cpuSeconds: (env.clock.cpuTime() - start.cpu) / 1000,
  accumulators: Object.fromEntries(accumulators.map(({ name, value }) => [name, value])),
};
console.log(JSON.stringify(result));
await cluster.close();
process.exit(0);
