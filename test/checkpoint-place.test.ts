/** The folder of a job with checkpoints over several masters of it. */
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import { test } from 'node:test';
import { CheckpointPlace } from '../src/jobmaster/checkpoint-place.ts';
import { memoryCheckpointPointers } from '../src/ha/checkpoint-pointers.ts';
import { ManualClock } from '../src/rpc/manual-clock.test-kit.ts';
import { JOB_ID, someMetadata } from '../src/storage/checkpoint.test-kit.ts';
import { withFolder } from './storage.test-kit.ts';

test('a master that goes on from a checkpoint and takes none removes the folder in the end', () =>
  withFolder(async (fileSystems, directory) => {
    const pointers = memoryCheckpointPointers();
    const log = { write: assert.fail } as never;
    const clock = new ManualClock();
    const options = { jobId: JOB_ID, fileSystems, directory, pointers, log, clock };
    const first = new CheckpointPlace({ ...options, masters: 1 });
    await first.recover();
    await first.begin();
    const request = { savepoint: undefined };
    const pending = { checkpointId: 7, request, location: '' } as never;
    const location = await first.prepare(pending);
    const metadata = someMetadata(() => ({ kind: 'inline', bytes: new Uint8Array(3) }));
    await first.complete({ ...(pending as object), location } as never, metadata, (completed) => [
      completed,
    ]);
    assert.deepEqual(await fs.readdir(directory), [JOB_ID]);

    const second = new CheckpointPlace({ ...options, masters: 2 });
    const kept = await second.recover();
    assert.equal(kept.length, 1);
    await second.removeAll();
    assert.deepEqual(await fs.readdir(directory), []);
  }));
