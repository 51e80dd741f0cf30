/**
 * A whole cluster in this process, for `millrace run`, tests and benchmarks: the same components as
 * anywhere else, over a network of bytes in memory. Slots are threads as everywhere.
 */
import type { EngineError } from '../base/errors.ts';
import { milliseconds } from '../base/units.ts';
import { JobClient } from '../client/job-client.ts';
import type { SubmitOptions } from '../client/job-client.ts';
import { Configuration } from '../config/configuration.ts';
import { TaskManagerOptions } from '../config/options/task-manager-options.ts';
import type { Env } from '../env/env.ts';
import { LogFolder } from '../env/log-folder.ts';
import { memoryNetwork } from '../env/memory-network.ts';
import type { ScopedMetrics } from '../metrics/metric.ts';
import type { JobResult } from '../protocol/job-report.ts';
import type { JobReference } from '../protocol/task-deployment.ts';
import type { RestServer } from '../rest/rest-server.ts';
import { RpcService } from '../rpc/rpc-service.ts';
import type { Print } from '../taskexecutor/detached-output.ts';
import { JobManager } from './job-manager.ts';
import type { BlobStart } from './job-blobs.ts';
import type { RestStart } from './rest-start.ts';
import { TaskManager } from './task-manager.ts';

/** Where the slots of this process reach those of another TaskManager in it. */
const LOCAL_HOST = '127.0.0.1';
/** Unless configured: an endless loop in user code must not hold up Ctrl-C. */
const LOCAL_CANCELLATION_TIMEOUT = milliseconds(500);

export interface MiniClusterOptions {
  readonly env: Env;
  /** Slots of each TaskManager. Undefined: as many as the jobs ask for, in the first one. */
  readonly slots?: number | undefined;
  readonly taskManagers?: number | undefined;
  readonly configuration?: Configuration | undefined;
  /** Slot workers to start ahead of the first job; one by default. */
  readonly spareWorkers?: number | undefined;
  /** Takes what detached jobs print; without it that is dropped. */
  readonly print?: Print | undefined;
  /** Where bundles of jobs are kept, below this folder; without it jobs are files. */
  readonly blobs?: BlobStart | undefined;
  /** Without it nobody reaches the cluster over HTTP. */
  readonly rest?: RestStart | undefined;
}

export class MiniCluster implements AsyncDisposable {
  readonly #env: Env;
  readonly #jobManager: JobManager;
  readonly #clientRpc: RpcService;
  readonly #taskManagers: readonly TaskManager[];
  readonly #clients = new Set<JobClient>();
  #failure: EngineError | undefined;
  #closing: Promise<void> | undefined;

  private constructor(
    env: Env,
    jobManager: JobManager,
    clientRpc: RpcService,
    taskManagers: readonly TaskManager[],
  ) {
    this.#env = env;
    this.#jobManager = jobManager;
    this.#clientRpc = clientRpc;
    this.#taskManagers = taskManagers;
  }

  /**
   * @example
   * await using cluster = await MiniCluster.start({ env });
   * const client = await cluster.submit(job);
   * client.onMessage((operator, payload) => show(operator, payload));
   * const { status } = await client.result();
   */
  static async start(options: MiniClusterOptions): Promise<MiniCluster> {
    const { configuration = Configuration.empty } = options;
    const network = memoryNetwork(options.env.clock);
    const env: Env = { ...options.env, network, securedNetwork: () => network };
    // Components report what ends them; the cluster in which they live ends with the first.
    const started: { cluster?: MiniCluster; failure?: EngineError } = {};
    const onFatal = (component: string, error: EngineError): void => {
      env.log.write('error', `${component} ended: ${error.message}`);
      started.failure ??= error;
      if (started.cluster !== undefined) started.cluster.#fail(error);
    };
    const growing = options.slots === undefined;
    const jobManager = await JobManager.start({
      ...{ env, configuration, onFatal },
      host: 'jobmanager',
      port: 0,
      blobs: options.blobs && below(options.blobs, 'jobmanager'),
      rest: options.rest,
      onMissingSlots: (missing) => {
        if (!growing) return;
        const { taskExecutor } = taskManagers[0]!;
        // Slots that were added before may still be on their way to the ResourceManager.
        const coming = taskExecutor.slotCount - jobManager.resourceManager.slotCounts().total;
        if (missing > coming) taskExecutor.addSlots(missing - coming);
      },
    });
    const count = options.taskManagers ?? 1;
    const taskManagers = Array.from({ length: count }, (_, i) => {
      const cancellation = configuration.has(TaskManagerOptions.cancellationTimeout);
      const taskExecutorId = `taskmanager-${i + 1}`;
      return new TaskManager({
        ...{ env, configuration, onFatal },
        taskExecutorId,
        print: options.print,
        blobs: options.blobs && below(options.blobs, taskExecutorId),
        slots: options.slots ?? configuration.get(TaskManagerOptions.slots),
        host: LOCAL_HOST,
        jobManagerAddress: jobManager.address,
        cancellationTimeout: cancellation ? undefined : LOCAL_CANCELLATION_TIMEOUT,
        files: options.rest?.logs && new LogFolder(env.disk, options.rest.logs.folder),
        spareWorkers: i === 0 ? (options.spareWorkers ?? 1) : 0,
      });
    });
    const clientRpc = new RpcService({ env, name: 'client' });
    const cluster = new MiniCluster(env, jobManager, clientRpc, taskManagers);
    started.cluster = cluster;
    if (started.failure !== undefined) cluster.#fail(started.failure);
    return cluster;
  }

  /**
   * Resolves when the job is built and runs.
   * @throws EngineError of the build (JOB_*, GRAPH_*, CONFIG_*)
   */
  async submit(job: JobReference, options: SubmitOptions = {}): Promise<JobClient> {
    if (this.#failure !== undefined) throw this.#failure;
    const { address } = this.#jobManager;
    const connect = { env: this.#env, rpc: this.#clientRpc, address };
    const client = await JobClient.submit(connect, job, options);
    this.#clients.add(client);
    client.onClosed(() => this.#clients.delete(client));
    return client;
  }

  /** To a job that was submitted before. @throws EngineError JOB_NOT_FOUND */
  async attach(jobId: string): Promise<JobClient> {
    const { address } = this.#jobManager;
    const client = await JobClient.attach({ env: this.#env, rpc: this.#clientRpc, address }, jobId);
    this.#clients.add(client);
    client.onClosed(() => this.#clients.delete(client));
    return client;
  }

  /** How a job ended, or will. @throws EngineError JOB_NOT_FOUND */
  resultOf(jobId: string): Promise<JobResult> {
    const { address } = this.#jobManager;
    return JobClient.resultOf({ env: this.#env, rpc: this.#clientRpc, address }, jobId);
  }

  /** Of its REST interface, if it has one. */
  get rest(): RestServer | undefined {
    return this.#jobManager.rest;
  }

  /** Slots there are, and those that no job has. */
  slotCounts(): { readonly total: number; readonly free: number } {
    return this.#jobManager.resourceManager.slotCounts();
  }

  /** Everything measured in its TaskManagers, by Flink's names. */
  metrics(): Promise<readonly ScopedMetrics[]> {
    return this.#jobManager.resourceManager.taskManagerMetrics();
  }

  /** Slot workers that live, spares left out. */
  get workerCount(): number {
    return this.#taskManagers.reduce((sum, { taskExecutor }) => sum + taskExecutor.workerCount, 0);
  }

  /** Ends everything, jobs included; nothing is left then: no worker, no timer, no listener. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    for (const client of this.#clients) client.close();
    await this.#clientRpc.close();
    await this.#jobManager.close();
    await Promise.all(this.#taskManagers.map((taskManager) => taskManager.close()));
  }

  #fail(error: EngineError): void {
    this.#failure ??= error;
    for (const client of this.#clients) client.fail(error);
    // Whoever closes the cluster hears of what closing it meets.
    this.close().catch(() => undefined);
  }
}

function below({ folder, engine }: BlobStart, process: string): BlobStart {
  return { folder: `${folder}/${process}`, engine };
}
