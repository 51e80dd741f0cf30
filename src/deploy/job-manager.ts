/**
 * A JobManager process put together: Dispatcher, ResourceManager and the masters of the jobs,
 * behind one address.
 */
import type { EngineError } from '../base/errors.ts';
import { milliseconds } from '../base/units.ts';
import type { BlobServer } from '../blob/blob-server.ts';
import { ClusterOptions } from '../config/options/cluster-options.ts';
import { TaskManagerOptions } from '../config/options/task-manager-options.ts';
import { HistoryOptions } from '../config/options/history-options.ts';
import type { Configuration } from '../config/configuration.ts';
import { Dispatcher } from '../dispatcher/dispatcher.ts';
import { SecurityOptions } from '../config/options/security-options.ts';
import type { Env } from '../env/env.ts';
import { checkpointConfigOf } from '../checkpoint/checkpoint-config.ts';
import { cleanUpEnded } from '../jobmaster/ended-checkpoints.ts';
import { JobMaster } from '../jobmaster/job-master.ts';
import type { MetricValue, ScopedMetrics } from '../metrics/metric.ts';
import { ResourceManager } from '../resourcemanager/resource-manager.ts';
import type { HeartbeatOptions } from '../rpc/heartbeat.ts';
import type { FatalErrorHandler } from '../rpc/main-thread.ts';
import type { RestServer } from '../rest/rest-server.ts';
import { RpcService } from '../rpc/rpc-service.ts';
import { openStores } from './ha-stores.ts';
import type { HaStores } from './ha-stores.ts';
import { startBlobs } from './job-blobs.ts';
import type { BlobStart } from './job-blobs.ts';
import { fileSystemOptions, FileSystems } from '../storage/file-systems.ts';
import { disposeSavepoint } from '../storage/ended-job-folder.ts';
import { startRest } from './rest-start.ts';
import type { RestStart } from './rest-start.ts';

export interface JobManagerOptions {
  readonly env: Pick<
    Env,
    | 'clock'
    | 'random'
    | 'cryptography'
    | 'network'
    | 'disk'
    | 'workers'
    | 'log'
    | 'processes'
    | 'machine'
  >;
  /** Under which others reach it. */
  readonly host: string;
  /** 0 picks one. */
  readonly port: number;
  /** The address that it listens on; `host` if undefined. */
  readonly bindHost?: string | undefined;
  readonly configuration: Configuration;
  /** Of the cluster: who does not know it is not listened to. Undefined: anybody is. */
  readonly secret?: Uint8Array | undefined;
  /** Told how many slots all jobs together lack, whenever that changes. */
  readonly onMissingSlots?: ((slots: number) => void) | undefined;
  /** Without it only files of this machine can be submitted. */
  readonly blobs?: BlobStart | undefined;
  /** What is measured of the whole process. */
  readonly measureProcess?: (() => readonly MetricValue[]) | undefined;
  /** Without it nobody reaches the cluster over HTTP. */
  readonly rest?: RestStart | undefined;
  readonly onFatal: FatalErrorHandler;
}

interface Stores extends HaStores {
  readonly blobs: BlobServer | undefined;
}

export class JobManager {
  readonly address: string;
  readonly resourceManager: ResourceManager;
  readonly rpc: RpcService;
  readonly blobs: BlobServer | undefined;
  readonly #dispatcher: Dispatcher;
  readonly #options: JobManagerOptions;
  readonly #closeStores: () => Promise<void>;
  #rest: RestServer | undefined;

  private constructor(
    options: JobManagerOptions,
    rpc: RpcService,
    address: string,
    stores: Stores,
  ) {
    const { env, configuration, onFatal, onMissingSlots } = options;
    const heartbeat = heartbeatOptions(configuration);
    this.#options = options;
    this.rpc = rpc;
    this.address = address;
    this.blobs = stores.blobs;
    this.#closeStores = stores.close;
    this.resourceManager = new ResourceManager({
      ...{ env, rpc, heartbeat, onFatal, onMissingSlots },
      loadBalance: configuration.get(TaskManagerOptions.loadBalance),
    });
    this.#dispatcher = new Dispatcher({
      ...{ env, rpc, onFatal },
      jobs: stores.jobs,
      results: stores.results,
      resources: () => this.resourceManager.slotCounts(),
      endedJobs: {
        capacity: configuration.get(HistoryOptions.storeCapacity),
        maxBytes: configuration.get(HistoryOptions.storeBytes),
        expiration: configuration.get(HistoryOptions.storeExpiration),
      },
      startJobMaster: (submission, client, recovered) =>
        new JobMaster({
          ...{ env, rpc, submission, client, recovered, configuration, heartbeat, onFatal },
          storeDecision: (decision) => stores.jobs.decide(submission.job.jobId, decision),
          pointers: stores.pointersOf(submission.job.jobId),
          checkpointFolder: stores.checkpointFolder,
          address,
          resourceManagerAddress: address,
          code: stores.blobs,
          runs: (jobId) => this.#dispatcher.runs(jobId),
        }),
      cleanUpEnded: ({ submission, masters }) => {
        const { jobId, configuration: own } = submission.job;
        const ofJob = configuration.with(own);
        const fileSystems = FileSystems.create(env, fileSystemOptions(ofJob.toRecord()));
        const pointers = stores.pointersOf(jobId);
        const directory = (): string | undefined =>
          checkpointConfigOf(ofJob, stores.checkpointFolder).directory;
        const { log, clock } = env;
        return cleanUpEnded({ jobId, fileSystems, directory, pointers, masters, log, clock });
      },
      disposeSavepoint: (path, runs) => {
        const options = fileSystemOptions(configuration.toRecord());
        return disposeSavepoint(FileSystems.create(env, options), path, runs);
      },
      onGone: (jobId) => stores.blobs?.release(jobId),
    });
  }

  /** @throws EngineError NETWORK_FAILED if the port is taken. */
  static async start(options: JobManagerOptions): Promise<JobManager> {
    const { env, host, port, bindHost = host, configuration, onFatal } = options;
    const rpc = new RpcService({
      env,
      name: 'jobmanager',
      askTimeout: configuration.get(ClusterOptions.askTimeout),
      reconnectGrace: configuration.get(ClusterOptions.reconnectGrace),
      secret: options.secret,
      connectionsMax: configuration.get(SecurityOptions.connectionsMax),
    });
    const onLost = (error: EngineError): void => onFatal('storage of the JobManager', error);
    const stores = await openStores({ env, configuration, onLost });
    let blobs: BlobServer | undefined;
    let jobManager: JobManager;
    try {
      blobs =
        options.blobs && (await startBlobs({ env, rpc, onFatal, ...options.blobs }, stores.jobs));
      const unfinished = await stores.jobs.all();
      // Whoever finds the port open finds everything behind it, jobs of an earlier JobManager
      // included: from here to `recover` nothing waits.
      const listening = await rpc.listen(bindHost, port);
      const address = hostAndPort(host, Number(listening.slice(listening.lastIndexOf(':') + 1)));
      jobManager = new JobManager(options, rpc, address, { ...stores, blobs });
      jobManager.#dispatcher.recover(unfinished);
    } catch (error) {
      await blobs?.close();
      await stores.close();
      throw error;
    }
    try {
      if (options.rest !== undefined) await jobManager.#serve(options.rest);
      return jobManager;
    } catch (error) {
      await jobManager.close();
      throw error;
    }
  }

  /** Everything measured in this process. */
  metrics(): readonly ScopedMetrics[] {
    const { host, measureProcess } = this.#options;
    const { taskManagers, total, free } = this.resourceManager.slotCounts();
    const jobs = this.#dispatcher.jobMetrics(host);
    const counts = {
      taskSlotsTotal: total,
      taskSlotsAvailable: free,
      numRegisteredTaskManagers: taskManagers,
      numRunningJobs: jobs.length,
    };
    const metrics = Object.entries(counts).map(([name, value]): MetricValue => ({
      kind: 'gauge',
      name,
      value,
    }));
    const scope = { kind: 'jobmanager', host } as const;
    return [{ scope, metrics: [...metrics, ...(measureProcess?.() ?? [])] }, ...jobs];
  }

  /** Its REST interface, if it has one. */
  get rest(): RestServer | undefined {
    return this.#rest;
  }

  async close(): Promise<void> {
    await this.#rest?.close();
    await this.#dispatcher.close();
    this.resourceManager.close();
    await this.blobs?.close();
    await this.rpc.close();
    await this.#closeStores();
  }

  async #serve(rest: RestStart): Promise<void> {
    const { env, configuration } = this.#options;
    const { rpc, address, blobs } = this;
    this.#rest = await startRest(rest, {
      ...{ env, rpc, address, configuration, blobs },
      metrics: async () => [
        ...this.metrics(),
        ...(await this.resourceManager.taskManagerMetrics()),
      ],
    });
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
