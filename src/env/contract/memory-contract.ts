/** The contract of `Memory` and `SharedRegion` within one thread, for every environment. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { nextTurn, withRig } from './rig.test-kit.ts';
import type { MakeRig, MemoryRig } from './rig.test-kit.ts';

export function memoryContract(name: string, make: MakeRig<MemoryRig>): void {
  describe(`Memory: ${name}`, () => {
    waitContract(make);

    test('a region is zeroed and has the length asked for, which is a multiple of 8', () =>
      withRig(make, async ({ memory }) => {
        const region = memory.allocate(4096);
        assert.equal(region.byteLength, 4096);
        assert.equal(region.bytes.byteLength, 4096);
        assert.ok(region.bytes.every((byte) => byte === 0));
        assert.throws(() => memory.allocate(12), { name: 'AssertionError' });
      }));

    test('words are signed, 32 bits wide, and lie at four times their index', () =>
      withRig(make, async ({ memory }) => {
        const region = memory.allocate(64);
        region.store(3, -2);
        assert.equal(region.load(3), -2);
        assert.deepEqual([...region.bytes.subarray(12, 16)], [0xfe, 0xff, 0xff, 0xff]);
        region.bytes[16] = 7;
        assert.equal(region.load(4), 7);
      }));

    test('exchange, compareExchange and add return what was there before', () =>
      withRig(make, async ({ memory }) => {
        const region = memory.allocate(8);
        assert.equal(region.exchange(0, 5), 0);
        assert.equal(region.compareExchange(0, 4, 9), 5);
        assert.equal(region.load(0), 5);
        assert.equal(region.compareExchange(0, 5, 9), 5);
        assert.equal(region.load(0), 9);
        assert.equal(region.add(0, 3), 9);
        assert.equal(region.load(0), 12);
        region.store(0, 2 ** 31 - 1);
        assert.equal(region.add(0, 1), 2 ** 31 - 1);
        assert.equal(region.load(0), -(2 ** 31));
      }));

    test('heapUsed is a number of bytes', () =>
      withRig(make, async ({ memory }) => {
        assert.ok(Number.isFinite(memory.heapUsed()) && memory.heapUsed() >= 0);
      }));
  });
}

function waitContract(make: MakeRig<MemoryRig>): void {
  test('wait calls back once when the word is notified, not before, and never inside a call', () =>
    withRig(make, async ({ memory, clock }) => {
      const region = memory.allocate(16);
      let calls = 0;
      const called = new Promise<void>((resolve) =>
        region.wait(1, 0, () => {
          calls += 1;
          resolve();
        }),
      );
      await nextTurn(clock);
      region.notify(0);
      region.store(1, 1);
      await nextTurn(clock);
      assert.equal(calls, 0, 'neither another word nor a store wakes it');
      region.notify(1);
      assert.equal(calls, 0);
      await called;
      region.notify(1);
      await nextTurn(clock);
      assert.equal(calls, 1);
    }));

  test('wait calls back in a later turn if the word is not as expected', () =>
    withRig(make, async ({ memory }) => {
      const region = memory.allocate(8);
      region.store(0, 7);
      let calls = 0;
      const called = new Promise<void>((resolve) =>
        region.wait(0, 0, () => {
          calls += 1;
          resolve();
        }),
      );
      assert.equal(calls, 0);
      await called;
      assert.equal(calls, 1);
    }));

  test('notify wakes every waiter of the word', () =>
    withRig(make, async ({ memory }) => {
      const region = memory.allocate(8);
      const woken = Array.from(
        { length: 5 },
        () => new Promise<void>((resolve) => region.wait(0, 0, resolve)),
      );
      region.notify(0);
      await Promise.all(woken);
    }));
}
