/**
 * The product as a simulated cluster: a JobManager, TaskManagers under supervisors, and a client.
 * All of it is the product's own code; only the environment is simulated.
 */
import { isEngineError, toEngineError } from '../../src/base/errors.ts';
import type { EngineError } from '../../src/base/errors.ts';
import { milliseconds } from '../../src/base/units.ts';
import { Configuration } from '../../src/config/configuration.ts';
import { CheckpointingOptions } from '../../src/config/options/checkpointing-options.ts';
import { HighAvailabilityOptions } from '../../src/config/options/high-availability-options.ts';
import { JobManager } from '../../src/deploy/job-manager.ts';
import { localStateFolders } from '../../src/deploy/local-state-folders.ts';
import { TaskManager } from '../../src/deploy/task-manager.ts';
import type { Env } from '../../src/env/env.ts';
import { DISPATCHER, dispatcherService } from '../../src/protocol/dispatcher-service.ts';
import { RpcService } from '../../src/rpc/rpc-service.ts';
import type { Simulation } from '../simulation.ts';

const MASTER_HOST = 'master';
const CLIENT_HOST = 'client';
const MASTER_PORT = 6123;
/** On the disk of the master, which loses what was not synced with its power. */
const HA_FOLDER = '/ha';
/** All connections begin as those of a real cluster do. */
const SECRET = new TextEncoder().encode('the secret of the simulated cluster');
const HAUNT_EVERY = milliseconds(1500);

export interface ClusterOptions<T> {
  readonly taskManagers: number;
  readonly slots: number;
  readonly configuration: Readonly<Record<string, string>>;
  /** What the client does, with the address of the JobManager. */
  readonly client: (env: Env, address: string, secret: Uint8Array) => Promise<T>;
  /** Of the job that somebody tries to cancel who must not. */
  readonly haunted: string;
}

export interface SimulatedCluster<T> {
  /** What has come of what the client does, once it is done. */
  readonly result: T | undefined;
  /** Times that the JobManager was started. */
  readonly jobManagerStarts: () => number;
  /** Times that TaskManagers were started. */
  readonly taskManagerStarts: () => number;
}

/** Starts everything. */
export function startCluster<T>(
  world: Simulation,
  options: ClusterOptions<T>,
): SimulatedCluster<T> {
  const configuration = Configuration.parse(options.configuration);
  const master = world.host(MASTER_HOST);
  const address = `${master.address}:${MASTER_PORT}`;
  const main = (env: Env): Promise<number> => runJobManager(env, master.address, configuration);
  const keepsCopies = configuration.get(CheckpointingOptions.localFolders) !== undefined;
  const jobManager = master.supervise('jobmanager', main, { restartDelay: 300 });
  const supervised = Array.from({ length: options.taskManagers }, (_, index) => {
    const host = world.host(`worker-${index + 1}`);
    const runTaskManager = async (env: Env): Promise<undefined> => {
      const manager = new TaskManager({
        env,
        taskExecutorId: `${host.name}-${env.random.uuid().slice(0, 8)}`,
        slots: options.slots,
        host: host.address,
        jobManagerAddress: address,
        configuration,
        secret: SECRET,
        spareWorkers: 1,
        localStateFolders: keepsCopies ? await localStateFolders(env, configuration) : undefined,
        onFatal: (component, error) => fatal(component, error),
      });
      void manager;
    };
    return host.supervise('taskmanager', runTaskManager, { restartDelay: 200 });
  });
  const cluster: { -readonly [K in keyof SimulatedCluster<T>]: SimulatedCluster<T>[K] } = {
    result: undefined,
    jobManagerStarts: () => jobManager.starts,
    taskManagerStarts: () => supervised.reduce((sum, { starts }) => sum + starts, 0),
  };
  world.host(CLIENT_HOST).start('client', async (env) => {
    cluster.result = await options.client(env, address, SECRET);
    return 0;
  });
  world.host(CLIENT_HOST).start('zombie', (env) => haunt(env, address, options.haunted));
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
