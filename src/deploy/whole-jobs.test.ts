// Whole jobs on a cluster with real threads: what fails alone restarts alone, and a job that is
// stopped has written what it would have written otherwise, now or when it goes on.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { JobClient } from '../client/job-client.ts';
import type { JobReference } from '../protocol/task-deployment.ts';
import { atWork } from './at-work.test-kit.ts';
import { CheckpointRig, type Parameters, type Settings } from './checkpoint-rig.test-kit.ts';
import { clusterEnv } from './cluster-env.test-kit.ts';
import { MiniCluster } from './mini-cluster.ts';
import { WINDOW } from './whole-jobs.test-kit.ts';

const JOBS = new URL('./whole-jobs.test-kit.ts', import.meta.url).href;

const env = clusterEnv();
let cluster: MiniCluster;

before(async () => {
  cluster = await MiniCluster.start({ env, slots: 3, spareWorkers: 2 });
});

after(() => cluster.close());

const RESTARTS: Settings = {
  'restart-strategy.type': 'fixed-delay',
  'restart-strategy.fixed-delay.attempts': '5',
  'restart-strategy.fixed-delay.delay': '10 ms',
};

function submit(
  rig: CheckpointRig,
  exportName: string,
  settings: Settings = {},
  parameters: Parameters = {},
): Promise<JobClient> {
  const job: JobReference = rig.job(parameters, { ...RESTARTS, ...settings }, exportName);
  return cluster.submit({ ...job, moduleUrl: JOBS });
}

async function stop(
  rig: CheckpointRig,
  client: JobClient,
  how: 'drain' | 'suspend',
): Promise<string> {
  const directory = join(rig.path, 'savepoints');
  const { location } = await client.triggerSavepoint({ directory, stop: how });
  const { status, error } = await client.result();
  assert.equal(status, 'FINISHED', JSON.stringify(error));
  return location;
}

const from = (location: string): Settings => ({ 'execution.state-recovery.path': location });

/** `value/count` of values from 0 on, each once, the counts of each key without a gap. */
function requireCounts(lines: readonly string[]): void {
  const all = lines.map((line) => line.split('/').map(Number) as [number, number]);
  assert.deepEqual(
    all.toSorted(([left], [right]) => left - right),
    all.map((_, value) => [value, Math.floor(value / 7) + 1]),
  );
}

/** All that a region has written. */
function linesOf(rig: CheckpointRig, region: string): readonly string[] {
  return rig.linesIn(join(rig.output, region));
}

test('J12: a task that fails after the savepoint that stops the job restarts both regions', async () => {
  using rig = new CheckpointRig(env);
  const client = await submit(rig, 'regions', {}, { interval: 0 });
  await rig.until(async () => {
    const { vertices } = await client.details();
    return vertices.length > 0 && vertices.every(({ recordsIn }) => recordsIn > 300);
  });
  mkdirSync(rig.output, { recursive: true });
  writeFileSync(join(rig.output, 'first-commit-fails'), '');
  const directory = join(rig.path, 'savepoints');
  await assert.rejects(client.triggerSavepoint({ directory, stop: 'suspend' }), {
    code: 'SAVEPOINT_STOP_FAILED',
  });
  await atWork(env, client);
  await stop(rig, client, 'suspend');
  const [first, second] = ['first', 'second'].map((each) => linesOf(rig, each));
  requireCounts(first!);
  requireCounts(second!);
  assert.ok(second!.length > 300);
});

test('of two regions only the one that fails restarts, from the newest checkpoint', async () => {
  using rig = new CheckpointRig(env);
  const names = (region: string): readonly string[] => {
    const folder = join(rig.output, region);
    return existsSync(folder) ? readdirSync(folder) : [];
  };
  // Names of files are subtask-attempt-number.
  const attempts = (region: string): readonly number[] => [
    ...new Set(names(region).map((name) => Number(name.split('-')[2]))),
  ];
  const client = await submit(rig, 'regions');
  await rig.until(() => names('first').length > 1 && names('second').length > 1);
  writeFileSync(`${rig.output}-fails`, '');
  await rig.until(() => attempts('first').includes(2));
  const { failures } = await client.details();
  assert.equal(failures.length, 1);
  await stop(rig, client, 'suspend');
  assert.deepEqual(new Set(attempts('first')), new Set([1, 2]));
  assert.deepEqual(attempts('second'), [1]);
  for (const region of ['first', 'second']) {
    const lines = names(region).flatMap((name) =>
      readFileSync(join(rig.output, region, name), 'utf8').split('\n'),
    );
    // From an older checkpoint the lines between the two would be there twice.
    requireCounts(lines);
  }
});

type Fired = readonly [key: number, start: number, count: number, sum: number];

function fired(rig: CheckpointRig): readonly Fired[] {
  return rig
    .lines()
    .map((line) => line.split('/').map(Number) as unknown as Fired)
    .toSorted(([a, left], [b, right]) => left - right || a - b);
}

/** What the windows of the first numbers are; the last ones may be incomplete. */
function windowsOf(records: number): readonly Fired[] {
  const expected: Fired[] = [];
  for (let start = 0; start < records; start += WINDOW) {
    const size = Math.min(WINDOW, records - start);
    const numbers = Array.from({ length: size }, (_, index) => start + index);
    for (let key = 0; key < 7; key++) {
      const own = numbers.filter((n) => n % 7 === key);
      const sum = own.reduce((left, right) => left + right, 0);
      if (own.length > 0) expected.push([key, start, own.length, sum]);
    }
  }
  return expected;
}

const sumOfCounts = (all: readonly Fired[]): number =>
  all.reduce((sum, [, , count]) => sum + count, 0);

test('a drained job fires the windows that are open: all it has read is in its output', async () => {
  using rig = new CheckpointRig(env);
  const client = await submit(rig, 'windows');
  await rig.more();
  await stop(rig, client, 'drain');
  const all = fired(rig);
  const records = sumOfCounts(all);
  assert.ok(records > WINDOW);
  assert.deepEqual(all, windowsOf(records));
});

test('a suspended job fires nothing: who goes on from it does, at another parallelism', async () => {
  using rig = new CheckpointRig(env);
  const client = await submit(rig, 'windows');
  await rig.more();
  const first = await stop(rig, client, 'suspend');
  const before = fired(rig);
  const whole = sumOfCounts(before);
  assert.equal(whole % WINDOW, 0, 'only what was complete');
  assert.deepEqual(before, windowsOf(whole));

  const again = await submit(rig, 'windows', { ...from(first), 'parallelism.default': '2' });
  await rig.more();
  await stop(rig, again, 'drain');
  const all = fired(rig);
  assert.deepEqual(all, windowsOf(sumOfCounts(all)));
  assert.ok(all.length > before.length);
});
