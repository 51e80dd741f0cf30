// What a broken connection between a TaskManager and the master of a job does to the job: nothing
// if it is back within the grace, a restart if not; and never output of two attempts.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { milliseconds, minutes, seconds } from '../base/units.ts';
import type { Endpoint } from '../../sim/endpoint.ts';
import { JobModules } from '../../sim/modules.ts';
import { checkOutput, JOB_URL, jobDetails, startCluster } from './cluster-simulation.test-kit.ts';
import type { ClusterRun } from './cluster-simulation.test-kit.ts';

let jobs: JobModules;

before(async () => {
  jobs = await JobModules.bundle({
    [JOB_URL]: new URL('./cluster-job.test-kit.ts', import.meta.url),
  });
});

after(async () => {
  await jobs[Symbol.asyncDispose]();
});

/** The connections of TaskManagers to the JobManager, seen from the former. */
function connections({ world }: ClusterRun, host: string): readonly Endpoint[] {
  const { address } = world.host('jm');
  return world.network.endpoints.filter(
    (each) => each.live && each.host.name === host && each.remote.startsWith(address),
  );
}

async function start(seed: number): Promise<ClusterRun> {
  await jobs.instantiate(JOB_URL, 40);
  // A handshake takes some ways there and back: on a slow line the grace is too short for it.
  const knobs = { latencyMicros: [50, 200, 1000][seed % 3]! };
  const run = startCluster({ seed, jobs, exportName: 'steady', parallelism: 4, knobs });
  await run.world.pass(seconds(2));
  return run;
}

async function generation({ world, address }: ClusterRun): Promise<number> {
  const ask = world.host('asker');
  return (await world.runProcess(ask, (env) => jobDetails(env, address), minutes(1))).generation;
}

test('a connection that is back within the grace restarts nothing, and loses nothing', async () => {
  let breaks = 0;
  for (let seed = 1; seed <= 6; seed++) {
    const run = await start(seed);
    const random = run.world.random('breaks');
    while (run.result() === undefined) {
      for (const endpoint of connections(run, random.pick(['tm1', 'tm2']))) {
        endpoint.lose(random, 20_000);
        breaks++;
      }
      await run.world.pass(milliseconds(50 + random.below(400)));
    }
    assert.deepEqual([...(await checkOutput(run, seed))], ['-1'], `seed ${seed}: it restarted`);
    assert.deepEqual(run.world.failures, []);
  }
  assert.ok(breaks > 60, String(breaks));
});

test('one that stays away restarts the job, with the output of one attempt', async () => {
  for (let seed = 1; seed <= 4; seed++) {
    const run = await start(seed);
    const random = run.world.random('breaks');
    assert.equal(await generation(run), 1);
    const [master, worker] = [run.world.host('jm'), run.world.host('tm1')];
    const { network } = run.world;
    const links = [network.link(master, worker), network.link(worker, master)];
    const lost = connections(run, 'tm1');
    assert.ok(lost.length >= 2, 'of the job, and of the ResourceManager');
    for (const link of links) link.block();
    for (const endpoint of lost) endpoint.lose(random, 20_000);
    await run.world.pass(milliseconds(500));
    for (const link of links) link.unblock();
    await run.world.run({ until: () => run.result() !== undefined, within: minutes(2) });
    const generations = await checkOutput(run, seed);
    assert.ok(!generations.has('-1'), `seed ${seed}: it went on`);
  }
});
