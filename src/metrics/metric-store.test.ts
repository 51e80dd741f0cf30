import assert from 'node:assert/strict';
import { test } from 'node:test';
import { milliseconds, type Duration } from '../base/units.ts';
import { jobGauges } from './job-gauges.ts';
import { MetricFetcher } from './metric-fetcher.ts';
import { MetricStore } from './metric-store.ts';
import type { MetricScope, ScopedMetrics } from './metric.ts';
import { SlidingHistogram } from './sliding-histogram.ts';

const TASK = {
  ...{ host: 'h', taskManagerId: 'tm', jobId: 'j', jobName: 'job' },
  ...{ vertexId: 'v', taskName: 'Map', attempt: 0 },
};

function operator(subtask: number): MetricScope {
  return { kind: 'operator', ...TASK, subtask, operatorId: 'o', operatorName: 'Map' };
}

test('metrics are found by what they belong to, under the ids of the REST interface', () => {
  const histogram = new SlidingHistogram(10);
  for (let value = 1; value <= 10; value++) histogram.update(value);
  const store = new MetricStore([
    {
      scope: { kind: 'task', ...TASK, subtask: 0 },
      metrics: [{ kind: 'counter', name: 'numRecordsIn', value: 5 }],
    },
    {
      scope: operator(0),
      metrics: [{ kind: 'histogram', name: 'size', value: histogram.statistics() }],
    },
    { scope: operator(1), metrics: [{ kind: 'meter', name: 'orders', value: 9, rate: 1.5 }] },
    {
      scope: { kind: 'jobmanager-job', host: 'h', jobId: 'j', jobName: 'job' },
      metrics: [{ kind: 'gauge', name: 'uptime', value: 7 }],
    },
    {
      scope: { kind: 'taskmanager', host: 'h', taskManagerId: 'tm' },
      metrics: [{ kind: 'gauge', name: 'Status.JVM.CPU.Load', value: 0.5 }],
    },
    {
      scope: { kind: 'jobmanager', host: 'h' },
      metrics: [{ kind: 'gauge', name: 'numRunningJobs', value: 1 }],
    },
  ]);
  const vertex = store.vertex('j', 'v');
  assert.equal(vertex.get('0.numRecordsIn'), 5);
  assert.equal(vertex.get('1.Map.orders'), 1.5);
  assert.deepEqual(
    [...vertex.keys()].filter((id) => id.startsWith('0.Map.')).toSorted(),
    ['count', 'max', 'mean', 'median', 'min', 'p75', 'p95', 'p98', 'p99', 'p999', 'stddev'].map(
      (statistic) => `0.Map.size_${statistic}`,
    ),
  );
  assert.equal(store.job('j').get('uptime'), 7);
  assert.equal(store.taskManager('tm').get('Status.JVM.CPU.Load'), 0.5);
  assert.equal(store.jobManager.get('numRunningJobs'), 1);
  assert.deepEqual([...store.jobs.keys(), ...store.taskManagers.keys()], ['j', 'tm']);
  assert.equal(store.vertex('j', 'other').size + store.job('other').size, 0);
});

test('F1, F2: metrics are fetched once for all who look, and again when they are old', async () => {
  let now = milliseconds(0);
  let fetches = 0;
  let answer = Promise.withResolvers<readonly ScopedMetrics[]>();
  const fetcher = new MetricFetcher({
    now: (): Duration => now,
    interval: milliseconds(100),
    read: () => {
      fetches++;
      return answer.promise;
    },
  });
  const looks = [fetcher.store(), fetcher.store()];
  answer.resolve([]);
  assert.equal(new Set(await Promise.all(looks)).size, 1);
  now = milliseconds(99);
  await fetcher.store();
  assert.equal(fetches, 1);
  now = milliseconds(100);
  answer = Promise.withResolvers();
  answer.reject(new Error('no ResourceManager'));
  await assert.rejects(fetcher.store(), /no ResourceManager/);
  answer = Promise.withResolvers();
  answer.resolve([]);
  await fetcher.store();
  assert.equal(fetches, 3, 'a failure is not kept');
});

test('the times of a job are those of the status that it is in', () => {
  const values = (status: string, running: number): Record<string, unknown> => {
    const statusTimestamps = { INITIALIZING: 100, RUNNING: 200, RESTARTING: 350 };
    const job = { status, statusTimestamps, restarts: 2, subtasks: 4, checkpoints: undefined };
    const gauges = jobGauges({ ...job, subtasksRunningOrFinished: running }, 500);
    return Object.fromEntries(gauges.map(({ name, value }) => [name, value]));
  };
  const running = values('RUNNING', 4);
  assert.deepEqual(
    [running['uptime'], running['runningTime'], running['downtime'], running['numRestarts']],
    [300, 300, 0, 2],
  );
  assert.deepEqual(
    [running['deployingTime'], running['allSubTasksRunningOrFinishedTime']],
    [0, 300],
  );
  assert.equal(values('RUNNING', 3)['deployingTime'], 300);
  const restarting = values('RESTARTING', 0);
  assert.deepEqual(
    [restarting['uptime'], restarting['downtime'], restarting['restartingTime']],
    [0, 150, 150],
  );
  assert.deepEqual([values('FINISHED', 4)['uptime'], values('FAILED', 0)['downtime']], [-1, -1]);
});
