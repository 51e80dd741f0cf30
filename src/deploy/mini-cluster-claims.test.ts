// Whose checkpoints are when a job ends, and when another one goes on from them.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { isEngineError } from '../base/errors.ts';
import type { JobClient } from '../client/job-client.ts';
import { Configuration } from '../config/configuration.ts';
import type { JobResult } from '../protocol/job-report.ts';
import { CheckpointRig, RETENTION } from './checkpoint-rig.test-kit.ts';
import { clusterEnv } from './cluster-env.test-kit.ts';
import type { Parameters, Settings } from './checkpoint-rig.test-kit.ts';
import { MiniCluster } from './mini-cluster.ts';

const RECORDS = 3000;

const env = clusterEnv();
let cluster: MiniCluster;

before(async () => {
  const configuration = Configuration.parse({});
  cluster = await MiniCluster.start({ env, slots: 3, spareWorkers: 2, configuration });
});

after(() => cluster.close());

/** On the cluster that all tests here share. */
class Rig extends CheckpointRig {
  constructor() {
    super(env);
  }

  submit(
    settings: Settings = {},
    parameters: Parameters = {},
    jobId = env.random.uuid(),
    on = cluster,
  ): Promise<JobClient> {
    const job = this.job(
      { records: RECORDS, rate: 1500, ...parameters },
      // Every state in a file of its own.
      { 'execution.checkpointing.data-inline-threshold': '0b', ...settings },
    );
    return on.submit({ ...job, jobId });
  }

  /** Ends a job when it has committed something. */
  async cancelled(settings: Settings, parameters: Parameters = {}): Promise<string> {
    // However slow the machine is, it has not finished before.
    const client = await this.submit(settings, { rate: 200, ...parameters });
    await this.more();
    await client.cancel();
    assert.equal((await client.result()).status, 'CANCELED');
    return client.jobId;
  }

  /** Runs to its end from what another job has left. */
  async resumed(path: string, settings: Settings = {}): Promise<JobResult> {
    const restore = { 'execution.state-recovery.path': path, ...settings };
    return (await this.submit(restore, { rate: 50_000 })).result();
  }

  override requireTotals(records = RECORDS): void {
    super.requireTotals(records);
  }
}

const RETAIN: Settings = { [RETENTION]: 'RETAIN_ON_CANCELLATION' };
const INCREMENTAL: Settings = { 'execution.checkpointing.incremental': 'true' };
const claim = (mode: string): Settings => ({ 'execution.state-recovery.claim-mode': mode });

/** A failed job and no restart. */
async function failed(rig: Rig, retention: string): Promise<string> {
  const client = await rig.submit(
    { [RETENTION]: retention, 'restart-strategy.type': 'none' },
    // However slow the machine is, there is a checkpoint before.
    { failAt: '1200', rate: 600 },
  );
  assert.equal((await client.result()).status, 'FAILED');
  assert.ok(rig.lines().length > 0, 'there was a checkpoint');
  return client.jobId;
}

test('RETAIN_ON_CANCELLATION leaves the newest checkpoint, and a job goes on from it', async () => {
  using rig = new Rig();
  const jobId = await rig.cancelled(RETAIN);
  const kept = rig.complete(jobId);
  assert.equal(kept.length, 1, rig.left().join(' '));
  const result = await rig.resumed(kept[0]!);
  assert.equal(result.status, 'FINISHED', JSON.stringify(result.error));
  rig.requireTotals();
  assert.deepEqual(rig.complete(jobId), kept, 'NO_CLAIM: it is not the job’s to delete');
});

test('R5: as many checkpoints as are retained stay, and no file besides', async () => {
  using rig = new Rig();
  const client = await rig.submit({ ...RETAIN, 'execution.checkpointing.num-retained': '3' });
  await rig.until(() => rig.complete(client.jobId).length === 3);
  await client.cancel();
  await client.result();
  const kept = rig.complete(client.jobId);
  assert.equal(kept.length, 3);
  const top = readdirSync(join(rig.checkpoints, client.jobId)).toSorted();
  assert.deepEqual(top, [...kept.map((path) => path.split('/').at(-1)!), 'shared'].toSorted());
  for (const path of kept) rmSync(path, { recursive: true });
  assert.deepEqual(rig.left(client.jobId), ['shared'], 'they were whole in their folders');
});

for (const retention of ['DELETE_ON_CANCELLATION', 'NO_EXTERNALIZED_CHECKPOINTS']) {
  test(`${retention} leaves nothing of a job that is cancelled`, async () => {
    using rig = new Rig();
    await rig.cancelled({ [RETENTION]: retention });
    assert.deepEqual(rig.left(), []);
  });
}

test('RETAIN_ON_CANCELLATION keeps the newest checkpoint of a job that fails, too', async () => {
  using rig = new Rig();
  const jobId = await failed(rig, 'RETAIN_ON_CANCELLATION');
  assert.equal(rig.complete(jobId).length, 1, rig.left().join(' '));
});

test('DELETE_ON_CANCELLATION keeps that of a job that fails, and a job goes on from it', async () => {
  using rig = new Rig();
  const jobId = await failed(rig, 'DELETE_ON_CANCELLATION');
  const kept = rig.complete(jobId);
  assert.equal(kept.length, 1, rig.left().join(' '));
  const result = await rig.resumed(kept[0]!);
  assert.equal(result.status, 'FINISHED', JSON.stringify(result.error));
  rig.requireTotals();
});

test('NO_EXTERNALIZED_CHECKPOINTS leaves nothing of a job that fails', async () => {
  using rig = new Rig();
  await failed(rig, 'NO_EXTERNALIZED_CHECKPOINTS');
  assert.deepEqual(rig.left(), []);
});

test('a job that finishes leaves nothing, whatever is retained', async () => {
  using rig = new Rig();
  const client = await rig.submit(RETAIN, { records: 400 });
  assert.equal((await client.result()).status, 'FINISHED');
  rig.requireTotals(400);
  assert.deepEqual(rig.left(), []);
});

test('CLAIM: the files go with the job that claims them', async () => {
  using rig = new Rig();
  const jobId = await rig.cancelled({ ...RETAIN, ...INCREMENTAL });
  const [path] = rig.complete(jobId);
  const second = await rig.submit({
    ...{ ...INCREMENTAL, ...claim('CLAIM'), 'execution.state-recovery.path': path! },
  });
  // Subsumed: no job has to end for it.
  await rig.until(() => !existsSync(path!));
  assert.equal((await second.result()).status, 'FINISHED');
  rig.requireTotals();
  assert.deepEqual(rig.left(), [], 'nor the folders that are empty then');
});

test('CLAIM: what a job that was killed had begun goes with its last checkpoint', async () => {
  using rig = new Rig();
  const jobId = await rig.cancelled({ ...RETAIN, ...INCREMENTAL });
  const [path] = rig.complete(jobId);
  const folder = join(rig.checkpoints, jobId);
  const begun = `chk-${Number(path!.split('-').at(-1)) + 1}`;
  mkdirSync(join(folder, begun));
  for (const name of [`${begun}/state`, 'shared/unknown', 'shared/.writing-unknown-0a0b']) {
    writeFileSync(join(folder, name), 'x');
  }
  const result = await rig.resumed(path!, { ...INCREMENTAL, ...claim('CLAIM') });
  assert.equal(result.status, 'FINISHED', JSON.stringify(result.error));
  rig.requireTotals();
  assert.deepEqual(rig.left(), []);
});

test('CLAIM: of a job that has not ended is refused', async () => {
  using rig = new Rig();
  // All stay, so that none is subsumed meanwhile.
  const all = { ...RETAIN, 'execution.checkpointing.num-retained': '100000' };
  const running = await rig.submit(all, { rate: 200 });
  await rig.until(() => rig.complete(running.jobId).length > 0);
  const [path] = rig.complete(running.jobId);
  await assert.rejects(rig.resumed(path!, claim('CLAIM')), (error) => {
    assert.ok(isEngineError(error, 'RESTORE_CLAIM_RUNNING'), String(error));
    assert.ok(error.message.includes(path!) && error.message.includes(running.jobId));
    return true;
  });
  await running.cancel();
  await running.result();
  assert.ok(existsSync(path!));
});

test('CLAIM: a job that ends before its first checkpoint takes them with it', async () => {
  using rig = new Rig();
  const jobId = await rig.cancelled({ ...RETAIN, ...INCREMENTAL });
  const [path] = rig.complete(jobId);
  const second = await rig.submit(
    { ...INCREMENTAL, ...claim('CLAIM'), 'execution.state-recovery.path': path! },
    { interval: 3_600_000 },
  );
  await second.cancel();
  await second.result();
  assert.ok(!existsSync(path!));
  assert.deepEqual(rig.left(), []);
});

test('CLAIM: a job that could not go on from it takes nothing with it', async () => {
  using rig = new Rig();
  const jobId = await rig.cancelled(RETAIN);
  const [path] = rig.complete(jobId);
  const before = rig.left(jobId).toSorted();
  const [state] = readdirSync(path!).filter((name) => name !== '_metadata');
  const bytes = readFileSync(join(path!, state!));
  bytes[bytes.length - 1]! ^= 1;
  writeFileSync(join(path!, state!), bytes);
  await assert.rejects(rig.resumed(path!, claim('CLAIM')), new RegExp(state!));
  assert.deepEqual(rig.left(jobId).toSorted(), before);
});

test('CLAIM: a job that fails before it came further leaves what it was given', async () => {
  using rig = new Rig();
  const jobId = await rig.cancelled(RETAIN);
  const [path] = rig.complete(jobId);
  const settings = {
    ...{ ...claim('CLAIM'), 'execution.state-recovery.path': path! },
    [RETENTION]: 'NO_EXTERNALIZED_CHECKPOINTS',
    'restart-strategy.type': 'none',
  };
  const client = await rig.submit(settings, { failAt: String(RECORDS - 1), interval: 3_600_000 });
  assert.equal((await client.result()).status, 'FAILED');
  const result = await rig.resumed(path!, claim('CLAIM'));
  assert.equal(result.status, 'FINISHED', JSON.stringify(result.error));
  rig.requireTotals();
});

test('a job that cannot go on from what it was given leaves no folder', async () => {
  using rig = new Rig();
  const wrong = join(rig.path, 'no-savepoint');
  await assert.rejects(rig.resumed(wrong), { code: 'SAVEPOINT_NOT_FOUND' });
  assert.deepEqual(rig.left(), []);
});

test('NO_CLAIM: from the first checkpoint on, nobody needs the old one', async () => {
  using rig = new Rig();
  const jobId = await rig.cancelled({ ...RETAIN, ...INCREMENTAL });
  const [path] = rig.complete(jobId);
  const settings = {
    ...{ ...RETAIN, ...INCREMENTAL, ...claim('NO_CLAIM') },
    'execution.state-recovery.path': path!,
    'execution.checkpointing.num-retained': '2',
  };
  const second = await rig.submit(settings);
  await rig.until(() => rig.complete(second.jobId).length > 0);
  assert.ok(existsSync(path!), 'it is the user’s');
  rmSync(join(rig.checkpoints, jobId), { recursive: true });
  await rig.more();
  await second.cancel();
  await second.result();
  const newest = rig.complete(second.jobId).at(-1)!;
  const result = await rig.resumed(newest, INCREMENTAL);
  assert.equal(result.status, 'FINISHED', JSON.stringify(result.error));
  rig.requireTotals();
});

test('LEGACY: the old one is left alone, and may be needed', async () => {
  using rig = new Rig();
  const jobId = await rig.cancelled({ ...RETAIN, ...INCREMENTAL });
  const [path] = rig.complete(jobId);
  const before = rig.left(jobId).toSorted();
  const result = await rig.resumed(path!, { ...INCREMENTAL, ...claim('LEGACY') });
  assert.equal(result.status, 'FINISHED', JSON.stringify(result.error));
  rig.requireTotals();
  assert.deepEqual(rig.left(jobId).toSorted(), before);
});

/** A JobManager that knows nothing of earlier ones. */
function forgetful(): Promise<MiniCluster> {
  const configuration = Configuration.parse({});
  return MiniCluster.start({ env, slots: 1, spareWorkers: 0, configuration });
}

test('S4: a job with the id of an earlier one leaves its checkpoints alone', async () => {
  using rig = new Rig();
  const jobId = await rig.cancelled({ ...RETAIN, ...INCREMENTAL });
  const kept = rig.complete(jobId);
  const before = rig.left(jobId).toSorted();
  // One that begins anew, and one that goes on from what is there.
  for (const from of [undefined, kept[0]!]) {
    await using fresh = await forgetful();
    const restore = from && { 'execution.state-recovery.path': from };
    const client = await rig.submit(
      { ...INCREMENTAL, ...restore },
      { rate: 50_000, prefix: `again-${from === undefined}-` },
      jobId,
      fresh,
    );
    assert.equal((await client.result()).status, 'FINISHED');
    assert.deepEqual(rig.left(jobId).toSorted(), before);
  }
  const result = await rig.resumed(kept[0]!, INCREMENTAL);
  assert.equal(result.status, 'FINISHED', JSON.stringify(result.error));
});
