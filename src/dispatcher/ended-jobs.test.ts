import assert from 'node:assert/strict';
import { test } from 'node:test';
import { milliseconds } from '../base/units.ts';
import { EndedJobs } from './ended-jobs.ts';
import type { EndedJob, EndedJobsOptions } from './ended-jobs.ts';

const at = milliseconds;

function job(jobId: string, name = 'n'): EndedJob {
  const summary = { jobId, name, status: 'FINISHED', totalTasks: 1 };
  const info = { ...summary, vertices: [], failures: [], waitingFor: undefined };
  const details = { ...summary, vertices: [], failures: [] };
  return { summary, info, details } as unknown as EndedJob;
}

function store(options: Partial<EndedJobsOptions> = {}): EndedJobs {
  return new EndedJobs({ capacity: 3, maxBytes: 10_000, expiration: at(1000), ...options });
}

function ids(jobs: EndedJobs, now: number): string {
  return jobs
    .summaries(at(now))
    .map(({ jobId }) => jobId)
    .join('');
}

test('what was stored is given back', () => {
  const jobs = store();
  jobs.add(job('a'), at(0));
  assert.deepEqual(jobs.get('a', at(1)), job('a'));
  assert.equal(jobs.get('b', at(1)), undefined);
});

test('F1: the oldest go when there are too many', () => {
  const jobs = store();
  for (const id of 'abcde') jobs.add(job(id), at(0));
  assert.equal(ids(jobs, 1), 'cde');
  jobs.add(job('d'), at(1));
  assert.equal(ids(jobs, 1), 'ced', 'a job stands there once, where it ended last');
});

test('F1: the oldest go when they are too large together; the last one stays', () => {
  const jobs = store({ maxBytes: 4000 });
  for (const id of 'ab') jobs.add(job(id, 'x'.repeat(800)), at(0));
  assert.equal(ids(jobs, 0), 'ab');
  jobs.add(job('c', 'x'.repeat(800)), at(0));
  assert.equal(ids(jobs, 0), 'bc');
  assert.ok(jobs.byteLength <= 4000);
  jobs.add(job('d', 'x'.repeat(9000)), at(0));
  assert.equal(ids(jobs, 0), 'd');
});

test('F2: a job is forgotten when its time is over', () => {
  const jobs = store();
  jobs.add(job('a'), at(0));
  jobs.add(job('b'), at(600));
  assert.equal(ids(jobs, 999), 'ab');
  assert.equal(ids(jobs, 1000), 'b');
  assert.equal(jobs.get('b', at(1600)), undefined);
  assert.equal(jobs.byteLength, 0);
});

/** Of one vertex that is `named` so long, with `previous` failures of so many characters. */
function longJob(jobId: string, named: number, previous: readonly number[]): EndedJob {
  const { summary, info, details } = job(jobId);
  const failures = previous.map((length, i) => ({ timestamp: i, error: 'e'.repeat(length) }));
  const vertex = { name: 'v'.repeat(named), subtasks: [{ subtask: 0, previous: failures }] };
  const more = { vertices: [vertex], failures, failuresTruncated: false };
  const whole = { summary, info: { ...info, ...more }, details: { ...details, failures } };
  return whole as unknown as EndedJob;
}

test('F3: an oversized job loses its history, and the others stay', () => {
  const jobs = store({ maxBytes: 16_000 });
  for (const id of 'ab') jobs.add(job(id), at(0));
  jobs.add(longJob('c', 10, [20_000, 10]), at(0));
  assert.equal(ids(jobs, 0), 'abc');
  const { info, details } = jobs.get('c', at(0))!;
  assert.deepEqual(
    [info.failures.map(({ timestamp }) => timestamp), info.failuresTruncated],
    [[1], true],
  );
  assert.deepEqual([details.failures.length, info.vertices[0]!.subtasks[0]!.previous], [1, []]);
});

test('F3: an oversized job loses its vertices where that is not enough', () => {
  const jobs = store({ maxBytes: 16_000 });
  for (const id of 'ab') jobs.add(job(id), at(0));
  jobs.add(longJob('c', 20_000, [10]), at(0));
  assert.equal(ids(jobs, 0), 'abc');
  const { info } = jobs.get('c', at(0))!;
  assert.deepEqual([info.vertices, info.failures.length], [[], 1]);
});

test('F3: a job within its share is kept whole', () => {
  const jobs = store({ maxBytes: 16_000 });
  const whole = longJob('c', 100, [100, 100]);
  jobs.add(whole, at(0));
  assert.deepEqual(jobs.get('c', at(0)), whole);
});
