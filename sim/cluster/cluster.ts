/**
 * The product as a simulated cluster: a JobManager, TaskManagers under supervisors, and a client
 * that submits one job, loses its connection as often as it must, and waits for the result. All of
 * it is the product's own code; only the environment is simulated.
 */
import { isEngineError, toEngineError } from '../../src/base/errors.ts';
import type { EngineError } from '../../src/base/errors.ts';
import { milliseconds } from '../../src/base/units.ts';
import { JobClient } from '../../src/client/job-client.ts';
import { Configuration } from '../../src/config/configuration.ts';
import { HighAvailabilityOptions } from '../../src/config/options/high-availability-options.ts';
import { JobManager } from '../../src/deploy/job-manager.ts';
import { TaskManager } from '../../src/deploy/task-manager.ts';
import type { Env } from '../../src/env/env.ts';
import { DISPATCHER, dispatcherService } from '../../src/protocol/dispatcher-service.ts';
import type { JobResult } from '../../src/protocol/job-report.ts';
import type { JobReference } from '../../src/protocol/task-deployment.ts';
import { RpcService } from '../../src/rpc/rpc-service.ts';
import type { Simulation } from '../simulation.ts';

export const MASTER_HOST = 'master';
export const CLIENT_HOST = 'client';
const MASTER_PORT = 6123;
/** On the disk of the master, which loses what was not synced with its power. */
const HA_FOLDER = '/ha';
/** All connections begin as those of a real cluster do. */
const SECRET = new TextEncoder().encode('the secret of the simulated cluster');
const RETRY = milliseconds(500);
const HAUNT_EVERY = milliseconds(1500);

export interface ClusterOptions {
  readonly taskManagers: number;
  readonly slots: number;
  readonly configuration: Readonly<Record<string, string>>;
  readonly job: JobReference;
}

export interface SimulatedCluster {
  /** How the job has ended, once it has. */
  readonly result: JobResult | undefined;
  /** Times that the JobManager was started. */
  readonly jobManagerStarts: () => number;
  /** Times that TaskManagers were started. */
  readonly taskManagerStarts: () => number;
}

/** Starts everything; `result` is there when the job has ended. */
export function startCluster(world: Simulation, options: ClusterOptions): SimulatedCluster {
  const configuration = Configuration.parse(options.configuration);
  const master = world.host(MASTER_HOST);
  const address = `${master.address}:${MASTER_PORT}`;
  const main = (env: Env): Promise<number> => runJobManager(env, master.address, configuration);
  const jobManager = master.supervise('jobmanager', main, { restartDelay: 300 });
  const supervised = Array.from({ length: options.taskManagers }, (_, index) => {
    const host = world.host(`worker-${index + 1}`);
    const runTaskManager = (env: Env): undefined => {
      const manager = new TaskManager({
        env,
        taskExecutorId: `${host.name}-${env.random.uuid().slice(0, 8)}`,
        slots: options.slots,
        host: host.address,
        jobManagerAddress: address,
        configuration,
        secret: SECRET,
        spareWorkers: 1,
        onFatal: (component, error) => fatal(component, error),
      });
      void manager;
    };
    return host.supervise('taskmanager', runTaskManager, { restartDelay: 200 });
  });
  const cluster: { -readonly [K in keyof SimulatedCluster]: SimulatedCluster[K] } = {
    result: undefined,
    jobManagerStarts: () => jobManager.starts,
    taskManagerStarts: () => supervised.reduce((sum, { starts }) => sum + starts, 0),
  };
  world.host(CLIENT_HOST).start('client', async (env) => {
    cluster.result = await runJob(env, address, options.job);
    return 0;
  });
  world.host(CLIENT_HOST).start('zombie', (env) => haunt(env, address, options.job.jobId));
  return cluster;
}

/**
 * A caller of an earlier leader session that does not know that it is over: now and then it cancels
 * the job. It must be refused every time.
 */
async function haunt(env: Env, address: string, jobId: string): Promise<undefined> {
  const rpc = new RpcService({ env, name: 'zombie', secret: SECRET });
  for (;;) {
    await new Promise<void>((resolve) => env.clock.after(HAUNT_EVERY, resolve));
    try {
      const connection = await rpc.connect(address);
      const gateway = connection.gateway(dispatcherService, DISPATCHER, 'an earlier session');
      await gateway.cancelJob({ jobId }).finally(() => connection.close());
    } catch (thrown) {
      if (!isEngineError(thrown) || thrown.domain === 'user') throw thrown;
    }
  }
}

/**
 * Ends with 2 when its disk fails, as the real process does: what it could not write it must not
 * believe. Every other error that ends a component is a bug.
 */
async function runJobManager(
  env: Env,
  host: string,
  configuration: Configuration,
): Promise<number> {
  const failed = Promise.withResolvers<number>();
  const end = (error: EngineError): void => {
    if (!error.code.startsWith('IO_')) fatal('JobManager', error);
    failed.resolve(2);
  };
  const highAvailability = {
    [HighAvailabilityOptions.type.key]: 'filesystem',
    [HighAvailabilityOptions.storageDir.key]: HA_FOLDER,
  };
  try {
    await JobManager.start({
      ...{ env, host },
      port: MASTER_PORT,
      configuration: configuration.with(highAvailability),
      secret: SECRET,
      onFatal: (_component, error) => end(error),
    });
  } catch (thrown) {
    end(toEngineError(thrown));
  }
  return failed.promise;
}

/** An error that ends a component ends its process, as it would a real one. */
function fatal(component: string, error: EngineError): never {
  throw new Error(`${component} ended: ${error.message}`, { cause: error });
}

/**
 * Submits until somebody has taken the job, then asks until somebody says how it has ended. A
 * client that got no answer submits again: the same submission twice is one job, ended or not.
 */
async function runJob(env: Env, address: string, job: JobReference): Promise<JobResult> {
  const rpc = new RpcService({ env, name: 'client', secret: SECRET });
  const options = { env, rpc, address };
  // A job that was acknowledged once is never unknown again, whatever happens to the master.
  let isKnown = false;
  for (;;) {
    let client: JobClient | undefined;
    try {
      if (isKnown) return await JobClient.resultOf(options, job.jobId);
      client = await JobClient.submit(options, job, { detached: true });
      isKnown = true;
      return await client.result();
    } catch (thrown) {
      if (isEngineError(thrown, 'JOB_ALREADY_ENDED')) isKnown = true;
      else if (!isEngineError(thrown) || thrown.domain === 'user') throw thrown;
      await new Promise<void>((resolve) => env.clock.after(RETRY, resolve));
    } finally {
      client?.close();
    }
  }
}
