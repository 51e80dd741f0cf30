/** A TaskManager process put together: one TaskExecutor with its slots. */
import type { Duration } from '../base/units.ts';
import { BlobCache } from '../blob/blob-cache.ts';
import { slotHeapBytes, taskManagerMemory } from '../config/task-manager-memory.ts';
import type { Configuration } from '../config/configuration.ts';
import { slotNetworkMemory } from '../config/network-memory.ts';
import { ClusterOptions } from '../config/options/cluster-options.ts';
import { TaskManagerOptions } from '../config/options/task-manager-options.ts';
import type { Env, TlsIdentity } from '../env/env.ts';
import { multiplyResources, NO_RESOURCES } from '../protocol/resource-profile.ts';
import type { TaskManagerDescription } from '../protocol/task-manager-info.ts';
import type { MetricValue } from '../metrics/metric.ts';
import type { FatalErrorHandler } from '../rpc/main-thread.ts';
import type { ProcessFiles, ThreadInfo } from '../protocol/process-files.ts';
import type { ProcessProfiling } from '../protocol/profiling.ts';
import { RpcService } from '../rpc/rpc-service.ts';
import type { Print } from '../taskexecutor/detached-output.ts';
import { LocalState } from '../taskexecutor/local-state.ts';
import { TaskExecutor } from '../taskexecutor/task-executor.ts';
import { heartbeatOptions } from './job-manager.ts';
import type { BlobStart } from './job-blobs.ts';

export interface TaskManagerStart {
  readonly env: Pick<
    Env,
    | 'clock'
    | 'random'
    | 'cryptography'
    | 'network'
    | 'disk'
    | 'memory'
    | 'workers'
    | 'machine'
    | 'log'
  >;
  /** Unique in the cluster, and new for every start of a process. */
  readonly taskExecutorId: string;
  readonly slots: number;
  /** Where other processes reach the data ports of the slots. */
  readonly host: string;
  /** Where they listen; `host` if undefined. */
  readonly bindHost?: string | undefined;
  /** For the data ports; calls go over the network of `env`. Undefined: no TLS. */
  readonly tls?: TlsIdentity | undefined;
  /** Of the first slot; any by default. */
  readonly dataPort?: number | undefined;
  readonly jobManagerAddress: string;
  readonly configuration: Configuration;
  /** Of the cluster. The workers of the slots never get it. */
  readonly secret?: Uint8Array | undefined;
  readonly cancellationTimeout?: Duration | undefined;
  readonly spareWorkers: number;
  /** Told whenever a ResourceManager has taken it. */
  readonly onRegistered?: (() => void) | undefined;
  /** Takes what jobs print to whom no client is attached; without it that is dropped. */
  readonly print?: Print | undefined;
  /** Whether the log takes what user code writes on the standard streams; else the process does. */
  readonly logsOutput?: boolean | undefined;
  /** Keeps the same text beside the log. */
  readonly keepOutput?: ((text: string) => void) | undefined;
  /** Without it jobs can only be files of this machine. */
  readonly blobs?: BlobStart | undefined;
  /** Of this process alone, for copies of state; without them none are kept. */
  readonly localStateFolders?: readonly string[] | undefined;
  /** What it shows to those who look after it. */
  readonly files?: ProcessFiles | undefined;
  /** Undefined: nobody may have profiles taken of it. */
  readonly profiling?: ProcessProfiling | undefined;
  /** What its main thread does. */
  readonly mainThread?: (() => Promise<ThreadInfo>) | undefined;
  /** Where CPU profiles go; the working folder if undefined. */
  readonly profileFolder?: string | undefined;
  /** What is measured of the whole process. */
  readonly measureProcess?: (() => readonly MetricValue[]) | undefined;
  readonly onFatal: FatalErrorHandler;
}

export class TaskManager {
  readonly rpc: RpcService;
  readonly taskExecutor: TaskExecutor;
  readonly #blobs: BlobCache | undefined;

  constructor(options: TaskManagerStart) {
    const { env, taskExecutorId, configuration, blobs } = options;
    this.rpc = new RpcService({
      env,
      name: taskExecutorId,
      askTimeout: configuration.get(ClusterOptions.askTimeout),
      reconnectGrace: configuration.get(ClusterOptions.reconnectGrace),
      secret: options.secret,
    });
    this.#blobs = blobs && new BlobCache({ env, rpc: this.rpc, ...blobs });
    this.taskExecutor = new TaskExecutor({
      ...options,
      bindHost: options.bindHost ?? options.host,
      dataPort: options.dataPort ?? 0,
      code: this.#blobs,
      localState:
        options.localStateFolders &&
        new LocalState({ disk: env.disk, log: env.log, folders: options.localStateFolders }),
      rpc: this.rpc,
      resourceManagerAddress: options.jobManagerAddress,
      heartbeat: heartbeatOptions(configuration),
      registrationTimeout: configuration.get(TaskManagerOptions.registrationTimeout),
      slotTimeout: configuration.get(TaskManagerOptions.slotTimeout),
      cancellationTimeout:
        options.cancellationTimeout ?? configuration.get(TaskManagerOptions.cancellationTimeout),
      heapBudgetBytes: slotHeapBytes(configuration),
      network: slotNetworkMemory(configuration),
      description: describe(options, this.rpc.name),
    });
  }

  /** Ends its workers; resolves when nothing is left. */
  async close(): Promise<void> {
    await this.taskExecutor.close();
    await this.#blobs?.close();
    await this.rpc.close();
  }
}

/** What it has, as its configuration divides it. */
function describe(
  { env, host, dataPort = 0, slots, configuration }: TaskManagerStart,
  path: string,
): TaskManagerDescription {
  const { cores: cpuCores, memoryBytes } = env.machine;
  const slotHeap = slotHeapBytes(configuration);
  const { frameworkBytes, processBytes } = taskManagerMemory(configuration);
  const taskHeap = slotHeap * slots;
  const { channelBytes, ringBytes } = slotNetworkMemory(configuration);
  const networkBytes = channelBytes + ringBytes;
  const networkMemory = networkBytes * slots;
  const defaultSlotResource = {
    ...NO_RESOURCES,
    ...{ cpuCores: 1, taskHeapBytes: slotHeap, networkBytes },
  };
  return {
    ...{ path, host, dataPort, defaultSlotResource, slotsNumber: slots },
    totalResource: multiplyResources(defaultSlotResource, slots),
    hardware: { cpuCores, physicalMemory: memoryBytes, freeMemory: taskHeap, managedMemory: 0 },
    memory: {
      frameworkHeap: frameworkBytes,
      taskHeap,
      frameworkOffHeap: 0,
      taskOffHeap: 0,
      networkMemory,
      managedMemory: 0,
      jvmMetaspace: 0,
      jvmOverhead: 0,
      totalFlinkMemory: processBytes,
      totalProcessMemory: processBytes,
    },
  };
}
