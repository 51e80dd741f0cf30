/**
 * The workers in the slots of a TaskExecutor: started when a job prepares a slot, given their
 * tasks, stopped, and heard.
 *
 * Y2. A worker is started only while the link to its JobMaster stands, with the lease of that link.
 * Y3. What a worker says goes to the JobMaster whose link stood when it was started, or nowhere.
 * Y5. A worker that says more than can be told is ended; the process and its other slots go on.
 */
import { assert } from '../base/assert.ts';
import { EngineError, isEngineError } from '../base/errors.ts';
import { seconds } from '../base/units.ts';
import type { Duration } from '../base/units.ts';
import { Configuration } from '../config/configuration.ts';
import { TaskManagerOptions } from '../config/options/task-manager-options.ts';
import { heapLimitMegabytes } from '../config/slot-heap.ts';
import type { Env, SharedRegion, TlsIdentity } from '../env/env.ts';
import { DOORBELL_BYTES } from '../network/doorbell.ts';
import type { ScopedMetrics } from '../metrics/metric.ts';
import type { JobCode } from '../protocol/job-code.ts';
import type { ThreadInfo } from '../protocol/process-files.ts';
import type { ProfiledThread } from '../protocol/profiling.ts';
import type { FromSlot } from '../protocol/slot-messages.ts';
import type { JobReference } from '../protocol/task-deployment.ts';
import type {
  DeployTasks,
  PrepareSlot,
  SlotGeneration,
} from '../protocol/task-executor-service.ts';
import type { MainThread } from '../rpc/main-thread.ts';
import { DetachedOutput } from './detached-output.ts';
import type { Print } from './detached-output.ts';
import { HostedWorker } from './hosted-worker.ts';
import type { JobLink } from './job-link.ts';
import type { LocalState } from './local-state.ts';
import { resourceOf } from './slot-room.ts';
import { SlotPeers } from './slot-peers.ts';
import { SLOTS_MAX } from './slot-table.ts';
import type { SlotTable, TableSlot } from './slot-table.ts';
import { SpareWorkers } from './spare-workers.ts';
import { UserOutput } from './user-output.ts';

/** A slot that blocks must not hold up what the others say. */
const METRICS_TIMEOUT = seconds(1);

/** What the workers of a TaskExecutor are started with. */
export interface WorkerOptions {
  readonly taskExecutorId: string;
  /** Where other processes reach the data ports of its slots. */
  readonly host: string;
  /** Where the slots listen; slot N on the Nth port from `dataPort`, or on any if that is 0. */
  readonly bindHost: string;
  readonly dataPort: number;
  /** Who this process is to others; undefined where they do not speak TLS. */
  readonly tls?: TlsIdentity | undefined;
  readonly cancellationTimeout: Duration;
  /** Of each slot; undefined: no budget. */
  readonly heapBudgetBytes: number | undefined;
  /** Of each slot: for its channels, and what it brings to the rings between the slots. */
  readonly network: {
    readonly channelBytes: number;
    readonly ringBytes: number;
    readonly segmentBytes: number;
  };
  /** Where CPU profiles go, unless a job says where itself; undefined: the working folder. */
  readonly profileFolder?: string | undefined;
  /** Workers to start ahead of need. */
  readonly spareWorkers: number;
  /** Takes what jobs print to whom no client is attached; without it that is dropped. */
  readonly print?: Print | undefined;
  /** Whether the log takes what user code writes on the standard streams; else the process does. */
  readonly logsOutput?: boolean | undefined;
  /** Keeps the same text beside it; without it there is only the log. */
  readonly keepOutput?: ((text: string) => void) | undefined;
  /** Keeps copies of state; without it none are kept. */
  readonly localState?: LocalState | undefined;
  /** Brings submitted code here; without it jobs can only be files of this machine. */
  readonly code?: JobCode | undefined;
}

export interface SlotWorkersOptions {
  readonly env: Pick<Env, 'clock' | 'memory' | 'workers' | 'log'>;
  readonly main: MainThread;
  readonly slots: SlotTable;
  readonly options: WorkerOptions;
  /** The last worker of a link that is lost may have gone. */
  readonly onGone: (link: JobLink) => void;
  /** A slot listens for other processes. */
  readonly onListening: () => void;
}

export class SlotWorkers {
  readonly #parts: SlotWorkersOptions;
  readonly #spares: SpareWorkers;
  readonly #doorbells: SharedRegion;
  readonly #peers: SlotPeers;
  readonly #output: DetachedOutput | undefined;
  #closed = false;

  constructor(parts: SlotWorkersOptions) {
    const { env, options } = parts;
    const { heapBudgetBytes, print } = options;
    this.#parts = parts;
    const heapLimit = heapBudgetBytes && heapLimitMegabytes(heapBudgetBytes);
    this.#spares = new SpareWorkers(env, heapLimit, options.spareWorkers);
    this.#doorbells = env.memory.allocate(SLOTS_MAX * DOORBELL_BYTES);
    this.#peers = new SlotPeers(env.memory, this.#doorbells);
    this.#output = print && new DetachedOutput(print, env.log);
  }

  /** Of the channels of its tasks, and of the rings between the slots. */
  get networkBytes(): number {
    const { workers } = this.#parts.slots;
    return workers.reduce((sum, { networkBytes }) => sum + networkBytes, this.#peers.usedBytes);
  }

  /** A slot that is free will have its first worker at once. */
  warmUp(): void {
    if (this.#closed) return;
    if ([...this.#parts.slots].some(({ state }) => state.kind === 'free')) this.#spares.keepOne();
  }

  async prepare(request: PrepareSlot, token: string): Promise<{ readonly dataPort: number }> {
    const { slots, options } = this.#parts;
    const { allocationId, generation } = request;
    const slot = slots.find(allocationId, token);
    const lease = slot?.link?.lease;
    if (slot === undefined || lease === undefined) throw slots.notAllocated(allocationId);
    // The first call may overtake the answer to the offer.
    slots.step(slot, { kind: 'accepted', allocationId });
    if (slot.state.kind !== 'active') throw slots.notAllocated(allocationId);
    if (slot.worker !== undefined && slot.worker.generation !== generation) {
      const { taskExecutorId: taskExecutor } = options;
      throw new EngineError('SLOT_OCCUPIED', { slot: slot.index, taskExecutor });
    }
    slot.worker ??= this.#start(slot, request, lease);
    const port = await slot.worker.prepared;
    if (port !== 0) this.#parts.main.run(() => this.#parts.onListening());
    return { dataPort: port };
  }

  deploy({ generation, slots: tasksOfSlots }: Omit<DeployTasks, 'places'>, token: string): void {
    const { slots, options } = this.#parts;
    const deployed = tasksOfSlots.map(({ allocationId, tasks }) => {
      const worker = slots.workerOf({ allocationId, generation }, token);
      if (worker === undefined) throw slots.notAllocated(allocationId);
      return { worker, tasks };
    });
    this.#peers.join(options.taskExecutorId, deployed, options.network.ringBytes * slots.size);
    for (const { worker, tasks } of deployed) worker.deploy(tasks);
  }

  /** Resolves when the worker is gone; at once if there is none of this generation. */
  stop({ allocationId, generation }: SlotGeneration, token: string): Promise<{}> | {} {
    const slot = this.#parts.slots.find(allocationId, token);
    const worker = slot?.worker;
    if (slot === undefined || worker === undefined || worker.generation !== generation) return {};
    const isFirst = slot.waiters.length === 0;
    const stopped = new Promise<{}>((resolve) => slot.waiters.push(() => resolve({})));
    // In the middle of their work tasks are stopped to start again, or because they are cancelled.
    if (isFirst && worker.taskCount > 0 && resourceOf(slot.state) === undefined) {
      this.#spares.expect(`slot ${slot.index} again`);
    }
    worker.stop();
    return stopped;
  }

  /** Slots that do not answer in time are left out. */
  async metrics(): Promise<readonly ScopedMetrics[]> {
    const { workers } = this.#parts.slots;
    const slots = workers.map((worker) => worker.requestMetrics(METRICS_TIMEOUT));
    return (await Promise.all(slots)).flat();
  }

  async threads(): Promise<readonly ThreadInfo[]> {
    const { workers } = this.#parts.slots;
    return Promise.all(workers.map((worker) => worker.describeThread()));
  }

  /** Of each slot that works. */
  profiled(): readonly ProfiledThread[] {
    return this.#parts.slots.workers.map((worker) => ({
      name: worker.threadName,
      profile: (kind) => worker.profile(kind),
    }));
  }

  /** Resolves when no worker is left. */
  async close(): Promise<void> {
    this.#closed = true;
    const { workers } = this.#parts.slots;
    for (const worker of workers) worker.kill();
    await Promise.all([this.#spares.close(), ...workers.map(({ exited }) => exited)]);
  }

  #start(slot: TableSlot, request: PrepareSlot, lease: SharedRegion): HostedWorker {
    const { main, env, options } = this.#parts;
    const { taskExecutorId, host, bindHost, dataPort, tls } = options;
    const { network, code, logsOutput = false, profileFolder } = options;
    const own = resourceOf(slot.state);
    // Buffers beside V8's heap count, too: what a slot of the default size has is for both.
    const ownHeap = own && own.taskHeapBytes + own.taskOffHeapBytes;
    const heapBudgetBytes = ownHeap ?? options.heapBudgetBytes;
    const { generation, allocationId, preparation } = request;
    const { link } = slot;
    assert(link?.gateway !== undefined, 'Y2: a worker starts while its JobMaster is there');
    const { moduleUrl } = preparation.job;
    const holder = { owner: link.token, address: link.jobMaster.address };
    const worker: HostedWorker = new HostedWorker({
      ...{ main, env },
      output: logsOutput ? this.#outputOf(preparation.job, slot.index) : undefined,
      worker: this.#spares.take(
        `slot ${slot.index} of ${preparation.job.jobId}`,
        ownHeap && heapLimitMegabytes(ownHeap),
      ),
      preparation: {
        ...preparation,
        location: { taskExecutorId, slot: slot.index, generation, host },
        bind: { host: bindHost, port: dataPort === 0 ? 0 : dataPort + slot.index },
        ...{ tls, heapBudgetBytes, profileFolder, tellsOutput: logsOutput },
        networkBytes: network.channelBytes,
        segmentBytes: network.segmentBytes,
        localState: this.#localStateOf(slot.index, request),
      },
      moduleUrl: code?.resolve(moduleUrl, holder) ?? moduleUrl,
      lease,
      doorbells: this.#doorbells,
      cancellationTimeout: ownCancellationTimeout(preparation.job) ?? options.cancellationTimeout,
      terminationTimeout: seconds(30),
      onMessage: (message) => this.#forwardOrFail(link, worker, message),
      onGone: (error) => this.#gone(slot, worker, { allocationId, generation }, error),
      onStuck: (error) => main.fatal(error),
    });
    return worker;
  }

  #outputOf({ jobId }: JobReference, slot: number): UserOutput {
    const { env, options } = this.#parts;
    const log = env.log.with({ jobId, slot });
    return new UserOutput({ clock: env.clock, log, keep: options.keepOutput });
  }

  #localStateOf(slot: number, { allocationId, preparation }: PrepareSlot): string | undefined {
    const { checkpointing } = preparation;
    if (checkpointing === undefined || !(checkpointing.localBackup || checkpointing.fromLocal)) {
      return undefined;
    }
    return this.#parts.options.localState?.folderOf(allocationId, slot);
  }

  /** Y5. */
  #forwardOrFail(link: JobLink, worker: HostedWorker, message: FromSlot): void {
    try {
      this.#forward(link, worker, message);
    } catch (thrown) {
      if (!isEngineError(thrown, 'RPC_FRAME_TOO_LARGE')) throw thrown;
      const { taskExecutorId: taskExecutor } = this.#parts.options;
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
      case 'acknowledge-checkpoint':
        return gateway.acknowledgeCheckpoint(message);
      case 'decline-checkpoint':
        return gateway.declineCheckpoint(message);
      case 'source-event':
        return gateway.sourceEvent(message);
      case 'client-message':
        if (link.clientAttached || this.#output === undefined) gateway.clientMessage(message);
        else this.#output.take(message, worker);
        return;
      case 'metrics':
        return gateway.metrics(message);
      case 'output':
      case 'prepared':
      case 'prepare-failed':
      case 'metrics-answer':
        assert(false, 'H2: the worker itself takes what is meant for it');
    }
  }

  #gone(
    slot: TableSlot,
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
    this.#parts.slots.step(slot, { kind: 'worker-gone' });
    if (link !== undefined && link.gateway === undefined) this.#parts.onGone(link);
  }
}

/** What the job's submitter says goes before what its TaskExecutor is configured with. */
function ownCancellationTimeout({ configuration }: JobReference): Duration | undefined {
  const { cancellationTimeout: option } = TaskManagerOptions;
  const value = configuration[option.key];
  return value === undefined ? undefined : Configuration.parse({ [option.key]: value }).get(option);
}
