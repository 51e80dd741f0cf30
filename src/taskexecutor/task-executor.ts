/**
 * The TaskExecutor: offers its slots to jobs and hosts a worker thread in each slot that is at
 * work. Its main thread does RPC and heartbeats and nothing else; tasks and user code live in the
 * workers. Y1 to Y3 and Y5 are kept by its parts: slot-table.ts and slot-workers.ts.
 *
 * Y4. The slots in use are never more than the TaskExecutor has, whatever their size.
 */
import { EngineError } from '../base/errors.ts';
import type { Duration } from '../base/units.ts';
import type { Env } from '../env/env.ts';
import type { MetricValue, ScopedMetrics } from '../metrics/metric.ts';
import { multiplyResources } from '../protocol/resource-profile.ts';
import type { ProcessFiles, ThreadInfo } from '../protocol/process-files.ts';
import type { ProcessProfiling } from '../protocol/profiling.ts';
import { unstaged } from '../protocol/staged-state.ts';
import type { TaskManagerDescription } from '../protocol/task-manager-info.ts';
import { TASK_EXECUTOR, taskExecutorService } from '../protocol/task-executor-service.ts';
import type { SlotRequest, TaskExecutorService } from '../protocol/task-executor-service.ts';
import type { HeartbeatOptions } from '../rpc/heartbeat.ts';
import { MainThread } from '../rpc/main-thread.ts';
import type { FatalErrorHandler } from '../rpc/main-thread.ts';
import type { Handlers, RpcEndpoint } from '../rpc/rpc-endpoint.ts';
import type { RpcService } from '../rpc/rpc-service.ts';
import type { JobLink } from './job-link.ts';
import { JobLinks } from './job-links.ts';
import { networkStatus } from './network-status.ts';
import type { NetworkUse } from './network-status.ts';
import { ResourceManagerLink } from './resource-manager-link.ts';
import { requireRoom } from './slot-room.ts';
import { SLOTS_MAX, SlotTable } from './slot-table.ts';
import { SlotWorkers } from './slot-workers.ts';
import type { WorkerOptions } from './slot-workers.ts';

/** Called with the token of the ResourceManager; everything else with that of a JobMaster. */
/** What it shows of itself. */
const SHOWN = [
  'requestMetrics',
  'requestFiles',
  'requestFile',
  'requestThreads',
  'startProfiling',
  'requestProfilings',
] as const;
type ShownMethod = (typeof SHOWN)[number];

const OF_RESOURCE_MANAGER: ReadonlySet<string> = new Set([
  'requestSlot',
  'heartbeatFromResourceManager',
  ...SHOWN,
]);

export interface TaskExecutorOptions extends WorkerOptions {
  readonly env: Pick<Env, 'clock' | 'memory' | 'workers' | 'log'>;
  readonly rpc: RpcService;
  readonly slots: number;
  readonly resourceManagerAddress: string;
  readonly heartbeat: HeartbeatOptions;
  /** After this long without a ResourceManager it gives up, which is fatal. */
  readonly registrationTimeout: Duration;
  /** How long a promised slot waits to be taken. */
  readonly slotTimeout: Duration;
  /** Told to the ResourceManager, for those who ask it. */
  readonly description: TaskManagerDescription;
  /** Told whenever a ResourceManager has taken it. */
  readonly onRegistered?: (() => void) | undefined;
  /** What this process shows to those who look after it. */
  readonly files?: ProcessFiles | undefined;
  /** Undefined: nobody may have profiles taken of it. */
  readonly profiling?: ProcessProfiling | undefined;
  /** What its main thread does. */
  readonly mainThread?: (() => Promise<ThreadInfo>) | undefined;
  /** What is measured of the whole process. */
  readonly measureProcess?: (() => readonly MetricValue[]) | undefined;
  readonly onFatal: FatalErrorHandler;
}

export class TaskExecutor {
  readonly #options: TaskExecutorOptions;
  readonly #main: MainThread;
  readonly #endpoint: RpcEndpoint;
  readonly #slots: SlotTable;
  readonly #workers: SlotWorkers;
  readonly #links: JobLinks;
  readonly #resourceManager: ResourceManagerLink;
  /** Of the default size, if all are of it. */
  #slotsNumber: number;

  constructor(options: TaskExecutorOptions) {
    const { env, rpc, taskExecutorId, host, heartbeat, slotTimeout } = options;
    this.#options = options;
    const main = new MainThread(`${TASK_EXECUTOR} ${taskExecutorId}`, env.clock, options.onFatal);
    this.#main = main;
    this.#slots = new SlotTable({
      ...{ main, taskExecutorId, slotTimeout },
      onFreed: ({ index }, allocationId, link) => this.#freed(index, allocationId, link),
    });
    this.#slotsNumber = options.slots;
    this.#slots.add(options.slots);
    this.#links = new JobLinks({
      ...{ env, main, rpc, taskExecutorId, host, heartbeat, slots: this.#slots },
    });
    this.#workers = new SlotWorkers({
      ...{ env, main, slots: this.#slots, options },
      onGone: (link) => this.#links.registerAgain(link),
      onListening: () => this.#resourceManager.reportSlots(),
    });
    this.#endpoint = rpc.register({
      name: TASK_EXECUTOR,
      service: taskExecutorService,
      main: this.#main,
      fence: (token, method) =>
        OF_RESOURCE_MANAGER.has(method)
          ? token === this.#resourceManager.token
          : this.#links.has(token),
      handlers: this.#handlers(),
    });
    this.#resourceManager = new ResourceManagerLink({
      ...{ main, rpc, taskExecutorId, log: env.log, heartbeat },
      address: options.resourceManagerAddress,
      registrationTimeout: options.registrationTimeout,
      description: () => this.#describe(),
      report: () => this.#slots.report(),
      onRegistered: options.onRegistered,
    });
  }

  /** Of the default size, if all are of it. */
  get slotCount(): number {
    return this.#slotsNumber;
  }

  /** Workers that live, spares left out. */
  get workerCount(): number {
    return this.#slots.workers.length;
  }

  /** More slots, for a TaskExecutor that is to give a job what it needs. */
  addSlots(count: number): void {
    this.#main.run(() => {
      this.#slotsNumber += count;
      this.#slots.add(count);
      this.#resourceManager.reportSlots();
    });
  }

  /** To be called when nobody waits for this process: what a slot starts with is made ready. */
  warmUp(): void {
    this.#workers.warmUp();
  }

  /** Ends all workers; resolves when nothing is left. Works after a fatal error too. */
  async close(): Promise<void> {
    this.#options.rpc.unregister(this.#endpoint);
    this.#links.close();
    this.#resourceManager[Symbol.dispose]();
    await this.#workers.close();
    await this.#options.localState?.close();
    this.#main.close();
  }

  /** With the slots that it has now. */
  #describe(): TaskManagerDescription {
    const { description } = this.#options;
    const { defaultSlotResource } = description;
    const slotsNumber = this.#slotsNumber;
    const totalResource = multiplyResources(defaultSlotResource, slotsNumber);
    return { ...description, slotsNumber, totalResource };
  }

  // ------------------------------------------------------------------------------------ handlers

  #handlers(): Handlers<TaskExecutorService> {
    return {
      requestSlot: (request) => {
        this.#requestSlot(request);
        return {};
      },
      heartbeatFromResourceManager: () => {
        this.#resourceManager.sign();
        return { slots: this.#slots.report() };
      },
      heartbeatFromJobMaster: ({ allocationIds }, { token }) => {
        const link = this.#links.get(token)!;
        link.sign();
        return this.#links.reconcile(link, allocationIds);
      },
      prepareSlot: (request, { token }) => this.#workers.prepare(request, token),
      stageState: ({ first, states }, { token }) => {
        const link = this.#links.get(token)!;
        if (first) link.staged = [];
        link.staged.push(...states);
        return {};
      },
      deployTasks: ({ generation, slots, places }, { token }) => {
        const link = this.#links.get(token)!;
        const whole = unstaged(slots, places, link.staged.splice(0));
        this.#workers.deploy({ generation, slots: whole }, token);
        return {};
      },
      stopSlot: (request, { token }) => this.#workers.stop(request, token),
      freeSlot: ({ allocationId }, { token }) => {
        const slot = this.#slots.find(allocationId, token);
        if (slot !== undefined) this.#slots.free(slot, allocationId);
        return {};
      },
      ...this.#shown(),
      commit: ({ executionId, ...which }, { token }) =>
        this.#slots.workerOf(which, token)?.post({ kind: 'commit', executionId }),
      sourceEvent: ({ executionId, operator, event, ...which }, { token }) =>
        this.#slots
          .workerOf(which, token)
          ?.post({ kind: 'source-event', executionId, operator, event }),
      triggerCheckpoint: ({ allocationId, generation, ...trigger }, { token }) =>
        this.#slots
          .workerOf({ allocationId, generation }, token)
          ?.post({ kind: 'trigger-checkpoint', ...trigger }),
      notifyCheckpoint: ({ allocationId, generation, ...notice }, { token }) =>
        this.#slots
          .workerOf({ allocationId, generation }, token)
          ?.post({ kind: 'notify-checkpoint', ...notice }),
      clientChanged: ({ attached }, { token }) => {
        this.#links.get(token)!.clientAttached = attached;
      },
      clientAcknowledge: ({ executionId, operator, bytes, ...which }, { token }) =>
        this.#slots.workerOf(which, token)?.post({
          kind: 'client-acknowledge',
          executionId,
          operator,
          bytes,
        }),
    };
  }

  /** Everything measured in this process; slots that do not answer in time are left out. */
  async metrics(): Promise<readonly ScopedMetrics[]> {
    const { host, taskExecutorId: taskManagerId, measureProcess } = this.#options;
    const scope = { kind: 'taskmanager', host, taskManagerId } as const;
    const slots = await this.#workers.metrics();
    const metrics = [...(measureProcess?.() ?? []), ...networkStatus(this.#networkUse())];
    return [{ scope, metrics }, ...slots];
  }

  /** What it tells those who look after it. */
  #shown(): Pick<Handlers<TaskExecutorService>, ShownMethod> {
    return {
      requestMetrics: async () => ({ scopes: await this.metrics() }),
      requestFiles: async () => {
        const { files } = this.#options;
        const { logName, stdoutName } = files ?? {};
        return { files: (await files?.list()) ?? [], logName, stdoutName };
      },
      requestFile: async ({ isProfile, name, offset }) => {
        const files = isProfile ? this.#profiling() : this.#options.files;
        return { piece: await files?.read(name, offset) };
      },
      requestThreads: async () => ({ threads: await this.#threads() }),
      startProfiling: (request) => this.#profiling().start(request, this.#workers.profiled()),
      requestProfilings: () => ({ profilings: this.#profiling().list() }),
    };
  }

  async #threads(): Promise<readonly ThreadInfo[]> {
    const { mainThread } = this.#options;
    const main = mainThread?.() ?? { name: 'main', info: '"main" RUNNABLE\n' };
    return Promise.all([main, this.#workers.threads()]).then(([own, slots]) => [own, ...slots]);
  }

  /** @throws EngineError PROFILING_OFF */
  #profiling(): ProcessProfiling {
    const { profiling, taskExecutorId } = this.#options;
    if (profiling !== undefined) return profiling;
    throw new EngineError('PROFILING_OFF', { process: taskExecutorId });
  }

  #networkUse(): NetworkUse {
    const { channelBytes, ringBytes, segmentBytes } = this.#options.network;
    return {
      totalBytes: (channelBytes + ringBytes) * this.#slotsNumber,
      usedBytes: this.#workers.networkBytes,
      segmentBytes,
    };
  }

  #requestSlot({ slot: index, allocationId, resource, jobMaster }: SlotRequest): void {
    const { taskExecutorId: taskExecutor } = this.#options;
    if (index >= this.#slots.size && resource !== undefined && index < SLOTS_MAX) {
      this.#slots.add(index + 1 - this.#slots.size);
    }
    const slot = this.#slots.at(index);
    if (slot === undefined) throw new EngineError('SLOT_OCCUPIED', { slot: index, taskExecutor });
    // Y4
    if (slot.state.kind === 'free') requireRoom(this.#describe(), [...this.#slots], resource);
    const allocation = { allocationId, jobId: jobMaster.jobId, resource };
    if (!this.#slots.step(slot, { kind: 'request', allocation })) {
      throw new EngineError('SLOT_OCCUPIED', { slot: index, taskExecutor });
    }
    if (slot.link !== undefined) return;
    slot.link = this.#links.linkTo(jobMaster);
    this.#links.offer(slot.link);
  }

  #freed(index: number, allocationId: string, link: JobLink | undefined): void {
    this.#options.localState?.release(allocationId);
    this.#resourceManager.slotFreed(index, allocationId);
    if (link !== undefined && this.#links.release(link)) this.#options.code?.release(link.token);
  }
}
