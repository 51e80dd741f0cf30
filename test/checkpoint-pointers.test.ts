// Which checkpoints of a job are complete, as the next JobManager finds it; the names of rules are
// those of src/ha/checkpoint-pointers.ts.
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { nodeEnv } from '../src/env/node/node-env.ts';
import { fileCheckpointPointers } from '../src/ha/checkpoint-pointers.ts';
import { StoredFiles } from '../src/ha/stored-files.ts';
import type { StoredCheckpoints } from '../src/protocol/stored-checkpoints.ts';

const env = nodeEnv({
  entries: {
    slot: new URL('../bin/slot-worker.ts', import.meta.url),
    coordinator: new URL('../bin/coordinator-worker.ts', import.meta.url),
  },
  log: { level: 'error' },
});

function stored(masters: number, ...ids: readonly number[]): StoredCheckpoints {
  const checkpoints = ids.map((checkpointId) => ({
    ...{ checkpointId, location: `file:/checkpoints/chk-${checkpointId}`, isOurs: true },
  }));
  return { masters, reservedId: 16, checkpoints };
}

async function within(work: (folder: string, files: StoredFiles) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-pointers-'));
  try {
    const confirm = async (): Promise<void> => undefined;
    await work(folder, await StoredFiles.open({ env, folder, kind: 'checkpoints', confirm }));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('what was written is what the next one reads', () =>
  within(async (_folder, files) => {
    assert.equal(await fileCheckpointPointers(files, 'job').read(), undefined);
    await fileCheckpointPointers(files, 'job').write(stored(1, 3, 4));
    assert.deepEqual(await fileCheckpointPointers(files, 'job').read(), stored(1, 3, 4));
    assert.equal(await fileCheckpointPointers(files, 'other').read(), undefined);
  }));

test('P1: an earlier master overwrites nothing of a later one', () =>
  within(async (_folder, files) => {
    const pointers = fileCheckpointPointers(files, 'job');
    await pointers.write(stored(2, 4));
    await assert.rejects(pointers.write(stored(1, 5)), { code: 'HA_SUPERSEDED' });
    assert.deepEqual(await pointers.read(), stored(2, 4));
  }));

test('a damaged file is refused by its name, wherever it is damaged: never an empty start', () =>
  within(async (folder, files) => {
    const pointers = fileCheckpointPointers(files, 'job');
    await pointers.write(stored(1, 3));
    const [name] = readdirSync(folder);
    const path = join(folder, name!);
    const whole = readFileSync(path);
    for (let at = 0; at < whole.length; at++) {
      const broken = Uint8Array.from(whole);
      broken[at]! ^= 0x55;
      writeFileSync(path, broken);
      await assert.rejects(pointers.read(), { code: 'HA_FILE_INVALID' }, `byte ${at}`);
      writeFileSync(path, whole.subarray(0, at));
      await assert.rejects(pointers.read(), { code: 'HA_FILE_INVALID' }, `cut at ${at}`);
    }
  }));
