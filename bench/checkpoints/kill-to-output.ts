/**
 * How long a keyed job with checkpoints puts nothing out when a TaskManager is killed: from
 * `kill -9` to the first record of the restored job, by default settings, with a spare TaskManager
 * to go on with. All processes of the machine share the clock.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addressIn, startProcess } from '../../test/e2e/cluster.test-kit.ts';
import { TestCluster } from '../../test/e2e/test-cluster.test-kit.ts';
import { machineMicros } from '../cluster/paced-source.ts';
import type { Benchmark } from '../lib/benchmark.ts';

const JOB = new URL('../jobs/first-records.ts', import.meta.url).href;
/** Of the job before the kill: a handful of checkpoints. */
const UNDISTURBED_MILLIS = 4000;
const LONGEST_MILLIS = 60_000;

export const killToOutput: Benchmark = {
  name: 'kill-to-output',
  async measure(runs) {
    const values: number[] = [];
    for (let run = 0; run < runs; run += 1) values.push(await once());
    return { name: 'kill-to-output', unit: 's', better: 'lower', values };
  },
};

async function once(): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
  try {
    await using cluster = await TestCluster.start({ taskManagers: 2, slots: 1 });
    const client = await cluster.submit({
      moduleUrl: JOB,
      parameters: { folder },
      configuration: {
        'parallelism.default': '2',
        'execution.checkpointing.dir': join(folder, 'checkpoints'),
      },
    });
    // Both TaskManagers are taken: this one is the spare.
    await fileOf(join(folder, '1'));
    await using _spare = await spareOf(cluster);
    await pause(UNDISTURBED_MILLIS);
    const killed = machineMicros();
    cluster.taskManagers[0]!.kill('SIGKILL');
    const output = Number(await fileOf(join(folder, '2')));
    await client.cancel();
    await client.result();
    client.close();
    return (output - killed) / 1e6;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function spareOf(cluster: TestCluster): Promise<AsyncDisposable> {
  const { host, port } = addressIn(await cluster.jobManager.said('JobManager ready'));
  const spare = startProcess('taskmanager', {
    'jobmanager.rpc.address': host,
    'jobmanager.rpc.port': port,
    'taskmanager.host': '127.0.0.1',
    'taskmanager.numberOfTaskSlots': 1,
  });
  await spare.said('TaskManager registered');
  return {
    async [Symbol.asyncDispose]() {
      spare.kill();
      await spare.exited;
    },
  };
}

/** What is in the file, once it is there. */
async function fileOf(path: string): Promise<string> {
  const latest = performance.now() + LONGEST_MILLIS;
  for (;;) {
    const content = existsSync(path) ? readFileSync(path, 'utf8') : '';
    if (content !== '') return content;
    if (performance.now() > latest) throw new Error(`no ${path} for ${LONGEST_MILLIS} ms`);
    await pause(5);
  }
}

function pause(millis: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, millis));
}
