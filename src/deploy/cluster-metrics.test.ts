// Metrics of functions and tasks, from the slot in which they are counted to whoever asks the
// cluster.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MetricValue, ScopedMetrics } from '../metrics/metric.ts';
import { milliseconds } from '../base/units.ts';
import { MiniCluster } from './mini-cluster.ts';
import { clusterEnv } from './cluster-env.test-kit.ts';

const JOBS = new URL('./cluster-metrics-jobs.test-kit.ts', import.meta.url).href;

const env = clusterEnv();

type OperatorScope = Extract<ScopedMetrics['scope'], { kind: 'operator' }>;

function value(metrics: readonly MetricValue[], name: string): MetricValue | undefined {
  return metrics.find((each) => each.name === name);
}

/** Metrics of one operator, by subtask, once all of its subtasks have seen records. */
async function operatorMetrics(cluster: MiniCluster, name: string, subtasks: number) {
  for (;;) {
    const scopes = await cluster.metrics();
    const found = scopes.filter(
      (each): each is ScopedMetrics & { readonly scope: OperatorScope } =>
        each.scope.kind === 'operator' && each.scope.operatorName === name,
    );
    const started = found.filter(({ metrics }) => Number(value(metrics, 'orders')?.value) > 60);
    if (started.length === subtasks) return { scopes, found };
    await new Promise<void>((resolve) => env.clock.after(milliseconds(20), resolve));
  }
}

test('metrics of functions are seen while the job runs, by operator and subtask', async () => {
  await using cluster = await MiniCluster.start({ env, spareWorkers: 0 });
  const jobId = env.random.uuid().replaceAll('-', '');
  const client = await cluster.submit(
    {
      ...{ jobId, moduleUrl: JOBS, exportName: 'measured', parameters: {} },
      configuration: { 'parallelism.default': '2' },
    },
    { detached: true },
  );
  const { scopes, found } = await operatorMetrics(cluster, 'measure', 2);
  assert.deepEqual(new Set(found.map(({ scope }) => scope.subtask)), new Set([0, 1]));
  for (const { scope, metrics } of found) {
    assert.deepEqual(
      { jobId: scope.jobId, jobName: scope.jobName, attempt: scope.attempt },
      { jobId, jobName: 'measured', attempt: 0 },
    );
    const orders = Number(value(metrics, 'orders')!.value);
    const multiples = Number(value(metrics, 'multiplesOfThree')!.value);
    assert.ok(multiples > 0 && multiples < orders, `${multiples} of ${orders}`);
    const sizes = value(metrics, 'sizes')!;
    assert.ok(sizes.kind === 'histogram' && sizes.value.count === orders && sizes.value.max < 50);
    const last = value(metrics, 'topic.orders.last')!;
    assert.deepEqual([last.labels, last.logicalName], [{ topic: 'orders' }, 'topic.last']);
    assert.equal(value(metrics, 'broken'), undefined);
    const behind = scopes.find(
      (other) =>
        other.scope.kind === 'operator' &&
        other.scope.vertexId === scope.vertexId &&
        other.scope.subtask === scope.subtask &&
        other.scope.operatorId !== scope.operatorId,
    );
    for (const [name, owner] of [
      ['numRecordsIn', metrics],
      ['numRecordsOut', metrics],
      ['numRecordsIn', behind!.metrics],
    ] as const) {
      const counted = value(owner, name)!;
      assert.deepEqual([counted.kind, counted.value], ['counter', orders], 'within the chain, too');
      assert.ok(Number(value(owner, `${name}PerSecond`)!.value) >= 0);
    }
    assert.equal(value(behind!.metrics, 'numRecordsOut')!.value, 0, 'a sink emits nothing');
  }
  const tasks = scopes.filter(({ scope }) => scope.kind === 'task');
  assert.equal(tasks.length, 4, 'two vertices of two subtasks');
  for (const { metrics } of tasks) {
    const sum = ['busyTimeMsPerSecond', 'idleTimeMsPerSecond', 'backPressuredTimeMsPerSecond']
      .map((name) => Number(value(metrics, name)!.value))
      .reduce((total, each) => total + each, 0);
    assert.ok(sum >= 0 && sum <= 1500, String(sum));
  }
  const total = (name: string): number =>
    tasks.reduce((sum, { metrics }) => sum + Number(value(metrics, name)!.value), 0);
  assert.ok(total('Shuffle.Netty.Input.numBytesInLocal') > 0, 'half of the records cross');
  assert.equal(total('Shuffle.Netty.Input.numBytesInRemote'), 0, 'and stay in the process');
  assert.ok(total('numBuffersOut') > 0);
  for (const pool of ['Input.Buffers.inPoolUsage', 'Output.Buffers.outPoolUsage']) {
    const usage = total(`Shuffle.Netty.${pool}`);
    assert.ok(usage >= 0 && usage <= 4, `${pool} ${usage}`);
  }
  const process = scopes.find(({ scope }) => scope.kind === 'taskmanager')!;
  const memory = (name: string): number =>
    Number(value(process.metrics, `Status.Shuffle.Netty.${name}`)!.value);
  assert.ok(memory('UsedMemory') > 2 << 20, 'two rings, and the windows of two channels');
  assert.equal(memory('UsedMemory') + memory('AvailableMemory'), memory('TotalMemory'));
  await client.cancel();
  await client.result();
  const left = (await cluster.metrics()).filter(({ scope }) => scope.kind !== 'taskmanager');
  assert.deepEqual(left, [], 'nothing is told of a job that has ended');
});
