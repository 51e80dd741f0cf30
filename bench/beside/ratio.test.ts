// Ratios and medians.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ratioOf, sideOf, spreadOf, type Run } from './ratio.ts';

function runs(...cpuSeconds: number[]): readonly Run[] {
  return cpuSeconds.map((cpu) => ({
    wallSeconds: cpu * 2,
    cpuSeconds: cpu,
    peakMegabytes: cpu * 10,
    checkpoints: cpu,
  }));
}

test('the ratio is of neighbouring runs, above 1 where ours takes less CPU', () => {
  assert.deepEqual(ratioOf(runs(1, 2, 1), runs(4, 6, 2)), { min: 2, median: 3, max: 4 });
  assert.throws(() => ratioOf(runs(1), runs(1, 2)), /as many/);
});

test('a side has medians, and the greatest peak', () => {
  assert.deepEqual(sideOf(100, runs(4, 1, 2)), {
    wallSeconds: 4,
    cpuSeconds: 2,
    perCpuSecond: 50,
    perWallSecond: 25,
    peakMegabytes: 40,
    checkpoints: 2,
  });
});

test('the median of an even number is between the two in the middle', () => {
  assert.deepEqual(spreadOf([4, 1, 2, 10]), { min: 1, median: 3, max: 10 });
  assert.throws(() => spreadOf([]), /no values/);
});
