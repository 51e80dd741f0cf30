// The memory for channels of a TaskManager by Flink's names.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { networkStatus } from './network-status.ts';

function statusOf(totalBytes: number, usedBytes: number): Readonly<Record<string, unknown>> {
  const values = networkStatus({ totalBytes, usedBytes, segmentBytes: 100 });
  return Object.fromEntries(values.map(({ name, value }) => [name.split('.').at(-1), value]));
}

test('what is used and what is left are the whole', () => {
  assert.deepEqual(statusOf(1000, 250), {
    TotalMemory: 1000,
    UsedMemory: 250,
    AvailableMemory: 750,
    TotalMemorySegments: 10,
    UsedMemorySegments: 3,
    AvailableMemorySegments: 7,
    RequestedMemoryUsage: 25,
  });
  assert.equal(statusOf(0, 0)['RequestedMemoryUsage'], 0);
  assert.equal(statusOf(1000, 2000)['AvailableMemory'], 0);
});
