import assert from 'node:assert/strict';
import { test } from 'node:test';
import { milliseconds } from '../base/units.ts';
import { EndedJobs } from './ended-jobs.ts';
import type { EndedJob, EndedJobsOptions } from './ended-jobs.ts';

const at = milliseconds;

function job(jobId: string, name = 'n'): EndedJob {
  const summary = { jobId, name, status: 'FINISHED', totalTasks: 1 };
  const info = { ...summary, vertices: [], failures: [], waitingFor: undefined };
  return { summary, info, details: summary } as unknown as EndedJob;
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
