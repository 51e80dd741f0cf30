// What the options of checkpoints do to a whole job: failures that are tolerated and those that are
// too many, expiry, several at once, pauses, at least once, sources that have come to their end.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { EngineError, isEngineError } from '../../src/base/errors.ts';
import type { JobClient } from '../../src/client/job-client.ts';
import {
  CheckpointRig,
  type Parameters,
  type Settings,
} from '../../src/deploy/checkpoint-rig.test-kit.ts';
import { clusterEnv } from '../../src/deploy/cluster-env.test-kit.ts';
import type { MiniCluster } from '../../src/deploy/mini-cluster.ts';
import { CheckpointView, clusterWithRest } from './checkpoint-view.test-kit.ts';

const JOBS = new URL('./configured-jobs.test-kit.ts', import.meta.url).href;
const env = clusterEnv();
let cluster: MiniCluster;

before(async () => {
  cluster = await clusterWithRest(env);
});

after(() => cluster.close());

const RESTARTS: Settings = {
  'restart-strategy.type': 'fixed-delay',
  'restart-strategy.fixed-delay.attempts': '100',
  'restart-strategy.fixed-delay.delay': '10 ms',
};

interface Run {
  readonly client: JobClient;
  readonly view: CheckpointView;
  /** Also of its checkpoints. */
  readonly jobId: string;
}

async function submit(
  rig: CheckpointRig,
  exportName: string,
  settings: Settings = {},
  parameters: Parameters = {},
): Promise<Run> {
  const job = rig.job(parameters, { ...RESTARTS, ...settings }, exportName);
  const client = await cluster.submit({ ...job, moduleUrl: JOBS });
  return { client, view: new CheckpointView(env, cluster, job.jobId), jobId: job.jobId };
}

/** With a savepoint, so that all it has read is in its output. */
async function stop(rig: CheckpointRig, client: JobClient): Promise<void> {
  for (let stopped = false; !stopped;) {
    const stopping = client.triggerSavepoint({ directory: rig.path, stop: 'suspend' });
    stopped = await stopping.then(
      () => true,
      (error: unknown) => {
        // On a slow machine.
        if (isEngineError(error) && error.code === 'CHECKPOINT_EXPIRED') return false;
        throw error;
      },
    );
  }
  const { status, error } = await client.result();
  assert.equal(status, 'FINISHED', JSON.stringify(error));
  assert.deepEqual(rig.left(), [], 'no file is left');
}

/** Stops the job; every total that it has counted is there once. */
async function requireExact(rig: CheckpointRig, client: JobClient): Promise<void> {
  await stop(rig, client);
  const records = rig.lines().length;
  assert.ok(records > 0);
  rig.requireTotals(records);
}

const hold = (rig: CheckpointRig): void => writeFileSync(`${rig.output}-holds`, '');
const release = (rig: CheckpointRig): void => rmSync(`${rig.output}-holds`);
const fail = (rig: CheckpointRig): void => writeFileSync(`${rig.output}-fails`, '');

const OPTION = 'execution.checkpointing';

test('C7: as many failures in a row as are tolerated fail nobody, one more restarts the job', async () => {
  using rig = new CheckpointRig(env);
  const settings = { [`${OPTION}.tolerable-failed-checkpoints`]: '2' };
  const { client, view } = await submit(rig, 'heldInSink', settings);
  await view.more(2);
  const elsewhere = join(rig.path, 'elsewhere');
  renameSync(rig.checkpoints, elsewhere);
  writeFileSync(rig.checkpoints, 'no folder');
  await rig.until(async () => (await client.details()).failures.length > 0);
  const [failure] = (await client.details()).failures;
  const error = EngineError.fromData(failure!.error);
  assert.equal(error.code, 'CHECKPOINT_FAILURES_EXCEEDED');
  assert.match(error.message, /3 /);
  assert.match(JSON.stringify(failure!.error), new RegExp(rig.checkpoints));
  const { history } = await view.seen();
  const failed = history.filter(({ status }) => status === 'FAILED');
  assert.ok(failed.length >= 3, `${failed.length} have failed`);
  for (const { failure_message: message } of failed) assert.match(message!, /checkpoints/);
  rmSync(rig.checkpoints);
  renameSync(elsewhere, rig.checkpoints);
  await view.more();
  await requireExact(rig, client);
});

test('C7: where nothing is said any number of failures is tolerated', async () => {
  using rig = new CheckpointRig(env);
  const { client, view } = await submit(rig, 'heldInSink');
  await view.more();
  const elsewhere = join(rig.path, 'elsewhere');
  renameSync(rig.checkpoints, elsewhere);
  writeFileSync(rig.checkpoints, 'no folder');
  await view.until(({ counts }) => counts.failed >= 8);
  rmSync(rig.checkpoints);
  renameSync(elsewhere, rig.checkpoints);
  await view.more();
  assert.deepEqual((await client.details()).failures, [], 'it never restarted');
  await requireExact(rig, client);
});

test('a checkpoint that takes too long is given up with all its files, and the next ones complete', async () => {
  using rig = new CheckpointRig(env);
  const settings = {
    [`${OPTION}.timeout`]: '3 s',
    [`${OPTION}.data-inline-threshold`]: '0b',
    'parallelism.default': '2',
  };
  const { client, view, jobId } = await submit(rig, 'heldInSink', settings);
  await view.more();
  hold(rig);
  // That may be under way already whose barrier is through; the one after it is not.
  const { latest, history } = await view.until(({ counts }) => counts.failed >= 1);
  assert.match(latest.failed!.failure_message!, /was not complete after 3000 ms: \d tasks/);
  const expired = history.filter(({ status }) => status === 'FAILED').map(({ id }) => id);
  release(rig);
  // Acknowledgements of those that have expired come now, and what they name goes.
  await view.more(3);
  await rig.until(() => {
    const there = new Set(readdirSync(join(rig.checkpoints, jobId)));
    return expired.every((id) => !there.has(`chk-${id}`));
  });
  assert.deepEqual((await client.details()).failures, [], 'it never restarted');
  await requireExact(rig, client);
});

for (const limit of [1, 3]) {
  test(`C3: at most ${limit} are under way at once`, async () => {
    using rig = new CheckpointRig(env);
    const settings = { [`${OPTION}.max-concurrent-checkpoints`]: String(limit) };
    const { client, view } = await submit(rig, 'heldInSink', settings);
    await view.more();
    hold(rig);
    // One whose barrier is through already may still end.
    for (let looks = 0; looks < 30;) {
      const { counts } = await view.seen();
      assert.ok(counts.in_progress <= limit, `${counts.in_progress} are under way`);
      looks = counts.in_progress === limit ? looks + 1 : 0;
      const since = env.clock.monotonic();
      await rig.until(() => env.clock.monotonic() - since >= 10);
    }
    release(rig);
    await view.more(2);
    await requireExact(rig, client);
  });
}

test('C4: between the end of one and the start of the next is the least pause', async () => {
  using rig = new CheckpointRig(env);
  const settings = { [`${OPTION}.min-pause`]: '200 ms' };
  const parameters = { flushMillis: 150, interval: 20 };
  const { client, view } = await submit(rig, 'heldInSink', settings, parameters);
  const { history } = await view.until(({ counts }) => counts.completed >= 4);
  const complete = history.filter(({ status }) => status === 'COMPLETED').toReversed();
  const pauses = complete
    .slice(1)
    .map((later, index) => later.trigger_timestamp - complete[index]!.latest_ack_timestamp);
  assert.ok(pauses.length >= 3);
  // Without it the next one would begin an interval of 200 ms after the last.
  for (const { end_to_end_duration: duration } of complete) assert.ok(duration >= 140);
  for (const pause of pauses) assert.ok(pause >= 195, `pauses of ${pauses.join(', ')} ms`);
  await requireExact(rig, client);
});

const seen = (rig: CheckpointRig): number =>
  existsSync(`${rig.output}-seen`) ? statSync(`${rig.output}-seen`).size : 0;

/** How often each number came of one of the two sources, from its first one on. */
function timesOf(rig: CheckpointRig, rest: 0 | 1): readonly number[] {
  const times: number[] = [];
  for (const line of rig.lines()) {
    const value = Number(line.split('/')[0]);
    if (value % 2 === rest) times[value >> 1] = (times[value >> 1] ?? 0) + 1;
  }
  return Array.from(times, (count) => count ?? 0);
}

async function restarted(rig: CheckpointRig, client: JobClient): Promise<void> {
  fail(rig);
  await rig.until(async () => (await client.details()).failures.length > 0);
  const before = seen(rig);
  await rig.until(() => seen(rig) > before + 600);
}

for (const mode of ['AT_LEAST_ONCE', 'EXACTLY_ONCE']) {
  test(`${mode}: one input goes on while the barrier of the other is held, or waits`, async () => {
    using rig = new CheckpointRig(env);
    const settings = { [`${OPTION}.mode`]: mode };
    const { client, view } = await submit(rig, 'twoSources', settings);
    await rig.until(() => seen(rig) > 50);
    hold(rig);
    await view.trigger();
    await view.until(({ history }) => history.some((each) => each.num_acknowledged_subtasks > 0));
    if (mode === 'AT_LEAST_ONCE') {
      const before = seen(rig);
      await rig.until(() => seen(rig) > before + 200);
    } else {
      // What was before the barrier comes, and nothing that is after it.
      const stands = { at: -1, looks: 0 };
      await rig.until(() => {
        const at = seen(rig);
        stands.looks = at === stands.at ? stands.looks + 1 : 0;
        stands.at = at;
        return stands.looks === 100;
      });
    }
    release(rig);
    await view.until(({ counts }) => counts.completed === 1);
    await restarted(rig, client);
    await stop(rig, client);
    const [even, odd] = [timesOf(rig, 0), timesOf(rig, 1)];
    assert.ok(
      [...even, ...odd].every((count) => count > 0),
      'a number is lost',
    );
    assert.ok(odd.every((count) => count === 1));
    const repeated = even.filter((count) => count > 1).length;
    if (mode === 'AT_LEAST_ONCE') assert.ok(repeated > 50, `${repeated} came again`);
    else assert.equal(repeated, 0);
  });
}

for (const goOn of [true, false]) {
  const what = goOn ? 'go on' : 'are refused';
  test(`checkpoints ${what} after the end of a source, and nothing is read twice`, async () => {
    using rig = new CheckpointRig(env);
    const settings = { [`${OPTION}.checkpoints-after-tasks-finish`]: String(goOn) };
    const { client, view } = await submit(rig, 'twoSources', settings, { odd: 20 });
    await rig.until(async () => {
      const { vertices } = await client.details();
      return vertices.some(({ states }) => states.FINISHED === 1);
    });
    const refusal = await view.take();
    if (!goOn) {
      assert.match(refusal!, /CHECKPOINT_TASKS_FINISHED/);
      await client.cancel();
      assert.equal((await client.result()).status, 'CANCELED');
      return;
    }
    assert.equal(refusal, undefined);
    await restarted(rig, client);
    await stop(rig, client);
    assert.deepEqual(
      timesOf(rig, 1),
      Array.from({ length: 20 }, () => 1),
    );
    const even = timesOf(rig, 0);
    assert.ok(even.length > 50 && even.every((count) => count === 1));
  });
}
