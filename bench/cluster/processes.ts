/**
 * What a cluster of processes costs: to start, to keep, to give it a job, and after many jobs. A
 * JobManager and a TaskManager as their users start them, over loopback.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { TestCluster } from '../../test/e2e/test-cluster.test-kit.ts';
import type { Benchmark } from '../lib/benchmark.ts';
import type { Measured, Unit } from '../lib/report.ts';

const TINY = new URL('../jobs/tiny.ts', import.meta.url).href;
const ENDLESS = new URL('../jobs/endless.ts', import.meta.url).href;
const IDLE_MILLIS = 3000;
const TINY_JOBS = 10_000;
/** Jobs after which code is compiled and pools have their size. */
const TINY_JOBS_BEFORE = 1000;

export const processBenchmarks: readonly Benchmark[] = [
  {
    name: 'cluster-ready',
    measure: (runs) =>
      repeated('cluster-ready', 's', runs, async () => {
        const began = performance.now();
        await using _cluster = await TestCluster.start({ taskManagers: 1, slots: 2 });
        return (performance.now() - began) / 1000;
      }),
  },
  {
    name: 'submit-to-running',
    async measure(runs) {
      await using cluster = await TestCluster.start({ taskManagers: 1, slots: 2 });
      return await repeated('submit-to-running', 's', runs, () => submitToRunning(cluster));
    },
  },
  idleMemory('jobmanager-rss', ({ jobManager }) => jobManager.pid),
  idleMemory('taskmanager-rss', ({ taskManagers }) => taskManagers[0]!.pid),
  {
    name: 'tiny-jobs-growth',
    async measure() {
      await using cluster = await TestCluster.start({ taskManagers: 1, slots: 1 });
      await runTinyJobs(cluster, TINY_JOBS_BEFORE);
      const before = usage(cluster);
      await runTinyJobs(cluster, TINY_JOBS - TINY_JOBS_BEFORE);
      const after = usage(cluster);
      if (after.openFiles > before.openFiles) {
        throw new Error(`open files grew from ${before.openFiles} to ${after.openFiles}`);
      }
      const grown = after.megabytes - before.megabytes;
      return { name: 'tiny-jobs-growth', unit: 'MB', better: 'lower', values: [grown] };
    },
  },
];

async function repeated(
  name: string,
  unit: Unit,
  runs: number,
  once: () => Promise<number>,
): Promise<Measured> {
  const values: number[] = [];
  for (let run = 0; run < runs; run += 1) values.push(await once());
  return { name, unit, better: 'lower', values };
}

/** From the call to every task of the job at work. */
async function submitToRunning(cluster: TestCluster): Promise<number> {
  const began = performance.now();
  const client = await cluster.submit({ moduleUrl: ENDLESS, parameters: {}, configuration: {} });
  for (;;) {
    const { vertices } = await client.details();
    const running = vertices.every(({ states, parallelism }) => states.RUNNING === parallelism);
    if (running && vertices.length > 0) break;
    await pause(2);
  }
  const seconds = (performance.now() - began) / 1000;
  await client.cancel();
  await client.result();
  client.close();
  return seconds;
}

function idleMemory(name: string, pidOf: (cluster: TestCluster) => number): Benchmark {
  return {
    name,
    measure: (runs) =>
      repeated(name, 'MB', runs, async () => {
        await using cluster = await TestCluster.start({ taskManagers: 1, slots: 2 });
        await pause(IDLE_MILLIS);
        return residentMegabytes(pidOf(cluster));
      }),
  };
}

async function runTinyJobs(cluster: TestCluster, count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) {
    const client = await cluster.submit({ moduleUrl: TINY, parameters: {}, configuration: {} });
    const { status, error } = await client.result();
    client.close();
    if (status !== 'FINISHED') throw new Error(`job ${i}: ${JSON.stringify(error)}`);
  }
}

function usage({ jobManager, taskManagers }: TestCluster): {
  readonly megabytes: number;
  readonly openFiles: number;
} {
  const pids = [jobManager.pid, ...taskManagers.map(({ pid }) => pid)];
  return {
    megabytes: pids.reduce((sum, pid) => sum + residentMegabytes(pid), 0),
    openFiles: pids.reduce((sum, pid) => sum + readdirSync(`/proc/${pid}/fd`).length, 0),
  };
}

function residentMegabytes(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(statusOf(pid))![1]) / 1024;
}

/** Only Linux tells it. */
function statusOf(pid: number): string {
  return readFileSync(`/proc/${pid}/status`, 'utf8');
}

function pause(millis: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, millis));
}
