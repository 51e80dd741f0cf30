/** The real clock keeps the contract; its time is one for all threads. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { clockContract } from '../contract/clock-contract.ts';
import { nodeClock } from './clock.ts';

clockContract('the real one', () => ({
  clock: nodeClock(),
  run: (body) => body(),
  async [Symbol.asyncDispose]() {},
}));

describe('nodeClock', () => {
  test('monotonic is the same clock in every thread', async () => {
    const clock = nodeClock();
    const before = clock.monotonic();
    const url = new URL('./clock.ts', import.meta.url).href;
    const source = `
      const { parentPort } = require('node:worker_threads');
      import(${JSON.stringify(url)}).then(({ nodeClock }) => {
        parentPort.postMessage(nodeClock().monotonic());
      });`;
    const worker = new Worker(source, { eval: true });
    const there = await new Promise<number>((resolve) => worker.once('message', resolve));
    const after = clock.monotonic();
    assert.ok(before <= there && there <= after, `${before} <= ${there} <= ${after}`);
    await worker.terminate();
  });

  test('cpuTime counts work, not waiting', async () => {
    const clock = nodeClock();
    const start = clock.cpuTime();
    const begun = clock.monotonic();
    while (clock.monotonic() - begun < 30);
    assert.ok(clock.cpuTime() - start >= 5);
  });

  test('now is the wall clock', () => {
    const before = Date.now();
    const now = nodeClock().now();
    assert.ok(before <= now && now <= Date.now());
  });
});
