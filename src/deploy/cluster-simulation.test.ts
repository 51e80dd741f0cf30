// The whole control plane in a simulated world: processes are killed, hosts lose power, connections
// break, networks part and clocks jump, while a job runs whose output must be as if nothing had
// been.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { minutes, seconds } from '../base/units.ts';
import { eventTimeOf, eventTimeText } from '../client/event-time.ts';
import { nothingLeft } from '../../sim/checkers/nothing-left.ts';
import { FaultPlan } from '../../sim/fault-plan.ts';
import { clockJump } from '../../sim/faults/clock-jump.ts';
import { connectionLoss } from '../../sim/faults/connection-loss.ts';
import type { FaultClass } from '../../sim/faults/fault.ts';
import { hostCrash } from '../../sim/faults/host-crash.ts';
import { partition } from '../../sim/faults/partition.ts';
import { pause } from '../../sim/faults/pause.ts';
import { processKill } from '../../sim/faults/process-kill.ts';
import { slowDisk } from '../../sim/faults/slow-disk.ts';
import { workerKill } from '../../sim/faults/worker-kill.ts';
import { JobModules } from '../../sim/modules.ts';
import { runPhases } from '../../sim/phases.ts';
import {
  checkOutput,
  JOB_URL,
  jobDetails,
  readOutput,
  startCluster,
} from './cluster-simulation.test-kit.ts';
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

/** The JobManager keeps what it knows in memory, so its process must live; all else may break. */
function faults(everyMillis: number): readonly FaultClass[] {
  const target = (name: string): boolean => name.startsWith('tm');
  const often = { everyMillis };
  const seldom = { everyMillis: everyMillis * 4 };
  return [
    connectionLoss(often),
    workerKill({ ...often, target }),
    processKill({ ...seldom, target }),
    hostCrash({ ...seldom, target }),
    partition(seldom),
    pause(seldom),
    clockJump(seldom),
    slowDisk(seldom),
  ];
}

interface Outcome {
  readonly run: ClusterRun;
  readonly injected: number;
  readonly generations: ReadonlySet<string>;
}

async function runSeed(seed: number, exportName: string, everyMillis: number): Promise<Outcome> {
  await jobs.instantiate(JOB_URL, 60);
  const run = startCluster({ seed, jobs, exportName, parallelism: 4 });
  const plan = new FaultPlan(run.world, { classes: faults(everyMillis) });
  await runPhases(run.world, {
    plan,
    faultsFor: seconds(20),
    until: () => run.result() !== undefined,
    convergeWithin: minutes(30),
    checkers: [nothingLeft(run.world, { keeps: () => true })],
  });
  const injected = [...plan.injected.values()].reduce((sum, count) => sum + count, 0);
  return { run, injected, generations: await checkOutput(run, seed) };
}

test('a job runs over three processes, and the same seed is the same run', async () => {
  const hashes: string[] = [];
  for (let i = 0; i < 2; i++) {
    await jobs.instantiate(JOB_URL, 20);
    const run = startCluster({ seed: 7, jobs, exportName: 'quick', parallelism: 4 });
    await run.world.run({ until: () => run.result() !== undefined, within: minutes(1) });
    await checkOutput(run, 7);
    hashes.push(run.world.trace.hash());
  }
  assert.equal(hashes[0], hashes[1]);
});

test('output is whole and single whatever breaks while a job is deployed and committed', async () => {
  let injected = 0;
  let restarted = 0;
  for (let seed = 0; seed < 12; seed++) {
    const outcome = await runSeed(seed, 'quick', 100);
    injected += outcome.injected;
    if (!outcome.generations.has('-1')) restarted++;
  }
  assert.ok(injected > 50 && restarted > 1, `${injected} faults, ${restarted} restarts`);
});

test('output is whole and single whatever breaks while a job runs', async () => {
  let injected = 0;
  let restarted = 0;
  for (let seed = 0; seed < 6; seed++) {
    const outcome = await runSeed(seed, 'steady', 1000);
    injected += outcome.injected;
    if (!outcome.generations.has('-1')) restarted++;
  }
  assert.ok(injected > 20 && restarted > 1, `${injected} faults, ${restarted} restarts`);
});

test('sources of a group stay together: who is ahead waits for the other', async () => {
  const most: Record<string, number> = {};
  for (const exportName of ['apart', 'together']) {
    await jobs.instantiate(JOB_URL, 20);
    const run = startCluster({ seed: 3, jobs, exportName, parallelism: 1 });
    await run.world.run({ until: () => run.result() !== undefined, within: minutes(2) });
    assert.equal(run.result()?.status, 'FINISHED', JSON.stringify(run.result()?.error));
    const files = await run.world.runProcess(run.world.host('reader'), readOutput, minutes(1));
    const records = files.join('').split(' ').slice(1).map(Number);
    assert.equal(records.length, 600);
    most[exportName] = greatestLead(records);
  }
  // Behind the drift comes the record that passes it, and how far the slow one is by now.
  assert.ok(most['apart']! > 1000 && most['together']! <= 150, JSON.stringify(most));
});

test('what holds event time up is in the details of the job, subtask by subtask', async () => {
  await jobs.instantiate(JOB_URL, 20);
  const run = startCluster({ seed: 4, jobs, exportName: 'held', parallelism: 2 });
  const details = await run.world.runProcess(
    run.world.host('asker'),
    async (env) => {
      await new Promise<void>((resolve) => env.clock.after(seconds(30), resolve));
      return jobDetails(env, run.address);
    },
    minutes(1),
  );
  const byName = new Map(details.vertices.map((vertex) => [vertex.name, vertex]));
  const silent = byName.get('nearly silent')!;
  const keyed = details.vertices.at(-1)!;
  for (const { watermark, waitsFor, standsMillis } of keyed.subtasks) {
    assert.equal(watermark, -1);
    assert.ok(standsMillis > 10_000);
    assert.ok(waitsFor?.kind === 'input' && waitsFor.vertex === silent.id);
  }
  assert.deepEqual(
    silent.subtasks.map(({ waitsFor }) => waitsFor?.kind),
    ['records', 'records'],
  );
  assert.ok(byName.get('lively')!.subtasks.every(({ watermark }) => watermark! > 100_000));
  assert.match(
    eventTimeText(eventTimeOf(details)!),
    /^event time stands at 1969-12-31T23:59:59\.999Z for \d+ s in "reduce -> .*: it waits for "nearly silent" \(subtask [12]\), and that for later records of split every-2-[01]$/,
  );
});

/** How far the fast source was ahead of the slow one, after the first second of the latter. */
function greatestLead(records: readonly number[]): number {
  let slow = 0;
  let fast = 0;
  let most = 0;
  for (const n of records) {
    if (n < 0) slow = -n;
    else fast = n;
    if (slow > 1000) most = Math.max(most, fast - slow);
  }
  return most;
}
