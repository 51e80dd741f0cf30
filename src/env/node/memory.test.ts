/** Real shared memory keeps the contract; what crosses threads is tested with the workers. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { memoryContract } from '../contract/memory-contract.ts';
import { nodeClock } from './clock.ts';
import { nodeMemory, sharedBuffer, sharedRegion } from './memory.ts';

memoryContract('the real one', () => ({
  memory: nodeMemory(),
  clock: nodeClock(),
  run: (body) => body(),
  async [Symbol.asyncDispose]() {},
}));

describe('nodeMemory', () => {
  test('a region wrapped anew is the same memory', () => {
    const region = nodeMemory().allocate(32);
    const again = sharedRegion(sharedBuffer(region));
    region.store(5, 99);
    assert.equal(again.load(5), 99);
  });

  test('heapUsed grows with what is kept', () => {
    const memory = nodeMemory();
    const before = memory.heapUsed();
    const kept = Array.from({ length: 200_000 }, (_, i) => ({ i }));
    assert.ok(memory.heapUsed() - before > 2_000_000);
    assert.equal(kept.length, 200_000);
  });
});
