// D7, R7: a JobManager that dies while it ends a job leaves the next one enough to finish that:
// the job does not run again, and no file of its checkpoints stays that is not to stay.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { EngineError } from '../base/errors.ts';
import type { JobResult } from '../protocol/job-report.ts';
import { CheckpointRig, RETENTION } from './checkpoint-rig.test-kit.ts';
import { clusterEnv } from './cluster-env.test-kit.ts';
import type { Parameters, Settings } from './checkpoint-rig.test-kit.ts';
import { FaultyDisk } from './faulty-disk.test-kit.ts';

const env = clusterEnv();
const SMALL: Parameters = { records: 210, rate: 300, interval: 20 };
const CHANGES = ['open', 'makeDirectory', 'rename', 'link', 'remove', 'write', 'sync'];

/**
 * Runs a job whose JobManager loses its disk for good `steps` changes after the result of the job
 * is on it, or when it would be; then another JobManager comes. @returns whether it came so far
 */
async function killedAfter(
  rig: CheckpointRig,
  { steps, cancels, settings }: { steps: number; cancels: boolean; settings: Settings },
): Promise<{ readonly wasKilled: boolean; readonly jobId: string; readonly result: JobResult }> {
  const reference = rig.job(cancels ? { ...SMALL, records: 100_000 } : SMALL, settings);
  const disk = new FaultyDisk(env);
  let left = Number.POSITIVE_INFINITY;
  let wasKilled = false;
  disk.fault = (operation, path) => {
    if (!CHANGES.includes(operation)) return undefined;
    if (operation === 'open' && !path.includes('?')) return undefined;
    // What the cluster writes when it closes, and a killed one does not.
    if (path.includes('holder.json')) return undefined;
    if (path.includes('.result') && left === Number.POSITIVE_INFINITY) left = steps;
    if (left-- > 0) return undefined;
    wasKilled = true;
    return new EngineError('IO_FAILED', { operation, path, reason: 'the process is gone' });
  };
  {
    await using cluster = await rig.cluster(disk.env);
    const client = await cluster.submit(reference);
    if (cancels) {
      await rig.more();
      await client.cancel();
    }
    await client.result().catch(() => undefined);
  }
  await using cluster = await rig.cluster();
  const result = await cluster.resultOf(reference.jobId);
  return { wasKilled, jobId: reference.jobId, result };
}

/** What a JobManager keeps of jobs that have not ended. */
function known(rig: CheckpointRig): readonly string[] {
  const folder = join(rig.path, 'ha', readdirSync(join(rig.path, 'ha'))[0]!);
  return ['jobs', 'checkpoints'].flatMap((name) => readdirSync(join(folder, name)));
}

test('a job that is FINISHED leaves nothing, wherever its JobManager dies', async () => {
  // Before and in the middle of the removal of its checkpoints.
  for (const steps of [5, 6]) {
    using rig = new CheckpointRig(env);
    const { wasKilled, result } = await killedAfter(rig, { steps, cancels: false, settings: {} });
    assert.ok(wasKilled);
    assert.equal(result.status, 'FINISHED');
    rig.requireTotals(SMALL['records'] as number);
    assert.deepEqual(rig.left(), []);
    assert.deepEqual(known(rig), []);
  }
});

test('what is to stay stays, wherever the JobManager dies, and nothing besides', async () => {
  const settings = { [RETENTION]: 'RETAIN_ON_CANCELLATION' };
  using rig = new CheckpointRig(env);
  const { jobId, result, wasKilled } = await killedAfter(rig, {
    steps: 5,
    cancels: true,
    settings,
  });
  assert.ok(wasKilled);
  assert.equal(result.status, 'CANCELED');
  const kept = rig.complete(jobId);
  assert.equal(kept.length, 1, rig.left().join(' '));
  const names = readdirSync(join(rig.checkpoints, jobId)).toSorted();
  assert.deepEqual(names, [kept[0]!.split('/').at(-1)!, 'shared']);
  assert.deepEqual(known(rig), []);
});
