/** The folder of a job's checkpoints while its disk fails, for a job that begins or goes on. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isEngineError } from '../src/base/errors.ts';
import { minutes } from '../src/base/units.ts';
import type { Env } from '../src/env/env.ts';
import { memoryCheckpointPointers } from '../src/ha/checkpoint-pointers.ts';
import { CheckpointPlace } from '../src/jobmaster/checkpoint-place.ts';
import { FileSystems } from '../src/storage/file-systems.ts';
import { simulation } from './simulation.ts';

const PENDING = { checkpointId: 1, request: { savepoint: undefined }, location: '' } as never;

function placeOf(env: Env, masters: number): CheckpointPlace {
  return new CheckpointPlace({
    jobId: '00000000000000000000000000000001',
    fileSystems: FileSystems.create(env),
    directory: '/shared/checkpoints',
    pointers: memoryCheckpointPointers(),
    masters,
    log: env.log,
  });
}

const isUnusable = (error: unknown): boolean =>
  isEngineError(error, 'CHECKPOINT_DIRECTORY_UNUSABLE');

test('a job that begins hears of a full disk, one that goes on loses checkpoints by it', async () => {
  const world = simulation({ seed: 1, sharedFolders: ['/shared'] });
  const { files } = world.mounts[0]!;
  const body = async (env: Env): Promise<void> => {
    files.room = 0;
    await assert.rejects(placeOf(env, 1).begin(), isUnusable);
    const place = placeOf(env, 2);
    await place.begin();
    await place.removeLeftovers([]);
    await assert.rejects(place.prepare(PENDING), isUnusable);
    files.room = Infinity;
    assert.match(await place.prepare(PENDING), /\/chk-1$/);
    await place.removeAll();
    assert.deepEqual(await env.disk.list('/shared/checkpoints'), []);
  };
  await world.runProcess(world.host('master'), body, minutes(1));
});
