import assert from 'node:assert/strict';
import { test } from 'node:test';
import { milliseconds, seconds } from '../base/units.ts';
import { ProcessMetrics } from './process-metrics.ts';

test('what a process uses is told under the names that dashboards made for Flink read', () => {
  let usage = {
    cpuTime: milliseconds(500),
    uptime: seconds(1),
    ...{ residentSet: 90e6, heapUsed: 20e6, heapCommitted: 30e6, heapMax: 4e9 },
    ...{ arrayBuffers: 5e6, external: 7e6, threads: 11, openFiles: 21, openFilesMax: -1 },
    collections: [
      { kind: 'minor' as const, count: 5, time: milliseconds(10.2) },
      { kind: 'major' as const, count: 1, time: milliseconds(20.4) },
    ],
  };
  const metrics = new ProcessMetrics(() => usage, 2, seconds(10));
  usage = { ...usage, uptime: seconds(2), cpuTime: milliseconds(1500) };
  const values = Object.fromEntries(metrics.values().map(({ name, value }) => [name, value]));
  assert.deepEqual(values, {
    // One second of two processors' second.
    'Status.JVM.CPU.Load': 0.5,
    'Status.JVM.CPU.Time': 1.5e9,
    'Status.JVM.Memory.Heap.Used': 20e6,
    'Status.JVM.Memory.Heap.Committed': 30e6,
    'Status.JVM.Memory.Heap.Max': 4e9,
    'Status.JVM.Memory.NonHeap.Used': 60e6,
    'Status.JVM.Memory.NonHeap.Committed': 60e6,
    'Status.JVM.Memory.NonHeap.Max': -1,
    'Status.JVM.Memory.Direct.MemoryUsed': 5e6,
    'Status.JVM.Memory.Direct.TotalCapacity': 7e6,
    'Status.JVM.Memory.Process.ResidentSet': 90e6,
    'Status.JVM.Threads.Count': 11,
    'Status.JVM.FileDescriptor.Open': 21,
    'Status.JVM.FileDescriptor.Max': -1,
    'Status.JVM.GarbageCollector.Scavenge.Count': 5,
    'Status.JVM.GarbageCollector.Scavenge.Time': 10,
    'Status.JVM.GarbageCollector.MarkCompact.Count': 1,
    'Status.JVM.GarbageCollector.MarkCompact.Time': 20,
    'Status.JVM.GarbageCollector.All.Count': 6,
    'Status.JVM.GarbageCollector.All.Time': 31,
  });
});
