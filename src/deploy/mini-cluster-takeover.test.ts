// What becomes of a job with checkpoints when the next JobManager cannot get at them: it waits, or
// ends and says why; it never begins anew.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { EngineError } from '../base/errors.ts';
import { CheckpointRig, RETENTION } from './checkpoint-rig.test-kit.ts';
import { clusterEnv } from './cluster-env.test-kit.ts';
import type { Settings } from './checkpoint-rig.test-kit.ts';
import { FaultyDisk } from './faulty-disk.test-kit.ts';

const env = clusterEnv();
const RECORDS = 1000;
const RETAINED = 'execution.checkpointing.num-retained';

/** A job that has had checkpoints, and whose JobManager is gone. @returns its id */
async function left(rig: CheckpointRig, settings: Settings = {}): Promise<string> {
  const reference = rig.job({ records: RECORDS, rate: 300 }, settings);
  await using cluster = await rig.cluster();
  await cluster.submit(reference);
  const least = Number(settings[RETAINED] ?? 1);
  await rig.until(() => {
    const complete = rig.complete(reference.jobId);
    // When the first is subsumed there are pointers to as many.
    const isSubsumed = least === 1 || !complete[0]?.endsWith('chk-1');
    return rig.lines().length > 0 && complete.length >= least && isSubsumed;
  });
  return reference.jobId;
}

function damage(checkpoint: string): void {
  const path = join(checkpoint, '_metadata');
  const bytes = readFileSync(path);
  bytes[bytes.length >> 1]! ^= 0x55;
  writeFileSync(path, bytes);
}

/** The job ends and says why, and nothing of its checkpoints goes. */
async function requireRefused(rig: CheckpointRig, jobId: string, text: RegExp): Promise<void> {
  const before = rig.left(jobId).toSorted();
  await using cluster = await rig.cluster();
  const { status, error } = await cluster.resultOf(jobId);
  assert.equal(status, 'FAILED');
  const { code, message, fix } = EngineError.fromData(error!);
  assert.equal(code, 'RESTORE_CHECKPOINT_UNUSABLE');
  assert.match(`${message} ${fix}`, text);
  assert.deepEqual(rig.left(jobId).toSorted(), before);
}

test('a storage that cannot be reached is waited for, and said to be', async () => {
  using rig = new CheckpointRig(env);
  const jobId = await left(rig);
  const disk = new FaultyDisk(env);
  const { checkpoints } = rig;
  const reason = 'no answer came (ETIMEDOUT)';
  disk.fault = (operation, path) =>
    path.startsWith(checkpoints)
      ? new EngineError('IO_FAILED', { operation, path, reason })
      : undefined;
  await using cluster = await rig.cluster(disk.env);
  const client = await cluster.attach(jobId);
  await rig.until(async () => (await client.details()).waitingFor !== undefined);
  const { status, waitingFor, failures } = await client.details();
  assert.equal(status, 'INITIALIZING');
  assert.match(waitingFor!, /its checkpoints: .*ETIMEDOUT/);
  assert.deepEqual(
    failures.map(({ error }) => error.code),
    ['IO_FAILED'],
  );
  disk.fault = () => undefined;
  const result = await client.result();
  assert.equal(result.status, 'FINISHED', JSON.stringify(result.error));
  rig.requireTotals(RECORDS);
  assert.deepEqual(rig.left(), []);
});

test('a job that waits for its storage can be cancelled, and its checkpoints stay', async () => {
  using rig = new CheckpointRig(env);
  const jobId = await left(rig);
  const disk = new FaultyDisk(env);
  disk.fault = (operation, path) =>
    path.startsWith(rig.checkpoints)
      ? new EngineError('IO_FAILED', { operation, path, reason: 'the device failed' })
      : undefined;
  await using cluster = await rig.cluster(disk.env);
  const client = await cluster.attach(jobId);
  await rig.until(async () => (await client.details()).waitingFor !== undefined);
  await client.cancel();
  assert.equal((await client.result()).status, 'CANCELED');
  assert.equal(rig.complete(jobId).length, 1);
});

test('a folder that is not there is one that is not mounted, and waited for', async () => {
  using rig = new CheckpointRig(env);
  const jobId = await left(rig);
  const elsewhere = join(rig.path, 'not-mounted');
  renameSync(rig.checkpoints, elsewhere);
  await using cluster = await rig.cluster();
  const client = await cluster.attach(jobId);
  await rig.until(async () => (await client.details()).waitingFor !== undefined);
  const { waitingFor } = await client.details();
  assert.match(waitingFor!, /does not exist: is its disk mounted\?/);
  assert.ok(!existsSync(rig.checkpoints), 'nobody makes it in its place');
  renameSync(elsewhere, rig.checkpoints);
  const result = await client.result();
  assert.equal(result.status, 'FINISHED', JSON.stringify(result.error));
  rig.requireTotals(RECORDS);
});

test('a disk that is full at a takeover costs checkpoints, not the job', async () => {
  using rig = new CheckpointRig(env);
  const jobId = await left(rig);
  const disk = new FaultyDisk(env);
  let refused = 0;
  disk.fault = (operation, path) => {
    const makes = operation === 'makeDirectory' || /\?(create|write|append)$/.test(path);
    if (!makes || !path.startsWith(rig.checkpoints) || refused >= 6) return undefined;
    refused += 1;
    return new EngineError('IO_NO_SPACE', { operation, path });
  };
  await using cluster = await rig.cluster(disk.env);
  const client = await cluster.attach(jobId);
  const result = await client.result();
  assert.equal(result.status, 'FINISHED', JSON.stringify(result.error));
  assert.ok(refused > 0);
  assert.deepEqual((await client.details()).failures, [], 'it never restarted');
  rig.requireTotals(RECORDS);
  assert.deepEqual(rig.left(), []);
});

test('leftovers that cannot be removed at a takeover are told, and harm nobody', async () => {
  using rig = new CheckpointRig(env);
  const jobId = await left(rig);
  writeFileSync(join(rig.checkpoints, jobId, 'shared', 'of-a-killed-task'), 'state');
  const disk = new FaultyDisk(env);
  let refused = 0;
  disk.fault = (operation, path) => {
    if (operation !== 'remove' || !path.endsWith('of-a-killed-task')) return undefined;
    refused += 1;
    return new EngineError('IO_READ_ONLY', { operation, path });
  };
  await using cluster = await rig.cluster(disk.env);
  const result = await cluster.resultOf(jobId);
  assert.equal(result.status, 'FINISHED', JSON.stringify(result.error));
  assert.ok(refused > 0);
  rig.requireTotals(RECORDS);
  assert.deepEqual(rig.left(), [], 'they go with the job');
});

test('Q4: a newest checkpoint that is damaged ends the job, named, with the older ones', async () => {
  using rig = new CheckpointRig(env);
  const jobId = await left(rig, { [RETAINED]: '2' });
  // The last one may be complete but for its pointer.
  const [older, ...newer] = rig.complete(jobId);
  for (const path of newer) damage(path);
  const ofOlder = newer.length === 1 ? `${older!}\\).*comes twice` : '';
  await requireRefused(rig, jobId, new RegExp(`chk-[0-9]+/_metadata .*${ofOlder}`, 's'));
});

test('Q4: and so does one that is gone', async () => {
  using rig = new CheckpointRig(env);
  const jobId = await left(rig);
  for (const path of rig.complete(jobId)) rmSync(join(path, '_metadata'));
  await requireRefused(rig, jobId, /no savepoint of this engine at .*no older one is kept/s);
});

test('Q4: an older one that is damaged is left alone, and the job goes on from the newest', async () => {
  using rig = new CheckpointRig(env);
  const jobId = await left(rig, { [RETAINED]: '2', [RETENTION]: 'RETAIN_ON_CANCELLATION' });
  const [older] = rig.complete(jobId);
  damage(older!);
  await using cluster = await rig.cluster();
  const client = await cluster.attach(jobId);
  const result = await client.result();
  assert.equal(result.status, 'FINISHED', JSON.stringify(result.error));
  rig.requireTotals(RECORDS);
  assert.deepEqual(rig.left(), [], 'it was the job’s, and went with it');
});

test('a state file that is damaged ends the job, named, and nothing of it goes', async () => {
  using rig = new CheckpointRig(env);
  const jobId = await left(rig, { 'execution.checkpointing.data-inline-threshold': '0b' });
  const complete = rig.complete(jobId);
  const files = complete.flatMap((path) =>
    readdirSync(path)
      .filter((name) => name !== '_metadata')
      .map((name) => join(path, name)),
  );
  assert.ok(files.length > 0);
  for (const path of files) {
    const bytes = readFileSync(path);
    bytes[bytes.length >> 1]! ^= 0x55;
    writeFileSync(path, bytes);
  }
  const lines = rig.lines().length;
  await using cluster = await rig.cluster();
  const { status, error } = await cluster.resultOf(jobId);
  assert.equal(status, 'FAILED');
  assert.ok(
    files.some((path) => JSON.stringify(error).includes(path)),
    JSON.stringify(error),
  );
  assert.equal(rig.lines().length, lines, 'it did not begin anew');
  assert.ok(rig.complete(jobId).length > 0, 'somebody has to look at it');
});
