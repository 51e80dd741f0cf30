// Jobs with checkpoints on a whole cluster with real threads: they fail, are restored from the
// newest checkpoint, and what they have counted is what an undisturbed job counts.
import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Configuration } from '../config/configuration.ts';
import { KEYS, RECORDS } from './restored-sums.test-kit.ts';
import { MiniCluster } from './mini-cluster.ts';
import { clusterEnv } from './cluster-env.test-kit.ts';

const env = clusterEnv();

const CONFIGURATION = {
  'parallelism.default': '2',
  'restart-strategy.type': 'fixed-delay',
  'restart-strategy.fixed-delay.attempts': '3',
  'restart-strategy.fixed-delay.delay': '10 ms',
};

for (const [unaligned, dies] of [
  [false, false],
  [true, true],
] as const) {
  const how = `${unaligned ? 'unaligned' : 'aligned'}, ${dies ? 'workers die' : 'functions throw'}`;
  test(`what was counted is exact after two failures (${how})`, async () => {
    const directory = await mkdtemp(join(tmpdir(), 'millrace-checkpoints-'));
    try {
      await using cluster = await MiniCluster.start({
        ...{ env, spareWorkers: 0, configuration: Configuration.parse({}) },
      });
      const client = await cluster.submit({
        jobId: env.random.uuid(),
        moduleUrl: new URL('./restored-sums.test-kit.ts', import.meta.url).href,
        exportName: 'summed',
        parameters: { directory, unaligned, dies },
        configuration: CONFIGURATION,
      });
      const texts: string[] = [];
      client.onMessage((_operator, payload) => void texts.push(new TextDecoder().decode(payload)));
      await client.result();
      const each = RECORDS / KEYS;
      const expected = Array.from({ length: KEYS }, (_, key) => {
        const sum = Array.from({ length: each }, (_unused, i) => key + i * KEYS);
        return `${key} ${each} ${sum.reduce((a, b) => a + b)}`;
      });
      const lines = texts.join('').split('\n').filter(Boolean);
      assert.deepEqual(lines.map((line) => line.replace(/^.*> /, '')).toSorted(), expected);
      const left = await readdir(directory, { recursive: true });
      assert.deepEqual(
        left.filter((name) => name.includes('chk-')),
        [],
        'nothing is left over',
      );
    } finally {
      await rm(directory, { recursive: true });
    }
  });
}
