// Checkpoints on a whole cluster with real threads: what a job that fails, or whose JobManager is
// replaced, has written in the end is what it would have written without.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { milliseconds } from '../base/units.ts';
import { Configuration } from '../config/configuration.ts';
import type { JobResult } from '../protocol/job-report.ts';
import type { JobReference } from '../protocol/task-deployment.ts';
import { MiniCluster } from './mini-cluster.ts';
import { clusterEnv } from './cluster-env.test-kit.ts';

const JOBS = new URL('./checkpointed-jobs.test-kit.ts', import.meta.url).href;

type Settings = Readonly<Record<string, string>>;

const env = clusterEnv();

const RESTARTS: Settings = {
  'restart-strategy.type': 'fixed-delay',
  'restart-strategy.fixed-delay.attempts': '5',
  'restart-strategy.fixed-delay.delay': '10 ms',
};

class Folder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'millrace-checkpoints-'));

  get output(): string {
    return join(this.path, 'out');
  }

  get checkpoints(): string {
    return join(this.path, 'checkpoints');
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true });
  }

  /** All lines of all files. */
  lines(): readonly string[] {
    const names = existsSync(this.output) ? readdirSync(this.output) : [];
    return names.flatMap((name) => readFileSync(join(this.output, name), 'utf8').split('\n'));
  }
}

/**
 * Every record has been added to the total of its key exactly once: totals are counted from 1
 * without a gap, and the last of each key is the sum of all its values.
 */
function requireTotals(lines: readonly string[], records: number): void {
  const totals = lines.map((line) => line.split('/').map(Number) as [number, number, number]);
  for (let key = 0; key < 7; key++) {
    const own = totals.filter(([of]) => of === key).toSorted(([, left], [, right]) => left - right);
    const values = Array.from({ length: records }, (_, value) => value).filter(
      (value) => value % 7 === key,
    );
    assert.deepEqual(
      own.map(([, count]) => count),
      values.map((_, index) => index + 1),
      `totals of key ${key}`,
    );
    const sum = values.reduce((left, right) => left + right, 0);
    assert.equal(own.at(-1)![2], sum, `sum of key ${key}`);
  }
}

function job(
  folder: Folder,
  parameters: Readonly<Record<string, unknown>>,
  settings: Settings = {},
): JobReference {
  return {
    jobId: env.random.uuid(),
    ...{ moduleUrl: JOBS, exportName: 'totals' },
    parameters: { folder: folder.output, ...parameters },
    configuration: { ...RESTARTS, ...settings },
  };
}

async function run(reference: JobReference, slots: number): Promise<JobResult> {
  await using cluster = await MiniCluster.start({
    ...{ env, slots, spareWorkers: 0, configuration: Configuration.parse({}) },
  });
  return await (await cluster.submit(reference)).result();
}

test('a job that fails thrice goes on from its checkpoints: every total is written once', async () => {
  using folder = new Folder();
  const parameters = { records: 4000, rate: 4000, failAt: '1200,2000,3100' };
  const reference = job(folder, parameters, {
    'execution.checkpointing.dir': folder.checkpoints,
    'parallelism.default': '2',
  });
  const result = await run(reference, 2);
  assert.equal(result.status, 'FINISHED', JSON.stringify(result.error));
  requireTotals(folder.lines(), 4000);
  // The files of its checkpoints are gone, with their folders.
  assert.deepEqual(readdirSync(folder.checkpoints), []);
});

test('the file sink writes each total once, whatever fails, and leaves no other file', async () => {
  using folder = new Folder();
  // Slow enough that there are checkpoints also where the machine is.
  const parameters = { records: 3000, rate: 1500, failAt: '900,1800', fileSink: true };
  const settings = {
    'execution.checkpointing.dir': folder.checkpoints,
    'parallelism.default': '2',
  };
  const result = await run(job(folder, parameters, settings), 2);
  assert.equal(result.status, 'FINISHED', JSON.stringify(result.error));
  requireTotals(
    folder.lines().filter((line) => line !== ''),
    3000,
  );
  const names = readdirSync(folder.output);
  assert.ok(names.length > 4, `a file for each checkpoint: ${names.join(' ')}`);
  assert.deepEqual(
    names.filter((name) => !/^part-[0-9a-f]{16}-[01]-[0-9]+-[0-9a-f]{8}-[0-9]+[.]txt$/.test(name)),
    [],
  );
});

test('T9: a job whose output cannot be committed never is FINISHED', async () => {
  using folder = new Folder();
  // The input ends while commits of a checkpoint are tried again.
  for (const retries of [0, 3]) {
    const reference: JobReference = {
      ...job(folder, {}),
      exportName: 'uncommittable',
      parameters: { folder: folder.output, records: 300, retries },
    };
    const result = await run(reference, 1);
    assert.equal(result.status, 'FAILED');
    assert.match(JSON.stringify(result.error), /CONNECTOR_OUTPUT_LOST/);
    assert.deepEqual(folder.lines(), []);
  }
});

test('checkpoints in the memory of the JobManager serve as well', async () => {
  using folder = new Folder();
  const result = await run(job(folder, { records: 2000, failAt: '1200' }), 1);
  assert.equal(result.status, 'FINISHED', JSON.stringify(result.error));
  requireTotals(folder.lines(), 2000);
});

/** Resolves when some lines are committed. */
async function firstLines(folder: Folder): Promise<void> {
  while (folder.lines().length === 0) {
    await new Promise<void>((resolve) => env.clock.after(milliseconds(10), resolve));
  }
}

async function cluster(slots: number): Promise<MiniCluster> {
  const configuration = Configuration.parse({});
  return MiniCluster.start({ env, slots, spareWorkers: 0, configuration });
}

test('a job that was stopped with a savepoint goes on from it at another parallelism', async () => {
  using folder = new Folder();
  const directory = join(folder.path, 'savepoints');
  await using first = await cluster(3);
  const parameters = { records: 5000, rate: 2500 };
  const client = await first.submit(job(folder, parameters, { 'parallelism.default': '2' }));
  await firstLines(folder);
  const { location } = await client.triggerSavepoint({ directory, stop: 'suspend' });
  assert.equal((await client.result()).status, 'FINISHED');
  const written = folder.lines().length;
  assert.ok(written > 0 && written < 5000, `${written} lines`);
  const again = job(
    folder,
    { ...parameters, prefix: 'second-' },
    {
      ...{ 'parallelism.default': '3', 'execution.state-recovery.path': location },
    },
  );
  const result = await (await first.submit(again)).result();
  assert.equal(result.status, 'FINISHED', JSON.stringify(result.error));
  requireTotals(folder.lines(), 5000);
});

test("a savepoint is the user's: the job goes on, commits nothing with it, and leaves it", async () => {
  using folder = new Folder();
  const directory = join(folder.path, 'savepoints');
  await using first = await cluster(1);
  const client = await first.submit(job(folder, { records: 3000, rate: 3000 }));
  await firstLines(folder);
  const { location } = await client.triggerSavepoint({ directory });
  assert.equal((await client.result()).status, 'FINISHED');
  requireTotals(folder.lines(), 3000);
  assert.ok(existsSync(join(new URL(location).pathname, '_metadata')), location);
});

test('what a job cannot take over is refused before anything of it runs', async () => {
  using folder = new Folder();
  await using first = await cluster(1);
  const missing = job(folder, {}, { 'execution.state-recovery.path': `${folder.path}/none` });
  await assert.rejects(first.submit(missing), { code: 'SAVEPOINT_NOT_FOUND' });
});

test('the next JobManager goes on from the newest checkpoint of the one before', async () => {
  using folder = new Folder();
  const configuration = Configuration.parse({
    'high-availability.type': 'filesystem',
    'high-availability.storageDir': join(folder.path, 'ha'),
  });
  const reference = job(folder, { records: 5000, rate: 2500 }, { 'parallelism.default': '2' });
  {
    await using first = await MiniCluster.start({ env, slots: 2, spareWorkers: 0, configuration });
    await first.submit(reference);
    await firstLines(folder);
  }
  const written = folder.lines().length;
  assert.ok(written < 5000, `${written} lines`);
  await using second = await MiniCluster.start({ env, slots: 2, spareWorkers: 0, configuration });
  const result = await second.resultOf(reference.jobId);
  assert.equal(result.status, 'FINISHED', JSON.stringify(result.error));
  requireTotals(folder.lines(), 5000);
});

test('unaligned checkpoints lose and repeat nothing, also where barriers overtake', async () => {
  using folder = new Folder();
  const settings = {
    'execution.checkpointing.unaligned.enabled': 'true',
    'execution.checkpointing.dir': folder.checkpoints,
    'parallelism.default': '2',
  };
  const parameters = { records: 4000, rate: 4000, failAt: '1500,3000' };
  const result = await run(job(folder, parameters, settings), 2);
  assert.equal(result.status, 'FINISHED', JSON.stringify(result.error));
  requireTotals(folder.lines(), 4000);
});
