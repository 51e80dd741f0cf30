/**
 * Job modules: an instance a worker and attempt, the engine shared, virtual time standing still.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { minutes, seconds } from '../src/base/units.ts';
import type { Env, WorkerContext } from '../src/env/env.ts';
import { JobModules } from './modules.ts';
import { simulation } from './simulation.ts';

const JOB = 'job:counting';
const FILE = new URL('./toy/counting-job.test-kit.ts', import.meta.url);

interface CountingJob {
  next(): number;
  readonly engine: unknown;
}

/** Loads the job twice, counts with both, and posts what came out. */
async function countInWorker({ env, port }: WorkerContext): Promise<void> {
  const once = (await env.modules.load(JOB)) as unknown as CountingJob;
  const again = (await env.modules.load(JOB)) as unknown as CountingJob;
  const shared = once.engine === seconds ? 1 : 0;
  port.post(Uint8Array.from([once.next(), again.next(), once.next(), shared]));
}

async function countInWorkers(env: Env): Promise<readonly string[]> {
  const counts: string[] = [];
  // Three at once, then another attempt of each.
  for (let attempt = 0; attempt < 2; attempt++) {
    const workers = [0, 1, 2].map((slot) =>
      env.workers.spawn('slot', { name: `slot-${slot}`, data: new Uint8Array(0) }),
    );
    await Promise.all(
      workers.map(
        ({ port }) =>
          new Promise<void>((resolve) => {
            port.receive((bytes) => {
              counts.push(bytes.join());
              resolve();
            });
          }),
      ),
    );
    for (const worker of workers) worker.terminate();
    await Promise.all(workers.map((worker) => worker.exited));
  }
  return counts;
}

test('J1: a job that counts in an imported module counts from one in every worker and attempt', async () => {
  await using jobs = await JobModules.bundle({ [JOB]: FILE });
  await jobs.instantiate(JOB, 4);
  const world = simulation({ seed: 1, jobs, workers: { slot: countInWorker } });
  const counts = await world.runProcess(world.host('a'), countInWorkers, minutes(1));
  assert.deepEqual(counts, new Array(6).fill('1,2,3,1'));
});

test('J2: an instance that was not made ahead takes no virtual time and changes no hash', async () => {
  await using jobs = await JobModules.bundle({ [JOB]: FILE });
  const run = async (ahead: number): Promise<string> => {
    await jobs.instantiate(JOB, ahead);
    const world = simulation({ seed: 2, jobs, workers: { slot: countInWorker } });
    await world.runProcess(world.host('a'), countInWorkers, minutes(1));
    return world.trace.hash();
  };
  const late = await run(0);
  assert.equal(await run(2), late);
  assert.equal(await run(6), late);
});

test('a module that was not bundled is IO_NOT_FOUND', async () => {
  await using jobs = await JobModules.bundle({ [JOB]: FILE });
  for (const given of [jobs, undefined]) {
    const world = simulation({ seed: 1, jobs: given });
    const load = (env: Env): Promise<unknown> => env.modules.load('job:other');
    const loading = world.runProcess(world.host('a'), load, minutes(1));
    await assert.rejects(loading, /job:other does not exist/);
  }
});
