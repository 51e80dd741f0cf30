/**
 * The TaskExecutor: offers its slots to jobs and hosts a worker thread in each slot that is at
 * work. Its main thread does RPC and heartbeats and nothing else; tasks and user code live in the
 * workers.
 *
 * Y1. A call of a JobMaster touches only slots that were promised to that JobMaster (by its token).
 * Y2. A worker is started only while the link to its JobMaster stands, with the lease of that link.
 * Y3. What a worker says goes to the JobMaster whose link stood when it was started, or nowhere.
 * Y4. The slots in use are never more than the TaskExecutor has, whatever their size.
 * Y5. A worker that says more than can be told is ended; the process and its other slots go on.
 */
import { assert } from '../base/assert.ts';
import { EngineError, isEngineError } from '../base/errors.ts';
import { seconds } from '../base/units.ts';
import type { Duration } from '../base/units.ts';
import { heapLimitMegabytes } from '../config/slot-heap.ts';
import type { Env, SharedRegion, TlsIdentity } from '../env/env.ts';
import { DOORBELL_BYTES } from '../network/doorbell.ts';
import type { MetricValue, ScopedMetrics } from '../metrics/metric.ts';
import { multiplyResources } from '../protocol/resource-profile.ts';
import type { ProcessFiles, ThreadInfo } from '../protocol/process-files.ts';
import type { JobCode } from '../protocol/job-code.ts';
import type { JobMasterRegistration, SlotReport } from '../protocol/resource-manager-service.ts';
import type { FromSlot } from '../protocol/slot-messages.ts';
import type { TaskManagerDescription } from '../protocol/task-manager-info.ts';
import { TASK_EXECUTOR, taskExecutorService } from '../protocol/task-executor-service.ts';
import type {
  DeployTasks,
  ExecutionReport,
  PrepareSlot,
  SlotGeneration,
  SlotRequest,
  TaskExecutorService,
} from '../protocol/task-executor-service.ts';
import type { HeartbeatOptions } from '../rpc/heartbeat.ts';
import { MainThread } from '../rpc/main-thread.ts';
import type { FatalErrorHandler } from '../rpc/main-thread.ts';
import type { Handlers, RpcEndpoint } from '../rpc/rpc-endpoint.ts';
import type { RpcService } from '../rpc/rpc-service.ts';
import { DetachedOutput } from './detached-output.ts';
import type { Print } from './detached-output.ts';
import { HostedWorker } from './hosted-worker.ts';
import { JobLink } from './job-link.ts';
import { networkStatus } from './network-status.ts';
import type { NetworkUse } from './network-status.ts';
import { ResourceManagerLink } from './resource-manager-link.ts';
import { requireRoom, resourceOf } from './slot-room.ts';
import { SlotPeers } from './slot-peers.ts';
import { SpareWorkers } from './spare-workers.ts';
import { stepTaskSlot } from './task-slot.ts';
import type { TaskSlotEvent, TaskSlotState } from './task-slot.ts';

/** Bound of `taskmanager.numberOfTaskSlots`. */
const SLOTS_MAX = 1024;
/** A slot that blocks must not hold up what the others say. */
const METRICS_TIMEOUT = seconds(1);
/** Called with the token of the ResourceManager; everything else with that of a JobMaster. */
const OF_RESOURCE_MANAGER: ReadonlySet<string> = new Set([
  'requestSlot',
  'heartbeatFromResourceManager',
  'requestMetrics',
  'requestFiles',
  'requestFile',
  'requestThreads',
]);

export interface TaskExecutorOptions {
  readonly env: Pick<Env, 'clock' | 'memory' | 'workers' | 'log'>;
  readonly rpc: RpcService;
  readonly taskExecutorId: string;
  readonly slots: number;
  /** Where other processes reach the data ports of its slots. */
  readonly host: string;
  /** Where the slots listen; slot N on the Nth port from `dataPort`, or on any if that is 0. */
  readonly bindHost: string;
  /** Who this process is to others; undefined where they do not speak TLS. */
  readonly tls?: TlsIdentity | undefined;
  readonly dataPort: number;
  readonly resourceManagerAddress: string;
  readonly heartbeat: HeartbeatOptions;
  /** After this long without a ResourceManager it gives up, which is fatal. */
  readonly registrationTimeout: Duration;
  /** How long a promised slot waits to be taken. */
  readonly slotTimeout: Duration;
  readonly cancellationTimeout: Duration;
  /** Of each slot; undefined: no budget. */
  readonly heapBudgetBytes: number | undefined;
  /** Of each slot: for its channels, and what it brings to the rings between the slots. */
  readonly network: {
    readonly channelBytes: number;
    readonly ringBytes: number;
    readonly segmentBytes: number;
  };
  /** Told to the ResourceManager, for those who ask it. */
  readonly description: TaskManagerDescription;
  /** Workers to start ahead of need. */
  readonly spareWorkers: number;
  /** Told whenever a ResourceManager has taken it. */
  readonly onRegistered?: (() => void) | undefined;
  /** What this process shows to those who look after it. */
  readonly files?: ProcessFiles | undefined;
  /** What is measured of the whole process. */
  readonly measureProcess?: (() => readonly MetricValue[]) | undefined;
  /** Takes what jobs print to whom no client is attached; without it that is dropped. */
  readonly print?: Print | undefined;
  /** Whether the log takes what user code writes on the standard streams; else the process does. */
  readonly logsOutput?: boolean | undefined;
  /** Brings submitted code here; without it jobs can only be files of this machine. */
  readonly code?: JobCode | undefined;
  readonly onFatal: FatalErrorHandler;
}

interface Slot {
  readonly index: number;
  state: TaskSlotState;
  link: JobLink | undefined;
  worker: HostedWorker | undefined;
  /** Who waits for the worker's end. */
  waiters: (() => void)[];
  timer: Disposable | undefined;
}

export class TaskExecutor {
  readonly #options: TaskExecutorOptions;
  readonly #main: MainThread;
  readonly #endpoint: RpcEndpoint;
  readonly #slots: Slot[] = [];
  #slotsNumber = 0;
  /** By the token of the JobMaster. */
  readonly #links = new Map<string, JobLink>();
  readonly #resourceManager: ResourceManagerLink;
  readonly #spares: SpareWorkers;
  readonly #doorbells: SharedRegion;
  readonly #peers: SlotPeers;
  readonly #output: DetachedOutput | undefined;

  constructor(options: TaskExecutorOptions) {
    const { env, rpc, taskExecutorId, heapBudgetBytes } = options;
    this.#options = options;
    const heapLimit = heapBudgetBytes && heapLimitMegabytes(heapBudgetBytes);
    this.#spares = new SpareWorkers(env.workers, heapLimit, options.spareWorkers);
    this.#doorbells = env.memory.allocate(SLOTS_MAX * DOORBELL_BYTES);
    this.#peers = new SlotPeers(env.memory, this.#doorbells);
    this.#output = options.print && new DetachedOutput(options.print, env.log);
    this.#main = new MainThread(`${TASK_EXECUTOR} ${taskExecutorId}`, env.clock, options.onFatal);
    this.#slotsNumber = options.slots;
    this.#addSlots(options.slots);
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
      ...{ main: this.#main, rpc, taskExecutorId, log: env.log },
      address: options.resourceManagerAddress,
      heartbeat: options.heartbeat,
      registrationTimeout: options.registrationTimeout,
      description: () => this.#describe(),
      report: () => this.#report(),
      onRegistered: options.onRegistered,
    });
  }

  /** Of the default size, if all are of it. */
  get slotCount(): number {
    return this.#slotsNumber;
  }

  /** Workers that live, spares left out. */
  get workerCount(): number {
    return this.#slots.filter(({ worker }) => worker !== undefined).length;
  }

  /** More slots, for a TaskExecutor that is to give a job what it needs. */
  addSlots(count: number): void {
    this.#main.run(() => {
      this.#slotsNumber += count;
      this.#addSlots(count);
      this.#resourceManager.reportSlots();
    });
  }

  /** Ends all workers; resolves when nothing is left. Works after a fatal error too. */
  async close(): Promise<void> {
    this.#options.rpc.unregister(this.#endpoint);
    for (const link of this.#links.values()) link[Symbol.dispose]();
    this.#resourceManager[Symbol.dispose]();
    const workers = this.#slots.flatMap(({ worker }) => (worker === undefined ? [] : [worker]));
    for (const worker of workers) worker.kill();
    await Promise.all([this.#spares.close(), ...workers.map(({ exited }) => exited)]);
    this.#main.close();
  }

  #addSlots(count: number): void {
    assert(
      this.#slots.length + count <= SLOTS_MAX,
      `a TaskExecutor has at most ${SLOTS_MAX} slots`,
    );
    for (let i = 0; i < count; i++) {
      this.#slots.push({
        index: this.#slots.length,
        state: { kind: 'free' },
        link: undefined,
        worker: undefined,
        waiters: [],
        timer: undefined,
      });
    }
  }

  #report(): SlotReport {
    return this.#slots.map(({ state, worker }) =>
      state.kind === 'free' ? undefined : { ...state.allocation, tasks: worker?.taskCount ?? 0 },
    );
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
        return { slots: this.#report() };
      },
      heartbeatFromJobMaster: ({ allocationIds }, { token }) => {
        const link = this.#links.get(token)!;
        link.sign();
        return this.#reconcile(link, allocationIds);
      },
      prepareSlot: (request, { token }) => this.#prepareSlot(request, token),
      deployTasks: (request, { token }) => {
        this.#deployTasks(request, token);
        return {};
      },
      stopSlot: (request, { token }) => this.#stopSlot(request, token),
      freeSlot: ({ allocationId }, { token }) => {
        const slot = this.#find(allocationId, token);
        if (slot !== undefined) {
          this.#step(slot, { kind: 'free', allocationId, worker: slot.worker !== undefined });
        }
        return {};
      },
      requestMetrics: async () => ({ scopes: await this.metrics() }),
      requestFiles: async () => {
        const { files } = this.#options;
        return { files: (await files?.list()) ?? [], logName: files?.logName };
      },
      requestFile: async ({ name, offset }) => ({
        piece: await this.#options.files?.read(name, offset),
      }),
      requestThreads: async () => ({ threads: await this.#threads() }),
      commit: ({ executionId, ...which }, { token }) =>
        this.#workerOf(which, token)?.post({ kind: 'commit', executionId }),
      sourceEvent: ({ executionId, operator, event, ...which }, { token }) =>
        this.#workerOf(which, token)?.post({ kind: 'source-event', executionId, operator, event }),
      clientChanged: ({ attached }, { token }) => {
        this.#links.get(token)!.clientAttached = attached;
      },
      clientAcknowledge: ({ executionId, operator, bytes, ...which }, { token }) =>
        this.#workerOf(which, token)?.post({
          kind: 'client-acknowledge',
          executionId,
          operator,
          bytes,
        }),
    };
  }

  /** Everything measured in this process. Slots that do not answer in time are left out. */
  async metrics(): Promise<readonly ScopedMetrics[]> {
    const { host, taskExecutorId: taskManagerId, measureProcess } = this.#options;
    const scope = { kind: 'taskmanager', host, taskManagerId } as const;
    const slots = await Promise.all(
      this.#slots.flatMap(({ worker }) => worker?.requestMetrics(METRICS_TIMEOUT) ?? []),
    );
    const metrics = [...(measureProcess?.() ?? []), ...networkStatus(this.#networkUse())];
    return [{ scope, metrics }, ...slots.flat()];
  }

  async #threads(): Promise<readonly ThreadInfo[]> {
    const slots = this.#slots.flatMap(({ worker }) => worker?.describeThread() ?? []);
    return [{ name: 'main', info: '"main" RUNNABLE\n' }, ...(await Promise.all(slots))];
  }

  #networkUse(): NetworkUse {
    const { channelBytes, ringBytes, segmentBytes } = this.#options.network;
    const ofWorkers = this.#slots.reduce((sum, { worker }) => sum + (worker?.networkBytes ?? 0), 0);
    return {
      totalBytes: (channelBytes + ringBytes) * this.#slotsNumber,
      usedBytes: ofWorkers + this.#peers.usedBytes,
      segmentBytes,
    };
  }

  #requestSlot({ slot: index, allocationId, resource, jobMaster }: SlotRequest): void {
    const { taskExecutorId: taskExecutor } = this.#options;
    if (index >= this.#slots.length && resource !== undefined && index < SLOTS_MAX) {
      this.#addSlots(index + 1 - this.#slots.length);
    }
    const slot = this.#slots[index];
    if (slot === undefined) throw new EngineError('SLOT_OCCUPIED', { slot: index, taskExecutor });
    // Y4
    if (slot.state.kind === 'free') requireRoom(this.#describe(), this.#slots, resource);
    const allocation = { allocationId, jobId: jobMaster.jobId, resource };
    if (!this.#step(slot, { kind: 'request', allocation })) {
      throw new EngineError('SLOT_OCCUPIED', { slot: index, taskExecutor });
    }
    if (slot.link !== undefined) return;
    slot.link = this.#linkTo(jobMaster);
    this.#offer(slot.link);
  }

  async #prepareSlot(request: PrepareSlot, token: string): Promise<{ readonly dataPort: number }> {
    const { allocationId, generation } = request;
    const slot = this.#find(allocationId, token);
    const lease = slot?.link?.lease;
    if (slot === undefined || lease === undefined) throw this.#notAllocated(allocationId);
    // The first call may overtake the answer to the offer.
    this.#step(slot, { kind: 'accepted', allocationId });
    if (slot.state.kind !== 'active') throw this.#notAllocated(allocationId);
    if (slot.worker !== undefined && slot.worker.generation !== generation) {
      const { taskExecutorId: taskExecutor } = this.#options;
      throw new EngineError('SLOT_OCCUPIED', { slot: slot.index, taskExecutor });
    }
    slot.worker ??= this.#startWorker(slot, request, lease);
    return { dataPort: await slot.worker.prepared };
  }

  #deployTasks({ generation, slots }: DeployTasks, token: string): void {
    const deployed = slots.map(({ allocationId, tasks }) => {
      const worker = this.#workerOf({ allocationId, generation }, token);
      if (worker === undefined) throw this.#notAllocated(allocationId);
      return { worker, tasks };
    });
    const { taskExecutorId, network } = this.#options;
    this.#peers.join(taskExecutorId, deployed, network.ringBytes * this.#slots.length);
    for (const { worker, tasks } of deployed) worker.deploy(tasks);
  }

  #stopSlot({ allocationId, generation }: SlotGeneration, token: string): Promise<{}> | {} {
    const slot = this.#find(allocationId, token);
    const worker = slot?.worker;
    if (slot === undefined || worker === undefined || worker.generation !== generation) return {};
    const stopped = new Promise<{}>((resolve) => slot.waiters.push(() => resolve({})));
    worker.stop();
    return stopped;
  }

  /** A slot that its JobMaster has taken and does not know any more would be nobody's. */
  #reconcile(link: JobLink, allocationIds: readonly string[]): ExecutionReport {
    const executionIds: string[] = [];
    for (const slot of this.#slots) {
      const { state, worker } = slot;
      if (slot.link !== link || state.kind === 'free') continue;
      const { allocationId, jobId } = state.allocation;
      if (state.kind === 'active' && !allocationIds.includes(allocationId)) {
        const text = 'freeing a slot that its job does not know any more';
        this.#options.env.log.write('warn', text, { jobId, allocationId });
        this.#step(slot, { kind: 'free', allocationId, worker: worker !== undefined });
      } else executionIds.push(...(worker?.executionIds ?? []));
    }
    return { executionIds };
  }

  /** Y1. */
  #find(allocationId: string, token: string): Slot | undefined {
    return this.#slots.find(
      ({ state, link }) =>
        state.kind !== 'free' &&
        state.allocation.allocationId === allocationId &&
        link?.token === token,
    );
  }

  #workerOf({ allocationId, generation }: SlotGeneration, token: string): HostedWorker | undefined {
    const worker = this.#find(allocationId, token)?.worker;
    return worker?.generation === generation ? worker : undefined;
  }

  #notAllocated(allocationId: string): EngineError {
    const { taskExecutorId: taskExecutor } = this.#options;
    return new EngineError('SLOT_NOT_ALLOCATED', { allocationId, taskExecutor });
  }

  // --------------------------------------------------------------------------------------- slots

  /** False when the machine refuses. */
  #step(slot: Slot, event: TaskSlotEvent): boolean {
    this.#main.assertInside();
    const before = slot.state;
    const [state, effects] = stepTaskSlot(before, event, this.#main.now());
    slot.state = state;
    if (state.kind === 'allocated' && state !== before) this.#armTimeout(slot);
    let refused = false;
    for (const effect of effects) {
      if (effect.kind === 'refuse') refused = true;
      else if (effect.kind === 'stop-worker') slot.worker?.stop();
      else this.#freed(slot, effect.allocation.allocationId);
    }
    return !refused;
  }

  #armTimeout(slot: Slot): void {
    const { slotTimeout: timeout } = this.#options;
    slot.timer?.[Symbol.dispose]();
    slot.timer = this.#main.after(timeout, () =>
      this.#step(slot, { kind: 'tick', timeout, worker: slot.worker !== undefined }),
    );
  }

  #freed(slot: Slot, allocationId: string): void {
    assert(slot.worker === undefined, 'T2: a slot with a worker was freed');
    const { link } = slot;
    slot.link = undefined;
    slot.timer?.[Symbol.dispose]();
    this.#resourceManager.slotFreed(slot.index, allocationId);
    if (link === undefined || this.#slots.some((other) => other.link === link)) return;
    this.#links.delete(link.token);
    link[Symbol.dispose]();
    this.#options.code?.release(link.token);
  }

  // ----------------------------------------------------------------------------------- JobMasters

  #linkTo(jobMaster: JobMasterRegistration): JobLink {
    const known = this.#links.get(jobMaster.token);
    if (known !== undefined) return known;
    const { env, rpc, taskExecutorId, host, heartbeat } = this.#options;
    const link: JobLink = new JobLink({
      ...{ env, rpc, taskExecutorId, host, heartbeat, jobMaster },
      main: this.#main,
      onRegistered: () => this.#offer(link),
      onLost: (reason) => this.#jobMasterLost(link, reason),
      onDismissed: () => this.#jobMasterGone(link),
    });
    this.#links.set(jobMaster.token, link);
    return link;
  }

  #offer(link: JobLink): void {
    const { gateway } = link;
    if (gateway === undefined) return;
    const offers = this.#slots.flatMap(({ index, state, link: of }) =>
      of === link && state.kind === 'allocated' ? [{ ...state.allocation, slot: index }] : [],
    );
    if (offers.length === 0) return;
    this.#main.follow(
      gateway.offerSlots({ offers }),
      ({ accepted, rejected }) => {
        if (link.gateway !== gateway) return;
        for (const slot of this.#slots) {
          if (slot.state.kind === 'free') continue;
          const { allocationId } = slot.state.allocation;
          if (accepted.includes(allocationId)) this.#step(slot, { kind: 'accepted', allocationId });
          if (rejected.includes(allocationId)) this.#step(slot, { kind: 'rejected', allocationId });
        }
      },
      // The slot time-out gives back what no JobMaster takes.
      (error) =>
        this.#options.env.log.write('warn', `slots could not be offered: ${error.message}`),
    );
  }

  /** O1. */
  #jobMasterLost(link: JobLink, reason: EngineError): void {
    const { jobId } = link.jobMaster;
    this.#options.env.log.write('warn', `lost the master of a job: ${reason.message}`, { jobId });
    for (const slot of this.#slots) {
      if (slot.link !== link || slot.state.kind === 'free') continue;
      const { allocationId } = slot.state.allocation;
      this.#step(slot, { kind: 'job-lost', allocationId });
      slot.worker?.stop();
    }
    this.#registerAgain(link);
  }

  /** O3. What was promised to it is free for the next master of the job. */
  #jobMasterGone(link: JobLink): void {
    for (const slot of this.#slots) {
      if (slot.link !== link || slot.state.kind === 'free') continue;
      const { allocationId } = slot.state.allocation;
      this.#step(slot, { kind: 'free', allocationId, worker: slot.worker !== undefined });
    }
  }

  #registerAgain(link: JobLink): void {
    const busy = this.#slots.some(({ link: of, worker }) => of === link && worker !== undefined);
    if (!busy && this.#links.has(link.token)) link.registerAgain();
  }

  // -------------------------------------------------------------------------------------- workers

  #startWorker(slot: Slot, request: PrepareSlot, lease: SharedRegion): HostedWorker {
    const { taskExecutorId, host, bindHost, dataPort, tls } = this.#options;
    const { env, network, cancellationTimeout, code, logsOutput = false } = this.#options;
    const ownHeap = resourceOf(slot.state)?.taskHeapBytes;
    const heapBudgetBytes = ownHeap ?? this.#options.heapBudgetBytes;
    const { generation, allocationId, preparation } = request;
    const { link } = slot;
    assert(link?.gateway !== undefined, 'Y2: a worker starts while its JobMaster is there');
    const { moduleUrl } = preparation.job;
    const holder = { owner: link.token, address: link.jobMaster.address };
    const worker: HostedWorker = new HostedWorker({
      ...{ main: this.#main, env, logsOutput },
      worker: this.#spares.take(
        `slot ${slot.index} of ${preparation.job.jobId}`,
        ownHeap && heapLimitMegabytes(ownHeap),
      ),
      preparation: {
        ...preparation,
        location: { taskExecutorId, slot: slot.index, generation, host },
        bind: { host: bindHost, port: dataPort === 0 ? 0 : dataPort + slot.index },
        tls,
        heapBudgetBytes,
        networkBytes: network.channelBytes,
        segmentBytes: network.segmentBytes,
      },
      moduleUrl: code?.resolve(moduleUrl, holder) ?? moduleUrl,
      lease,
      doorbells: this.#doorbells,
      cancellationTimeout,
      terminationTimeout: seconds(30),
      onMessage: (message) => this.#forwardOrFail(link, worker, message),
      onGone: (error) => this.#workerGone(slot, worker, { allocationId, generation }, error),
      onStuck: (error) => this.#main.fatal(error),
    });
    return worker;
  }

  /** Y5. */
  #forwardOrFail(link: JobLink, worker: HostedWorker, message: FromSlot): void {
    try {
      this.#forward(link, worker, message);
    } catch (thrown) {
      if (!isEngineError(thrown, 'RPC_FRAME_TOO_LARGE')) throw thrown;
      const { taskExecutorId: taskExecutor } = this.#options;
      const what = { what: message.kind, reason: thrown.message };
      const where = { slot: worker.slot, taskExecutor };
      worker.fail(new EngineError('SLOT_MESSAGE_TOO_LARGE', { ...where, ...what }));
    }
  }

  /** Y3: after a loss the gateway is undefined until all workers of the job are gone. */
  #forward(link: JobLink, worker: HostedWorker, message: FromSlot): void {
    const { gateway } = link;
    if (gateway === undefined) return;
    switch (message.kind) {
      case 'task-state':
        return gateway.taskState(message);
      case 'ready-to-commit':
        return gateway.readyToCommit(message);
      case 'source-event':
        return gateway.sourceEvent(message);
      case 'client-message':
        if (link.clientAttached || this.#output === undefined) gateway.clientMessage(message);
        else this.#output.take(message, worker);
        return;
      case 'metrics':
        return gateway.metrics(message);
      case 'prepared':
      case 'prepare-failed':
      case 'metrics-answer':
        assert(false, 'H2: the worker itself takes what was asked of it');
    }
  }

  #workerGone(
    slot: Slot,
    worker: HostedWorker,
    which: SlotGeneration,
    error: EngineError | undefined,
  ): void {
    assert(slot.worker === worker, 'H1: a slot has one worker at a time');
    slot.worker = undefined;
    const { link } = slot;
    this.#peers.gone(worker, error?.message ?? 'it was stopped');
    for (const waiter of slot.waiters.splice(0)) waiter();
    if (error !== undefined) link?.gateway?.slotStopped({ ...which, error: error.toData() });
    this.#step(slot, { kind: 'worker-gone' });
    if (link !== undefined && link.gateway === undefined) this.#registerAgain(link);
  }
}
