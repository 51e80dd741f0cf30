// What a cluster tells of its jobs and TaskManagers, asked over RPC as REST does.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isEngineError } from '../base/errors.ts';
import { milliseconds, minutes } from '../base/units.ts';
import { JobClient } from '../client/job-client.ts';
import { Configuration } from '../config/configuration.ts';
import type { Env } from '../env/env.ts';
import { memoryNetwork } from '../env/memory-network.ts';
import { DISPATCHER, dispatcherService } from '../protocol/dispatcher-service.ts';
import type { DispatcherService } from '../protocol/dispatcher-service.ts';
import { RESOURCE_MANAGER, resourceManagerService } from '../protocol/resource-manager-service.ts';
import type { ResourceManagerService } from '../protocol/resource-manager-service.ts';
import type { Gateway } from '../protocol/service.ts';
import { RpcService } from '../rpc/rpc-service.ts';
import { JobManager } from './job-manager.ts';
import { TaskManager } from './task-manager.ts';
import { clusterEnv } from './cluster-env.test-kit.ts';

const JOBS = new URL('./mini-cluster-jobs.test-kit.ts', import.meta.url).href;
const real = clusterEnv();

interface Rig extends AsyncDisposable {
  /** Endpoints and connections of both processes, and slot workers that live. */
  readonly census: () => readonly number[];
  readonly dispatcher: Gateway<DispatcherService>;
  readonly resourceManager: Gateway<ResourceManagerService>;
  submit(exportName: string, settings?: Readonly<Record<string, string>>): Promise<JobClient>;
}

async function rig(settings: Readonly<Record<string, string>> = {}): Promise<Rig> {
  const env: Env = { ...real, network: memoryNetwork(real.clock) };
  const configuration = Configuration.parse({ 'heartbeat.interval': '20 ms', ...settings });
  const onFatal = (component: string, error: Error): void => assert.fail(`${component}: ${error}`);
  const shared = { env, configuration, onFatal };
  const jobManager = await JobManager.start({ ...shared, host: 'jm', port: 0 });
  const { address } = jobManager;
  const taskManager = new TaskManager({
    ...{ ...shared, taskExecutorId: 'tm-1', slots: 3, host: '127.0.0.1', spareWorkers: 0 },
    jobManagerAddress: address,
  });
  const rpc = new RpcService({ env, name: 'asker' });
  const connection = await rpc.connect(address);
  const first = connection.gateway(dispatcherService, DISPATCHER, '');
  const second = connection.gateway(resourceManagerService, RESOURCE_MANAGER, '');
  const tokens = [(await first.identify({})).token, (await second.identify({})).token] as const;
  return {
    census: () => [
      ...[jobManager.rpc, taskManager.rpc].flatMap((one) => [
        one.endpointCount,
        one.connectionCount,
      ]),
      taskManager.taskExecutor.workerCount,
    ],
    dispatcher: connection.gateway(dispatcherService, DISPATCHER, tokens[0]),
    resourceManager: connection.gateway(resourceManagerService, RESOURCE_MANAGER, tokens[1]),
    submit: (exportName, own = {}) => {
      const configurationOfJob = { 'parallelism.default': '2', ...own };
      const jobId = env.random.uuid();
      const job = { jobId, moduleUrl: JOBS, exportName, parameters: {} };
      const reference = { ...job, configuration: configurationOfJob };
      return JobClient.submit({ env, rpc, address }, reference, { detached: true });
    },
    [Symbol.asyncDispose]: async () => {
      await rpc.close();
      await taskManager.close();
      await jobManager.close();
    },
  };
}

test('a job that failed once tells its attempts, where they ran, when, and why', async () => {
  await using cluster = await rig();
  const before = real.clock.now();
  const client = await cluster.submit('failsOnce', {
    'restart-strategy.type': 'fixed-delay',
    'restart-strategy.fixed-delay.attempts': '3',
    'restart-strategy.fixed-delay.delay': '10 ms',
  });
  assert.equal((await client.result()).status, 'FINISHED');
  const info = await cluster.dispatcher.requestJob({ jobId: client.jobId });
  client.close();
  assert.deepEqual([info.status, info.name, info.jobType], ['FINISHED', 'fails-once', 'STREAMING']);
  assert.deepEqual([info.restarts, info.parallelism, info.maxParallelism], [1, 2, -1]);
  assert.equal(info.restartStrategy, 'Restart with fixed delay (10 ms). #3 restart attempts.');
  assert.ok(before <= info.startTime && info.startTime <= info.endTime);
  const { INITIALIZING, CREATED, RUNNING, RESTARTING, FINISHED } = info.statusTimestamps;
  const order = [info.startTime, INITIALIZING, CREATED, RESTARTING, RUNNING, FINISHED];
  assert.deepEqual(
    order,
    order.toSorted((a, b) => a! - b!),
  );
  assert.equal(info.endTime, FINISHED);

  const [failure, ...others] = info.failures;
  assert.equal(others.length, 0);
  assert.equal(failure!.error.code, 'NETWORK_FAILED');
  assert.match(failure!.taskName!, /^.*sequence.* \([12]\/2\) - execution #0$/i);
  assert.equal(failure!.taskManagerId, 'tm-1');
  assert.equal(failure!.endpoint, '127.0.0.1');

  const subtasks = info.vertices.flatMap((vertex) => vertex.subtasks);
  const failed = subtasks.flatMap(({ previous }) => previous).filter(({ error }) => error);
  assert.deepEqual(
    failed.map(({ attempt, state, error }) => [attempt, state, error?.code]),
    [[0, 'FAILED', 'NETWORK_FAILED']],
  );
  assert.equal(
    subtasks.filter(({ previous }) => previous.length > 0).length,
    1,
    'subtasks that exchange nothing with the one that failed are not started again',
  );
  assert.equal(subtasks.reduce((sum, { current }) => sum + current.recordsIn, 0) > 0, true);
  for (const { current } of subtasks) {
    assert.deepEqual([current.state, current.taskManager?.id], ['FINISHED', 'tm-1']);
    const { CREATED: created, SCHEDULED, DEPLOYING, RUNNING: running } = current.stateTimestamps;
    const times = [created!, SCHEDULED!, DEPLOYING!, running!, current.stateTimestamps.FINISHED!];
    assert.deepEqual(
      times,
      times.toSorted((a, b) => a - b),
    );
    assert.ok(current.countsComplete);
  }
  assert.equal(info.accumulators.find(({ name }) => name === 'records')?.value, 1000);
});

test('the cluster tells its jobs and slots, while they are taken and afterwards', async () => {
  await using cluster = await rig();
  const client = await cluster.submit('dawdles');
  const { jobId } = client;
  const during = await cluster.dispatcher.requestClusterOverview({});
  assert.deepEqual(during, {
    ...{ taskManagers: 1, slotsTotal: 3, slotsAvailable: 1, jobsRunning: 1 },
    ...{ jobsFinished: 0, jobsCancelled: 0, jobsFailed: 0 },
  });
  const [summary] = await cluster.dispatcher.requestMultipleJobDetails({});
  assert.deepEqual([summary!.jobId, summary!.status, summary!.endTime], [jobId, 'RUNNING', -1]);
  assert.equal(
    Object.values(summary!.tasks).reduce((sum, count) => sum + count, 0),
    summary!.totalTasks,
  );
  let [taskManager] = await cluster.resourceManager.requestTaskManagerInfo({
    taskExecutorId: 'tm-1',
  });
  while (taskManager!.assignedTasks !== summary!.totalTasks) {
    [taskManager] = await cluster.resourceManager.requestTaskManagerInfo({
      taskExecutorId: undefined,
    });
    await new Promise<void>((resolve) => real.clock.after(milliseconds(10), resolve));
  }
  assert.deepEqual([taskManager!.slotsNumber, taskManager!.freeSlots], [3, 1]);
  assert.deepEqual(
    taskManager!.allocatedSlots.map((slot) => slot.jobId),
    [jobId, jobId],
  );
  assert.ok(Math.abs(taskManager!.lastHeartbeat - real.clock.now()) < 10_000);
  assert.ok(taskManager!.hardware.cpuCores >= 1 && taskManager!.totalResource.taskHeapBytes > 0);
  assert.equal(taskManager!.freeResource.cpuCores, 1);
  // What tasks count is seen while they run.
  for (let counted = 0; counted === 0;) {
    const { accumulators } = await cluster.dispatcher.requestJob({ jobId });
    counted = accumulators.find(({ name }) => name === 'seen')?.value ?? 0;
    await new Promise<void>((resolve) => real.clock.after(milliseconds(10), resolve));
  }
  await client.cancel();
  assert.equal((await client.result()).status, 'CANCELED');
  client.close();
  const { jobsRunning, jobsCancelled } = await cluster.dispatcher.requestClusterOverview({});
  assert.deepEqual([jobsRunning, jobsCancelled], [0, 1]);
});

test('what is not there is said to be not there', async () => {
  await using cluster = await rig();
  const code = (error: unknown): boolean => isEngineError(error) && codes.includes(error.code);
  const codes = ['JOB_NOT_FOUND', 'TASK_EXECUTOR_UNKNOWN'];
  await assert.rejects(cluster.dispatcher.requestJob({ jobId: 'x' }), code);
  await assert.rejects(cluster.dispatcher.cancelJob({ jobId: 'x' }), code);
  await assert.rejects(
    cluster.resourceManager.requestTaskManagerInfo({ taskExecutorId: 'x' }),
    code,
  );
});

test('a job whose client promised to be there is cancelled when it is not', async () => {
  await using cluster = await rig();
  const jobId = 'f'.repeat(32);
  const job = { jobId, moduleUrl: JOBS, exportName: 'dawdles', parameters: {}, configuration: {} };
  const promised = { attached: false, clientHeartbeatTimeout: minutes(5) };
  await cluster.dispatcher.submitJob({ job, graph: undefined, ...promised });
  const expiredTimestamp = real.clock.now() + 1000;
  await cluster.dispatcher.reportClientHeartbeat({ jobId, expiredTimestamp });
  assert.equal((await cluster.dispatcher.requestJobResult({ jobId })).status, 'CANCELED');
  // Crossed with the end of the job: changes nothing.
  await cluster.dispatcher.reportClientHeartbeat({ jobId, expiredTimestamp });
});

test('of many small jobs nothing stays but what is remembered of the last ones', async () => {
  await using cluster = await rig({ 'jobstore.max-capacity': '3' });
  let first: readonly number[] | undefined;
  for (let i = 0; i < 5; i++) {
    const client = await cluster.submit('counts', { 'parallelism.default': '1' });
    assert.equal((await client.result()).status, 'FINISHED');
    client.close();
    if (i === 1) first = await atRest(cluster, undefined);
  }
  assert.deepEqual(await atRest(cluster, first), first);
  const remembered = await cluster.dispatcher.requestMultipleJobDetails({});
  assert.equal(remembered.length, 3);
});

/** What lives when the last job is gone: a moment after its result is known. */
async function atRest(cluster: Rig, expected: readonly number[] | undefined) {
  let census = cluster.census();
  for (let i = 0; i < 200; i++) {
    if (expected !== undefined && census.every((count, at) => count === expected[at])) break;
    await new Promise<void>((resolve) => real.clock.after(milliseconds(5), resolve));
    census = cluster.census();
  }
  return census;
}
