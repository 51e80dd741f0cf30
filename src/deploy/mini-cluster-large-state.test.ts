// State that does not fit into one message between two processes, and goes to every subtask.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Configuration } from '../config/configuration.ts';
import { MiniCluster } from './mini-cluster.ts';
import { clusterEnv } from './cluster-env.test-kit.ts';

const PARALLELISM = 3;
const env = clusterEnv();

/** What every subtask has found after the restart. */
async function found(directory: string, megabytes: number): Promise<readonly string[]> {
  await using cluster = await MiniCluster.start({
    ...{ env, slots: PARALLELISM, spareWorkers: 0, configuration: Configuration.parse({}) },
  });
  const client = await cluster.submit({
    jobId: env.random.uuid(),
    moduleUrl: new URL('./evolving-jobs.test-kit.ts', import.meta.url).href,
    exportName: 'large',
    parameters: { directory, megabytes },
    configuration: {
      'parallelism.default': String(PARALLELISM),
      'restart-strategy.type': 'fixed-delay',
      'restart-strategy.fixed-delay.attempts': '1',
      'restart-strategy.fixed-delay.delay': '10 ms',
    },
  });
  const texts: string[] = [];
  const told = Promise.withResolvers<void>();
  client.onMessage((_operator, payload) => {
    if (texts.push(new TextDecoder().decode(payload)) === PARALLELISM) told.resolve();
  });
  const ended = client.result();
  const first = await Promise.race([told.promise, ended]);
  assert.equal(first, undefined, JSON.stringify(first));
  await client.cancel();
  await ended;
  return [...texts.join('').matchAll(/attempt .*/g)].map(([line]) => line);
}

function expected(megabytes: number): readonly string[] {
  const all = ['0', '1', '2'].map((subtask) => subtask.repeat(megabytes)).join('');
  return Array.from({ length: PARALLELISM }, () => `attempt 2: ${all}`);
}

test('36 MB of state in messages: each state is sent once, in pieces', async () => {
  // In the memory of the JobManager; 12 MB to each of three subtasks, and 16 MiB fit into a frame.
  assert.deepEqual(await found('', 4), expected(4));
});

test('54 MB in files do not travel in messages at all', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-large-'));
  try {
    assert.deepEqual(await found(folder, 6), expected(6));
  } finally {
    rmSync(folder, { recursive: true });
  }
});
