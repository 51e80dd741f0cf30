import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { TaskDeployment } from '../protocol/task-deployment.ts';
import type { HostedWorker } from './hosted-worker.ts';
import { exchangingPairs, ringSize } from './slot-peers.ts';

const GENERATION = 3;

function worker(slot: number): HostedWorker {
  return { slot, generation: GENERATION } as HostedWorker;
}

/** A task that reads from some places and writes to others, each as [taskExecutor, slot]. */
function task(
  from: readonly (readonly [string, number])[],
  to: readonly (readonly [string, number])[],
  generation = GENERATION,
): TaskDeployment {
  const at = ([taskExecutorId, slot]: readonly [string, number]) => ({
    ...{ taskExecutorId, slot, generation, host: 'h', dataPort: 0 },
  });
  const inputs = [
    {
      edge: 'e',
      channels: from.map((each, i) => ({ channel: i, producer: i, location: at(each) })),
    },
  ];
  const outputs = [
    {
      ...{ edge: 'e', maxParallelism: 1 },
      channels: to.map((each, i) => ({ channel: i, consumer: i, location: at(each) })),
    },
  ];
  const which = { executionId: 'v/0/3', vertex: 'v', subtask: 0, attempt: 3 };
  return { ...which, parallelism: 1, maxParallelism: 1, inputs, outputs, restore: undefined };
}

function pairs(deployed: Parameters<typeof exchangingPairs>[1]): string[] {
  return exchangingPairs('here', deployed).map(([left, right]) => `${left.slot}-${right.slot}`);
}

test('X1: two slots that exchange are one pair, whoever of them knows it', () => {
  const deployed = [
    { worker: worker(2), tasks: [task([], [['here', 0]]), task([['here', 0]], [])] },
    { worker: worker(0), tasks: [task([['here', 2]], [])] },
    { worker: worker(1), tasks: [task([], [])] },
  ];
  assert.deepEqual(pairs(deployed), ['0-2']);
});

test('slots of other processes, the own slot and other generations make no pair', () => {
  const deployed = [
    { worker: worker(0), tasks: [task([['there', 1]], [['here', 0]])] },
    { worker: worker(1), tasks: [task([['here', 0]], [], GENERATION - 1)] },
  ];
  assert.deepEqual(pairs(deployed), []);
});

test('rings stay within their total as long as each has its minimum', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5000 }), (rings) => {
      const { capacityBytes, controlBytes } = ringSize(rings, 1 << 30);
      assert.ok(Number.isInteger(Math.log2(capacityBytes)));
      assert.ok(capacityBytes >= 1 << 17 && capacityBytes <= 1 << 20);
      assert.ok(capacityBytes * rings <= 1 << 26 || capacityBytes === 1 << 17);
      assert.ok(controlBytes % 8 === 0 && controlBytes > 0 && controlBytes < capacityBytes);
    }),
    { seed: 7 },
  );
  assert.equal(ringSize(2, 1 << 30).capacityBytes, 1 << 20);
  assert.equal(ringSize(2, 1 << 20).capacityBytes, 1 << 18);
});
