// One number for a TaskManager, its parts, and what cannot be.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Configuration } from './configuration.ts';
import { slotHeapBytes, taskManagerMemory } from './task-manager-memory.ts';
import type { TaskManagerMemory } from './task-manager-memory.ts';

const PREFIX = 'taskmanager.memory.';
const MEBIBYTE = 2 ** 20;

function configured(slots: number, sizes: Readonly<Record<string, string>> = {}): Configuration {
  const memory = Object.fromEntries(
    Object.entries(sizes).map(([key, size]) => [PREFIX + key, size]),
  );
  return Configuration.parse({ ...memory, 'taskmanager.numberOfTaskSlots': String(slots) });
}

function megabytes(memory: TaskManagerMemory): readonly number[] {
  const { processBytes, frameworkBytes, networkBytes, taskBytes } = memory;
  return [processBytes, frameworkBytes, networkBytes, taskBytes].map((bytes) =>
    Math.round(bytes / MEBIBYTE),
  );
}

test('unset: a gigabyte a slot, and what the process and the network need', () => {
  assert.equal(slotHeapBytes(Configuration.empty), 1024 * MEBIBYTE);
  assert.deepEqual(megabytes(taskManagerMemory(configured(4))), [4679, 128, 455, 4096]);
});

test('one number for the process: slots share what is left', () => {
  const whole = configured(2, { 'process.size': '1728m' });
  assert.deepEqual(megabytes(taskManagerMemory(whole)), [1728, 128, 173, 1427]);
  assert.equal(slotHeapBytes(whole), Math.floor(taskManagerMemory(whole).taskBytes / 2));
  const parts = { 'flink.size': '1g', 'framework.heap.size': '64m', 'network.max': '32m' };
  const tuned = configured(1, { ...parts, 'network.min': '16m' });
  assert.deepEqual(megabytes(taskManagerMemory(tuned)), [1024, 64, 32, 928]);
});

test('the heap of tasks alone', () => {
  const sizes = { 'task.heap.size': '1g', 'task.off-heap.size': '512m' };
  assert.equal(slotHeapBytes(configured(4, sizes)), 384 * MEBIBYTE);
  const both = configured(4, { ...sizes, 'process.size': '2g' });
  assert.equal(taskManagerMemory(both).taskBytes, 1536 * MEBIBYTE);
});

test('what does not fit says what is missing', () => {
  assert.throws(
    () => taskManagerMemory(configured(8, { 'process.size': '400m' })),
    /A TaskManager of 400 mb is too small for 8 slots: 208 mb are left for them after 128 mb/,
  );
  assert.throws(
    () => taskManagerMemory(configured(1, { 'process.size': '1g', 'task.heap.size': '1g' })),
    /has 793 mb for its slots after 128 mb for itself and 102 mb for the network, not the 1 gb/,
  );
});
