/** X1: a seed decides everything, in whatever process, with whatever collector and compiler. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { runCounter } from './toy/run-counter.test-kit.ts';

const SEEDS = [3, 8];

/** What the seeds' runs print in a process of their own. */
function inProcess(flags: readonly string[], seeds: readonly number[]): readonly string[] {
  const script = fileURLToPath(new URL('./toy/print-hashes.test-kit.ts', import.meta.url));
  const args = [...flags, script, ...seeds.map(String)];
  const { stdout, stderr, status } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  return stdout.trim().split('\n');
}

test('X1: two processes run the same events for a seed, and others for another seed', () => {
  const first = inProcess([], SEEDS);
  assert.equal(first.length, SEEDS.length);
  assert.deepEqual(inProcess([], SEEDS), first);
  assert.equal(new Set(first.map((line) => line.split(' ')[1])).size, SEEDS.length);
  // Neither the seeds that ran before in the process nor their order matter.
  assert.deepEqual(inProcess([], [...SEEDS].reverse()).toReversed(), first);
});

test('X1: neither collector nor compiler change a run', () => {
  const plain = inProcess([], SEEDS);
  const settings = [
    ['--max-semi-space-size=1', '--single-threaded-gc'],
    ['--gc-interval=2000', '--expose-gc'],
    ['--no-opt', '--no-sparkplug'],
    ['--stack-size=500', '--max-lazy'],
  ];
  for (const flags of settings) assert.deepEqual(inProcess(flags, SEEDS), plain, flags.join(' '));
});

test('X1: twice in one process', async () => {
  const once = await runCounter(5);
  const again = await runCounter(5);
  assert.deepEqual(again, once);
});
