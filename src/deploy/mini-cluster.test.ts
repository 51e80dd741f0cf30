// Whole jobs on a whole cluster with real threads: what the machines and components do together.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EngineError, isEngineError } from '../base/errors.ts';
import type { ErrorCode } from '../base/errors.ts';
import type { JobClient } from '../client/job-client.ts';
import { seconds } from '../base/units.ts';
import { Configuration } from '../config/configuration.ts';
import type { JobResult } from '../protocol/job-report.ts';
import type { JobReference } from '../protocol/task-deployment.ts';
import { MiniCluster } from './mini-cluster.ts';
import type { MiniClusterOptions } from './mini-cluster.ts';
import { clusterEnv } from './cluster-env.test-kit.ts';

const JOBS = new URL('./mini-cluster-jobs.test-kit.ts', import.meta.url).href;

type Settings = Readonly<Record<string, string>>;

const env = clusterEnv();

function start(options: Omit<MiniClusterOptions, 'env'> & { settings?: Settings } = {}) {
  const configuration = Configuration.parse(options.settings ?? {});
  return MiniCluster.start({ spareWorkers: 0, ...options, env, configuration });
}

function job(
  exportName: string | undefined,
  parallelism = 1,
  settings: Settings = {},
): JobReference {
  const configuration = { 'parallelism.default': String(parallelism), ...settings };
  const jobId = env.random.uuid();
  return { jobId, moduleUrl: JOBS, exportName, parameters: {}, configuration };
}

const FIXED: Settings = {
  'restart-strategy.type': 'fixed-delay',
  'restart-strategy.fixed-delay.attempts': '3',
  'restart-strategy.fixed-delay.delay': '10 ms',
};

function accumulator(result: JobResult, name: string): number | undefined {
  return result.accumulators.find((each) => each.name === name)?.value;
}

async function run(
  cluster: MiniCluster,
  reference: JobReference,
): Promise<JobResult & { texts: string[] }> {
  const client = await cluster.submit(reference);
  const texts: string[] = [];
  client.onMessage((_operator, payload) => void texts.push(new TextDecoder().decode(payload)));
  return { ...(await client.result()), texts };
}

async function until(
  client: JobClient,
  condition: (details: Awaited<ReturnType<JobClient['details']>>) => boolean,
) {
  for (;;) {
    const details = await client.details();
    if (condition(details)) return details;
    await new Promise((resolve) => env.clock.soon(() => resolve(undefined)));
  }
}

async function rejection(promise: Promise<unknown>, code: ErrorCode): Promise<string> {
  try {
    await promise;
  } catch (error) {
    assert.ok(isEngineError(error), String(error));
    assert.equal(error.code, code, error.message);
    return error.message;
  }
  return assert.fail(`expected ${code}`);
}

test('a job runs to its end; its slots come back and no worker stays', async () => {
  await using cluster = await start();
  const result = await run(cluster, job('counts'));
  assert.equal(result.status, 'FINISHED', String(result.error?.code));
  assert.equal(accumulator(result, 'records'), 1000);
  assert.deepEqual([cluster.workerCount, cluster.slotCounts().total], [0, 1]);
});

test('four slots exchange in shared memory; the cluster grows to what the job asks for', async () => {
  await using cluster = await start();
  const result = await run(cluster, job('counts', 4));
  assert.equal(result.status, 'FINISHED', String(result.error?.code));
  assert.equal(accumulator(result, 'records'), 1000);
  assert.equal(cluster.slotCounts().total, 4);
});

test('slots of two TaskManagers exchange over sockets', async () => {
  await using cluster = await start({ slots: 1, taskManagers: 2 });
  const result = await run(cluster, job('counts', 2));
  assert.equal(result.status, 'FINISHED', JSON.stringify(result.error));
  assert.equal(accumulator(result, 'records'), 1000);
});

test('a deployment for which there is too little network memory fails with the numbers', async () => {
  for (const [taskManagers, slots, max, what] of [
    [2, 1, '80 kb', /^Slot 0 of taskmanager-\d needs \d+ KiB of .* 1 channels .* has 60 KiB\.$/],
    [1, 2, '800 kb', /^TaskManager taskmanager-1 needs 257 KiB of .* 2 rings .* has 200 KiB\.$/],
  ] as const) {
    const settings = {
      'taskmanager.memory.network.max': max,
      'taskmanager.numberOfTaskSlots': String(slots),
    };
    await using cluster = await start({ taskManagers, slots, settings });
    const { status, error } = await run(cluster, job('counts', 2));
    assert.equal(status, 'FAILED');
    assert.equal(error?.code, 'NETWORK_MEMORY_INSUFFICIENT', JSON.stringify(error));
    assert.match(EngineError.fromData(error).message, what);
  }
});

test('two jobs at once, and one after them on the same slots', async () => {
  await using cluster = await start({ slots: 2 });
  const results = await Promise.all([run(cluster, job('counts')), run(cluster, job('counts'))]);
  assert.deepEqual(
    results.map(({ status }) => status),
    ['FINISHED', 'FINISHED'],
  );
  assert.equal((await run(cluster, job('counts', 2))).status, 'FINISHED');
});

test('what a sink sends to the client comes before the result', async () => {
  await using cluster = await start();
  const { texts } = await run(cluster, job('prints'));
  assert.match(texts.join(''), /1\n2\n3\n4\n5\n/);
});

test('a detached job ends without anybody listening', async () => {
  await using cluster = await start();
  const client = await cluster.submit(job('prints'), { detached: true });
  assert.equal((await client.result()).status, 'FINISHED');
});

test('what a detached job prints goes to the output of its TaskManager', async () => {
  const printed: string[] = [];
  await using cluster = await start({ print: (text) => void printed.push(text) });
  const client = await cluster.submit(job('prints'), { detached: true });
  assert.equal((await client.result()).status, 'FINISHED');
  assert.equal(printed.join(''), '1\n2\n3\n4\n5\n');
});

test('when its client goes, a job prints on the TaskManager and is held up no longer', async () => {
  const lines: string[] = [];
  await using cluster = await start({ print: (text) => void lines.push(text) });
  const reference = job('printsMuch');
  const client = await cluster.submit(reference);
  const waiting = Promise.withResolvers<void>();
  // Takes one message, and never comes to an end with it.
  client.onMessage(() => {
    waiting.resolve();
    return new Promise(() => undefined);
  });
  await waiting.promise;
  assert.deepEqual(lines, []);
  const other = await cluster.submit(job('prints'), { detached: true });
  await other.result();
  assert.equal(lines.join(''), '1\n2\n3\n4\n5\n');
  client.close();
  const result = await cluster.resultOf(reference.jobId);
  assert.equal(result.status, 'FINISHED');
  assert.ok(lines.join('').endsWith('399999\n400000\n'));
});

test('a job that cannot be built is refused with the reason, and the cluster goes on', async () => {
  await using cluster = await start();
  const message = await rejection(cluster.submit(job('cuonts')), 'JOB_EXPORT_NOT_FOUND');
  assert.match(message, /counts/);
  await rejection(cluster.submit(job(undefined)), 'JOB_EXPORT_AMBIGUOUS');
  await rejection(cluster.submit(job('differs')), 'GRAPH_NON_DETERMINISTIC');
  await rejection(
    cluster.submit({ ...job('counts'), moduleUrl: `${JOBS}.missing` }),
    'JOB_MODULE_NOT_FOUND',
  );
  assert.equal((await run(cluster, job('counts'))).status, 'FINISHED');
});

test('the same submission twice is one job, another one under its id is refused', async () => {
  await using cluster = await start();
  const reference = job('counts');
  const detached = { detached: true };
  const both = [cluster.submit(reference, detached), cluster.submit(reference, detached)];
  const other = rejection(
    cluster.submit({ ...reference, exportName: 'prints' }, detached),
    'JOB_ALREADY_SUBMITTED',
  );
  const [client, same] = await Promise.all(both);
  await other;
  assert.deepEqual(await client!.result(), await same!.result());
  assert.equal((await client!.result()).status, 'FINISHED');
  await rejection(cluster.submit(reference), 'JOB_ALREADY_ENDED');
});

test('a user function that throws fails the job with its own error and place', async () => {
  await using cluster = await start();
  const client = await cluster.submit(job('throws', 1, FIXED), { detached: true });
  const { status, error } = await client.result();
  assert.deepEqual([status, error?.code], ['FAILED', 'USER_CODE_FAILED']);
  assert.match(String(error?.parameters['message']), /seven is too much/);
  assert.match(error?.stack ?? '', /mini-cluster-jobs/);
  assert.equal((await client.details()).failures.length, 4, 'as often as the strategy allows');
});

for (const [name, code, said] of [
  [
    'printsTooMuch',
    'CLIENT_MESSAGE_TOO_LARGE',
    /^Operator Sink: print has .* 20000\d+ bytes .* 8388608/,
  ],
  ['throwsTooMuch', 'USER_CODE_FAILED', /E\.\.\. \(cut, 50000000 characters\)/],
  ['preparesTooMuch', 'SLOT_MESSAGE_TOO_LARGE', /ready-to-commit.* limit of 16777216/],
] as const) {
  test(`${name}: the task fails with ${code}, its neighbours and the process live`, async () => {
    await using cluster = await start({ slots: 2 });
    const neighbour = await cluster.submit(job('dawdles'));
    const client = await cluster.submit(job(name), { detached: true });
    client.onMessage(() => undefined);
    const { status, error } = await client.result();
    assert.deepEqual([status, error?.code], ['FAILED', code]);
    assert.match(EngineError.fromData(error!).message, said);
    assert.ok(JSON.stringify(await client.details()).length < 400_000);
    const { status: other, generation } = await neighbour.details();
    assert.deepEqual([other, generation], ['RUNNING', 1]);
    await neighbour.cancel();
    assert.equal((await neighbour.result()).status, 'CANCELED');
  });
}

test('an endless loop stops neither the cluster nor a cancellation, nor the other slot', async () => {
  await using cluster = await start();
  const client = await cluster.submit(job('halfSpins', 2));
  const running = await until(
    client,
    ({ vertices }) => (vertices[0]?.recordsIn ?? vertices[0]?.recordsOut ?? 0) > 0,
  );
  assert.equal(running.status, 'RUNNING');
  const before = env.clock.monotonic();
  await client.cancel();
  assert.equal((await client.result()).status, 'CANCELED');
  assert.ok(env.clock.monotonic() - before < 5000, 'the cancellation took too long');
  assert.equal(cluster.workerCount, 0);
  assert.equal((await run(cluster, job('counts'))).status, 'FINISHED');
});

test("a job's own task.cancellation.timeout counts, not the one of the TaskManager", async () => {
  await using cluster = await start({ settings: { 'task.cancellation.timeout': '0' } });
  const own = { 'task.cancellation.timeout': '500 ms' };
  const client = await cluster.submit(job('halfSpins', 2, own));
  await until(client, ({ vertices: [first] }) => (first?.recordsIn ?? first?.recordsOut ?? 0) > 0);
  await client.cancel();
  let timer: Disposable | undefined;
  const late = new Promise((resolve) => {
    timer = env.clock.after(seconds(20), () => resolve('it waits for ever'));
  });
  const ended = client.result().then(({ status }) => status);
  assert.equal(await Promise.race([ended, late]), 'CANCELED');
  timer?.[Symbol.dispose]();
});

for (const name of ['diesOnce', 'failsOnce', 'throwsLaterOnce']) {
  test(`${name}: everything starts again and the result is whole`, async () => {
    await using cluster = await start();
    const client = await cluster.submit(job(name, 2, FIXED), { detached: true });
    const result = await client.result();
    assert.equal(result.status, 'FINISHED', JSON.stringify(result.error));
    assert.equal(accumulator(result, 'records'), 1000);
    const { generation, failures } = await client.details();
    assert.deepEqual([generation, failures.length], [2, 1]);
  });
}

test('without a restart strategy a dead worker fails the job', async () => {
  await using cluster = await start();
  const result = await run(cluster, job('diesOnce'));
  assert.deepEqual([result.status, result.error?.code], ['FAILED', 'USER_CODE_EXIT']);
});

test('a slot that uses up its heap fails, its neighbours and the process live', async () => {
  await using cluster = await start({ settings: { 'taskmanager.memory.task.heap.size': '48 mb' } });
  const result = await run(cluster, job('hoards'));
  assert.deepEqual([result.status, result.error?.code], ['FAILED', 'SLOT_OUT_OF_MEMORY']);
  assert.equal((await run(cluster, job('counts'))).status, 'FINISHED');
});

test('a group that asks for a small slot gets one, with a budget of its own', async () => {
  await using cluster = await start({ slots: 1 });
  const result = await run(cluster, job('hoardsInSmallSlot'));
  assert.deepEqual([result.status, result.error?.code], ['FAILED', 'SLOT_OUT_OF_MEMORY']);
  assert.equal(result.error?.parameters['limit'], '24 MiB');
  const { status } = await run(cluster, job('counts'));
  assert.equal(status, 'FINISHED', 'what was cut out is whole again');
});

test('what was prepared is committed at the end', async () => {
  await using cluster = await start();
  const { status, texts, error } = await run(cluster, job('loads', 2));
  assert.equal(status, 'FINISHED', JSON.stringify(error));
  assert.equal(texts.length, 2);
  // A reader that starts first may read both splits: then the other subtask prepares nothing.
  const numbers = texts.flatMap((text) =>
    [...text.replace(/^\d+: /, '').matchAll(/\d+/g)].map(Number),
  );
  assert.deepEqual(
    numbers.sort((a, b) => a - b),
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
  );
});

test('a commit that fails is tried again without running the tasks again', async () => {
  await using cluster = await start();
  const { status, texts, error } = await run(cluster, job('commitsLate', 1));
  assert.equal(status, 'FINISHED', JSON.stringify(error));
  assert.deepEqual(texts, ['0: 1 2 3 4 5 6 7 8 9 10']);
});

test('a commit that cannot succeed fails the job and says what is pending', async () => {
  await using cluster = await start();
  const { status, error } = await run(cluster, job('neverCommits'));
  assert.deepEqual(
    [status, error?.code, error?.cause?.code],
    ['FAILED', 'JOB_COMMIT_FAILED', 'DATA_MALFORMED'],
  );
});

test('a job that gets no slots fails after slot.request.timeout and says how many are missing', async () => {
  await using cluster = await start({ slots: 1 });
  const result = await run(cluster, job('counts', 3, { 'slot.request.timeout': '400 ms' }));
  assert.deepEqual([result.status, result.error?.code], ['FAILED', 'SLOT_REQUEST_TIMEOUT']);
  assert.deepEqual(
    [result.error?.parameters['required'], result.error?.parameters['available']],
    [3, 1],
  );
  const reason = 'There are 1 slots in 1 TaskManager, 0 of them free.';
  assert.equal(result.error?.parameters['reason'], reason);
  assert.equal((await run(cluster, job('counts'))).status, 'FINISHED', 'the slot has come back');
});

test('closing ends a job that runs, and leaves nothing', async () => {
  const cluster = await start();
  const client = await cluster.submit(job('spins'));
  await until(client, ({ vertices }) =>
    vertices.some(({ states }) => states.RUNNING !== undefined),
  );
  const result = client.result();
  result.catch(() => undefined);
  await cluster.close();
  await rejection(result, 'RPC_UNREACHABLE');
  assert.equal(cluster.workerCount, 0);
});

test('a region that has finished gives its slot to the one that waits: two parts in one slot', async () => {
  await using cluster = await start({ slots: 1 });
  const { status } = await run(cluster, job('twoParts'));
  assert.equal(status, 'FINISHED');
});

test('a region that has finished gives its slot back, to the jobs of others', async () => {
  await using cluster = await start({ slots: 2 });
  const settings = { 'slot.idle.timeout': '50 ms' };
  const endless = await cluster.submit(job('halfEndless', 1, settings));
  const { status } = await run(cluster, job('counts'));
  assert.equal(status, 'FINISHED');
  await endless.cancel();
  assert.equal((await endless.result()).status, 'CANCELED');
});
