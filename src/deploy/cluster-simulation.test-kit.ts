// A cluster of three processes on three hosts in a simulated world, and a client that submits a job
// to it and waits for the result through all that happens to the connection.
import { equal } from 'node:assert/strict';
import { assert } from '../base/assert.ts';
import { isEngineError } from '../base/errors.ts';
import { milliseconds, minutes, seconds } from '../base/units.ts';
import { JobClient } from '../client/job-client.ts';
import { Configuration } from '../config/configuration.ts';
import type { Env } from '../env/env.ts';
import { coordinatorWorker } from '../jobmaster/coordinator-worker.ts';
import type { JobDetails, JobResult } from '../protocol/job-report.ts';
import type { JobReference } from '../protocol/task-deployment.ts';
import { RpcService } from '../rpc/rpc-service.ts';
import { slotWorker } from '../taskexecutor/slot/slot-worker.ts';
import type { JobModules } from '../../sim/modules.ts';
import { simulation, type Simulation, type SimulationOptions } from '../../sim/simulation.ts';
import { OUT, RECORDS } from './cluster-job.test-kit.ts';
import { JobManager } from './job-manager.ts';
import { TaskManager } from './task-manager.ts';

export const JOB_URL = 'job:cluster';
const JOB_ID = 'job-1';
const PORT = 6123;
const secret = new TextEncoder().encode('the secret of the cluster');
const TASK_MANAGERS = ['tm1', 'tm2'] as const;

const configuration = Configuration.parse({
  'heartbeat.interval': '1 s',
  'heartbeat.timeout': '5 s',
  'slot.request.timeout': '10 min',
});

export interface ClusterRun {
  readonly world: Simulation;
  /** Of the JobManager. */
  readonly address: string;
  /** Undefined until the client has it. */
  readonly result: () => JobResult | undefined;
  readonly jobManagers: JobManager[];
  readonly taskManagers: TaskManager[];
}

export interface ClusterOptions extends Omit<
  SimulationOptions,
  'workers' | 'jobs' | 'sharedFolders'
> {
  readonly jobs: JobModules;
  readonly exportName: string;
  readonly parallelism: number;
}

export function startCluster(options: ClusterOptions): ClusterRun {
  const { jobs, exportName, parallelism, ...rest } = options;
  const world = simulation({
    ...rest,
    jobs,
    workers: { slot: slotWorker, coordinator: coordinatorWorker() },
    sharedFolders: ['/shared/out'],
  });
  const jobManagers: JobManager[] = [];
  const taskManagers: TaskManager[] = [];
  const master = world.host('jm');
  const address = `${master.address}:${PORT}`;
  master.start('jobmanager', async (env) => {
    const onFatal = fatal(env);
    const { address: host } = master;
    const options = { env, host, port: PORT, configuration, secret, onFatal };
    jobManagers.push(await JobManager.start(options));
    return undefined;
  });
  for (const name of TASK_MANAGERS) {
    const host = world.host(name);
    const main = (env: Env): undefined => {
      const taskManager = new TaskManager({
        ...{ env, configuration, secret, onFatal: fatal(env) },
        taskExecutorId: `${name}-${env.random.uuid()}`,
        slots: 2,
        host: host.address,
        jobManagerAddress: address,
        cancellationTimeout: seconds(1),
        spareWorkers: 0,
      });
      taskManagers.push(taskManager);
      return undefined;
    };
    host.supervise('taskmanager', main, { restartDelay: 500 });
  }
  let result: JobResult | undefined;
  world.host('client').start('client', async (env) => {
    result = await runJob(env, address, {
      jobId: JOB_ID,
      moduleUrl: JOB_URL,
      exportName,
      parameters: {},
      configuration: {
        'parallelism.default': String(parallelism),
        'restart-strategy.type': 'fixed-delay',
        'restart-strategy.fixed-delay.attempts': '1000',
        'restart-strategy.fixed-delay.delay': '100 ms',
      },
    });
    return 0;
  });
  return { world, address, result: () => result, jobManagers, taskManagers };
}

function fatal(_env: Env): (component: string, error: Error) => void {
  return (component, error) => {
    throw new Error(`${component} has failed`, { cause: error });
  };
}

/** Submits until it is known, then waits for the result on as many connections as it takes. */
async function runJob(env: Env, address: string, job: JobReference): Promise<JobResult> {
  const rpc = new RpcService({ env, name: 'client', secret });
  for (;;) {
    let client: JobClient | undefined;
    try {
      client = await JobClient.submit({ env, rpc, address }, job, { detached: true });
      const result = await client.result();
      await rpc.close();
      return result;
    } catch (error) {
      client?.close();
      assert(isEngineError(error), String(error));
      if (error.code === 'JOB_ALREADY_ENDED') return endedMeanwhile(env, rpc, address, job.jobId);
      const external = error.code.startsWith('RPC_') || error.code === 'NETWORK_FAILED';
      if (!external) throw error;
    }
    await new Promise<void>((resolve) => env.clock.after(milliseconds(200), resolve));
  }
}

/** How the job stands. */
export async function jobDetails(env: Env, address: string): Promise<JobDetails> {
  const rpc = new RpcService({ env, name: 'asker', secret });
  const client = await JobClient.attach({ env, rpc, address }, JOB_ID);
  try {
    return await client.details();
  } finally {
    client.close();
    await rpc.close();
  }
}

/** A job that has ended is not taken again; its result is still known. */
async function endedMeanwhile(
  env: Env,
  rpc: RpcService,
  address: string,
  jobId: string,
): Promise<JobResult> {
  for (;;) {
    try {
      const result = await JobClient.resultOf({ env, rpc, address }, jobId);
      await rpc.close();
      return result;
    } catch (error) {
      assert(isEngineError(error), String(error));
      if (!error.code.startsWith('RPC_') && error.code !== 'NETWORK_FAILED') throw error;
    }
    await new Promise<void>((resolve) => env.clock.after(milliseconds(200), resolve));
  }
}

/** Every record once, from one generation. */
export async function checkOutput(run: ClusterRun, seed: number): Promise<ReadonlySet<string>> {
  const result = run.result();
  equal(result?.status, 'FINISHED', `seed ${seed}: ${JSON.stringify(result?.error)}`);
  const reader = run.world.host('reader');
  const files = await run.world.runProcess(reader, readOutput, minutes(1));
  const counts = new Map<string, number>();
  const generations = new Set<string>();
  for (const [name, ...records] of files.map((text) => text.split(' ').filter(Boolean))) {
    generations.add(name!.slice(name!.indexOf('-')));
    for (const record of records) counts.set(record, (counts.get(record) ?? 0) + 1);
  }
  for (let n = 0; n < RECORDS; n++) {
    equal(counts.get(String(n)), 1, `seed ${seed}: record ${n} of ${files.length} files`);
  }
  equal(counts.size, RECORDS, `seed ${seed}`);
  equal(generations.size, 1, `seed ${seed}: output of generations ${[...generations].join()}`);
  return generations;
}

export async function readOutput(env: Env): Promise<readonly string[]> {
  const texts: string[] = [];
  for (const { name } of await env.disk.list(OUT)) {
    const file = await env.disk.open(`${OUT}/${name}`, 'read');
    const bytes = new Uint8Array(await file.size());
    await file.read(bytes, 0);
    await file.close();
    texts.push(new TextDecoder().decode(bytes));
  }
  return texts;
}
