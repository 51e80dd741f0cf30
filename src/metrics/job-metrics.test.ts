import assert from 'node:assert/strict';
import { test } from 'node:test';
import { milliseconds } from '../base/units.ts';
import { JobMetrics } from './job-metrics.ts';
import type { TaskCounts } from './job-metrics.ts';

function counts(records: number, busyMillis = 0, watermark?: number): TaskCounts {
  return {
    ...{ recordsIn: records, recordsOut: records * 2, bytesIn: 0, bytesOut: 0, busyMillis },
    ...{ idleMillis: 0, backPressuredMillis: 0, watermark, waitsFor: 'records' },
  };
}

const at = milliseconds;

test('sums are over subtasks, rates over the time between two reports', () => {
  const metrics = new JobMetrics();
  for (const execution of [0, 1]) metrics.beginAttempt(execution, 1, at(0));
  metrics.report(0, 1, counts(100), at(1000));
  metrics.report(1, 1, counts(50, 500), at(1000));
  assert.equal(metrics.sum([0, 1]).recordsInPerSecond, 150);
  metrics.report(0, 1, counts(300), at(2000));
  const { recordsIn, recordsOut, recordsInPerSecond, busy } = metrics.sum([0, 1]);
  assert.deepEqual([recordsIn, recordsOut, recordsInPerSecond, busy], [350, 700, 250, 0.25]);
});

test('a last report that follows at once does not make the rate jump', () => {
  const metrics = new JobMetrics();
  for (const execution of [0, 1]) metrics.beginAttempt(execution, 1, at(0));
  metrics.report(0, 1, counts(100), at(1000));
  metrics.report(0, 1, counts(101), at(1001));
  assert.ok(metrics.sum([0]).recordsInPerSecond <= 101);
});

test('Z1: a new attempt begins with nothing, reports of the old one are void', () => {
  const metrics = new JobMetrics();
  for (const execution of [0, 1]) metrics.beginAttempt(execution, 1, at(0));
  metrics.report(0, 1, counts(100), at(1000));
  metrics.beginAttempt(0, 2, at(2000));
  metrics.report(0, 1, counts(200), at(2100));
  assert.equal(metrics.sum([0]).recordsIn, 0);
  metrics.report(1, 1, counts(300), at(2100));
  assert.equal(metrics.sum([0, 1]).recordsIn, 300, 'another subtask goes on');
});

test('a watermark is known when all subtasks have one, and is the least of them', () => {
  const metrics = new JobMetrics();
  for (const execution of [0, 1]) metrics.beginAttempt(execution, 1, at(0));
  metrics.report(0, 1, counts(1, 0, 70), at(10));
  assert.equal(metrics.sum([0, 1]).watermark, undefined);
  metrics.report(1, 1, counts(1, 0, 50), at(10));
  assert.equal(metrics.sum([0, 1]).watermark, 50);
  assert.equal(metrics.sum([]).watermark, undefined);
  metrics.report(1, 1, { ...counts(1), waitsFor: undefined }, at(20));
  assert.equal(metrics.sum([0, 1]).watermark, 70, 'event time has ended in one of them');
  assert.equal(metrics.sum([1]).watermark, undefined);
});

test('for how long a watermark has been the same is counted from the report that brought it', () => {
  const metrics = new JobMetrics();
  for (const execution of [0, 1]) metrics.beginAttempt(execution, 1, at(0));
  assert.equal(metrics.last(0, at(5)), undefined);
  metrics.report(0, 1, counts(1, 0, 70), at(10));
  metrics.report(0, 1, counts(2, 0, 70), at(1010));
  assert.deepEqual(metrics.last(0, at(1510)), { counts: counts(2, 0, 70), stands: 1500 });
  metrics.report(0, 1, counts(3, 0, 71), at(2010));
  assert.equal(metrics.last(0, at(2010))!.stands, 0);
});
