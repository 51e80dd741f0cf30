/**
 * A JobManager process put together: Dispatcher, ResourceManager and the masters of the jobs,
 * behind one address.
 */
import { milliseconds } from '../base/units.ts';
import { ClusterOptions } from '../config/options/cluster-options.ts';
import { HistoryOptions } from '../config/options/history-options.ts';
import type { Configuration } from '../config/configuration.ts';
import { Dispatcher } from '../dispatcher/dispatcher.ts';
import type { Env } from '../env/env.ts';
import { memoryJobResultStore, memoryJobStore } from '../ha/job-store.ts';
import { JobMaster } from '../jobmaster/job-master.ts';
import { ResourceManager } from '../resourcemanager/resource-manager.ts';
import type { HeartbeatOptions } from '../rpc/heartbeat.ts';
import type { FatalErrorHandler } from '../rpc/main-thread.ts';
import { RpcService } from '../rpc/rpc-service.ts';

/** Results of ended jobs that are kept. */
const RESULTS_MAX = 1000;

export interface JobManagerOptions {
  readonly env: Pick<Env, 'clock' | 'random' | 'network' | 'workers' | 'log'>;
  /** Under which others reach it. */
  readonly host: string;
  /** 0 picks one. */
  readonly port: number;
  /** The address that it listens on; `host` if undefined. */
  readonly bindHost?: string | undefined;
  readonly configuration: Configuration;
  /** Told how many slots all jobs together lack, whenever that changes. */
  readonly onMissingSlots?: ((slots: number) => void) | undefined;
  readonly onFatal: FatalErrorHandler;
}

export class JobManager {
  readonly address: string;
  readonly resourceManager: ResourceManager;
  readonly rpc: RpcService;
  readonly #dispatcher: Dispatcher;

  private constructor(options: JobManagerOptions, rpc: RpcService, address: string) {
    const { env, configuration, onFatal, onMissingSlots } = options;
    const heartbeat = heartbeatOptions(configuration);
    this.rpc = rpc;
    this.address = address;
    this.resourceManager = new ResourceManager({ env, rpc, heartbeat, onFatal, onMissingSlots });
    this.#dispatcher = new Dispatcher({
      ...{ env, rpc, onFatal },
      jobs: memoryJobStore(),
      results: memoryJobResultStore(RESULTS_MAX),
      resources: () => this.resourceManager.slotCounts(),
      endedJobs: {
        capacity: configuration.get(HistoryOptions.storeCapacity),
        maxBytes: configuration.get(HistoryOptions.storeBytes),
        expiration: configuration.get(HistoryOptions.storeExpiration),
      },
      startJobMaster: (submission, client) =>
        new JobMaster({
          ...{ env, rpc, submission, client, configuration, heartbeat, onFatal },
          resourceManagerAddress: address,
        }),
    });
  }

  /** @throws EngineError NETWORK_FAILED if the port is taken. */
  static async start(options: JobManagerOptions): Promise<JobManager> {
    const { env, host, port, bindHost = host, configuration } = options;
    const rpc = new RpcService({
      env,
      name: 'jobmanager',
      askTimeout: configuration.get(ClusterOptions.askTimeout),
    });
    const listening = await rpc.listen(bindHost, port);
    const address = hostAndPort(host, Number(listening.slice(listening.lastIndexOf(':') + 1)));
    const jobManager = new JobManager(options, rpc, address);
    await jobManager.#dispatcher.recover();
    return jobManager;
  }

  async close(): Promise<void> {
    await this.#dispatcher.close();
    this.resourceManager.close();
    await this.rpc.close();
  }
}

/** An address as RPC reads it. */
export function hostAndPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/**
 * Two failed requests in a row count as a loss, as in Flink (`heartbeat.rpc-failure-threshold`).
 */
export function heartbeatOptions(configuration: Configuration): HeartbeatOptions {
  return {
    interval: configuration.get(ClusterOptions.heartbeatInterval),
    timeout: milliseconds(configuration.get(ClusterOptions.heartbeatTimeout)),
    failureThreshold: 2,
  };
}
