/**
 * What runs in the thread of a task slot: loads the job, wires the tasks it is given, runs them,
 * and reports to the TaskExecutor. A slot worker serves one generation of one job and is then
 * ended.
 *
 * Invariants
 * V1. `prepare` comes first and once, `deploy` at most once, after `prepared`.
 * V2. Every task deployed reports exactly one terminal state.
 * V3. Nothing is committed while the lease has lapsed, and nothing at all once it was revoked.
 */
import { assert } from '../../base/assert.ts';
import { EngineError, toEngineError } from '../../base/errors.ts';
import { milliseconds, seconds } from '../../base/units.ts';
import { Configuration } from '../../config/configuration.ts';
import { NetworkOptions } from '../../config/options/network-options.ts';
import { SinkOptions } from '../../config/options/sink-options.ts';
import { PipelineOptions } from '../../config/options/pipeline-options.ts';
import { ProfileOptions } from '../../config/options/profile-options.ts';
import type { SharedRegion, WorkerContext } from '../../env/env.ts';
import { encodeProfileNotice } from '../../functions/client-message.ts';
import type { CompiledJob, JobVertex } from '../../graph/job-graph.ts';
import { findJob } from '../../graph/job-module.ts';
import { Doorbell, doorbellWord } from '../../network/doorbell.ts';
import { FLUSH_WHEN_FULL } from '../../network/flush-round.ts';
import { NetworkMemory } from '../../network/network-memory.ts';
import { isLeaseHeld, isLeaseRevoked } from '../../protocol/lease.ts';
import { decodeToSlot, encodeSlotMessage } from '../../protocol/slot-codec.ts';
import type { FromSlot, TaskMetrics, ToSlot } from '../../protocol/slot-messages.ts';
import type {
  CommitRestore,
  SlotPreparation,
  TaskDeployment,
} from '../../protocol/task-deployment.ts';
import { FileSystems } from '../../storage/file-systems.ts';
import { hadFinished } from './checkpoint/checkpoint-wiring.ts';
import { notifyTask } from './checkpoint/notify-task.ts';
import { beginCopies, slotCheckpoints } from './checkpoint/slot-checkpoints.ts';
import type { LocalCopies } from '../../storage/local-copies.ts';
import { ClientMessages } from './client-messages.ts';
import { CommitOnlyTasks } from './commit-only-tasks.ts';
import { commitPrepared } from './commit-prepared.ts';
import { PeerLinks } from './peer-links.ts';
import { SlotLoop } from './slot-loop.ts';
import { SlotMetrics } from './slot-metrics.ts';
import { SlotProfile } from './slot-profile.ts';
import type { WiredTask } from './task-wiring.ts';
import { TaskWiring } from './task-wiring.ts';

const METRICS_INTERVAL = seconds(1);
const HEAP_CHECK_INTERVAL = milliseconds(100);
/** The counter of every operator that drops late records. */
const LATE_DROPPED = 'numLateRecordsDropped';
const LEASE_RETRY = milliseconds(50);

/** The entry point of a slot's worker. */
export function slotWorker(context: WorkerContext): void {
  const worker = new SlotWorker(context);
  context.port.receive((bytes, regions) => worker.receive(decodeToSlot(bytes), regions));
}

class SlotWorker {
  readonly #context: WorkerContext;
  /** Its log says from the preparation on for whom this thread works. */
  #env: WorkerContext['env'];
  readonly #client: ClientMessages;
  readonly #tasks = new Map<string, WiredTask>();
  readonly #commits = new CommitOnlyTasks({
    underLease: (effect) => this.#underLease(effect),
    ended: (executionId, state, error) =>
      this.#send({ kind: 'task-state', executionId, state, error, accumulators: [] }),
  });
  #preparation: SlotPreparation | undefined;
  #lease: SharedRegion | undefined;
  #job: CompiledJob | undefined;
  #fileSystems: FileSystems | undefined;
  #loop: SlotLoop | undefined;
  #links: PeerLinks | undefined;
  #memory: NetworkMemory | undefined;
  #metrics: SlotMetrics | undefined;
  #profile: SlotProfile | undefined;
  #live = 0;
  #copies: LocalCopies | undefined;

  constructor(context: WorkerContext) {
    this.#context = context;
    this.#env = context.env;
    this.#client = new ClientMessages((message) => this.#send(message));
  }

  receive(message: ToSlot, regions: readonly SharedRegion[]): void {
    switch (message.kind) {
      case 'prepare':
        this.#prepare(message.preparation, regions);
        return;
      case 'attach-peer':
        this.#links!.attach(message.slot, message.generation, regions[0]!, regions[1]!);
        return;
      case 'detach-peer':
        this.#links!.detach(message.slot, message.generation, message.reason);
        return;
      case 'deploy':
        this.#deploy(message.tasks);
        return;
      case 'cancel':
        this.#commits.cancel();
        for (const { task } of this.#tasks.values()) task.cancel();
        this.#loop?.wake();
        return;
      case 'source-event':
        this.#sourceEvent(message);
        return;
      case 'commit':
        this.#underLease(() => this.#tasks.get(message.executionId)?.task.commit());
        return;
      case 'trigger-checkpoint': {
        const { executionId, kind: _kind, ...trigger } = message;
        this.#tasks.get(executionId)?.task.trigger({ kind: 'barrier', ...trigger });
        return;
      }
      case 'notify-checkpoint':
        for (const wired of this.#tasks.values()) notifyTask(wired, message);
        if (message.outcome === 'aborted') this.#copies?.aborted(message.checkpointId);
        else this.#copies?.completed(message.latestComplete);
        return;
      case 'request-metrics':
        this.#send({
          kind: 'metrics-answer',
          scopes: this.#metrics?.read() ?? [],
          networkBytes: this.#memory?.usedBytes ?? 0,
        });
        return;
      case 'client-acknowledge':
        this.#client.acknowledge(message.executionId, message.operator, message.bytes);
    }
  }

  // ------------------------------------------------------------------------------------- prepare

  #prepare(preparation: SlotPreparation, regions: readonly SharedRegion[]): void {
    assert(this.#preparation === undefined, 'V1: a slot is prepared once');
    this.#preparation = preparation;
    this.#introduce(preparation);
    const [lease, doorbells] = regions;
    assert(
      lease !== undefined && doorbells !== undefined,
      'V1: prepare brings lease and doorbells',
    );
    this.#lease = lease;
    const env = this.#env;
    const doorbell = new Doorbell(doorbells, doorbellWord(preparation.location.slot));
    this.#loop = new SlotLoop({ clock: env.clock, doorbell });
    const { tls } = preparation;
    const network = tls === undefined ? env.network : env.securedNetwork(tls);
    this.#links = new PeerLinks({
      env: { ...env, network },
      jobId: preparation.job.jobId,
      dataKey: preparation.dataKey,
      location: preparation.location,
      doorbells,
      loop: this.#loop,
      lost: (error) => this.#peerLost(error),
    });
    this.#load(preparation).then(
      (dataPort) => this.#send({ kind: 'prepared', dataPort }),
      (thrown: unknown) =>
        this.#send({ kind: 'prepare-failed', error: toEngineError(thrown).toData() }),
    );
  }

  /** A thread that was started ahead has a name that says nothing. */
  #introduce({ job, location, tellsOutput }: SlotPreparation): void {
    const { taskExecutorId: taskManager, slot } = location;
    const fields = { worker: undefined, jobId: job.jobId, taskManager, slot };
    this.#env = { ...this.#env, log: this.#env.log.with(fields) };
    if (tellsOutput !== true) return;
    this.#context.takeOutput((stream, text) => {
      const wired = this.#running();
      const executionId = wired?.deployment.executionId;
      const operators = wired === undefined ? [] : this.#vertexOf(wired).operators;
      const operator = operators.length === 1 ? operators[0]!.name : undefined;
      this.#send({ kind: 'output', stream, text, executionId, operator });
    });
  }

  /** Whose code runs, as far as one can tell: what goes on between steps may be of any task. */
  #running(): WiredTask | undefined {
    const all = [...this.#tasks.values()];
    const current = this.#loop?.current;
    return all.length === 1 ? all[0] : all.find(({ task }) => task === current);
  }

  #vertexOf({ deployment }: WiredTask): JobVertex {
    return this.#job!.graph.vertices.find(({ id }) => id === deployment.vertex)!;
  }

  /** Builds the job, compares it with what was submitted, and listens if peers will connect. */
  async #load(preparation: SlotPreparation): Promise<number> {
    const { job, fingerprint, listen, bind, location } = preparation;
    const module = await this.#env.modules.load(job.moduleUrl);
    const definition = findJob(module, job.exportName, job.file ?? job.moduleUrl);
    const compiled = definition.compile({
      parameters: job.parameters,
      configuration: job.configuration,
    });
    if (compiled.graph.fingerprint !== fingerprint) {
      throw new EngineError('JOB_FINGERPRINT_MISMATCH', {
        where: `Slot ${location.slot} of ${location.taskExecutorId}`,
        actual: compiled.graph.fingerprint,
        expected: fingerprint,
      });
    }
    this.#job = compiled;
    this.#env = { ...this.#env, log: this.#env.log.with({ job: compiled.graph.name }) };
    return listen ? this.#links!.listen(bind) : 0;
  }

  // -------------------------------------------------------------------------------------- deploy

  #deploy(deployments: readonly TaskDeployment[]): void {
    const job = this.#job!;
    assert(this.#tasks.size === 0, 'V1: tasks are deployed once');
    const { host, taskExecutorId } = this.#preparation!.location;
    const { jobId } = this.#preparation!.job;
    const scope = { host, taskManagerId: taskExecutorId, jobId, jobName: job.graph.name };
    this.#metrics = new SlotMetrics(scope);
    const fresh = deployments.filter(({ restore }) => restore?.kind !== 'commit');
    for (const deployment of deployments) {
      const { restore } = deployment;
      if (restore?.kind === 'commit') this.#commitOnly(deployment, restore);
    }
    const wiring = this.#wiring(job, fresh);
    try {
      wiring.reserve(fresh);
    } catch (thrown) {
      const error = toEngineError(thrown).toData();
      for (const deployment of fresh) this.#send({ ...stateOf(deployment, 'FAILED'), error });
      return;
    }
    const wired = wiring.wire(fresh);
    for (const each of wired) {
      this.#tasks.set(each.deployment.executionId, each);
      this.#measure(each);
    }
    this.#live = wired.length;
    if (wired.length > 0) this.#profile = this.#beginProfile(job, wired[0]!);
    this.#loop!.setTasks(wired.map(({ task }) => task));
    for (const each of wired) this.#start(each);
    this.#links!.connect();
    this.#reportMetrics();
    this.#watchHeap();
  }

  #wiring(job: CompiledJob, deployments: readonly TaskDeployment[]): TaskWiring {
    const env = this.#env;
    const configuration = this.#configuration();
    const { location, networkBytes, segmentBytes } = this.#preparation!;
    const memory = new NetworkMemory({
      ...{ capacityBytes: networkBytes, segmentBytes },
      where: `Slot ${location.slot} of ${location.taskExecutorId}`,
    });
    this.#memory = memory;
    return new TaskWiring({
      job,
      clock: env.clock,
      disk: env.disk,
      random: env.random,
      log: env.log,
      verify: configuration.get(PipelineOptions.exchangeVerify),
      autoWatermarkInterval: configuration.get(PipelineOptions.autoWatermarkInterval),
      memory,
      flushTimeout: flushTimeoutOf(configuration),
      isHere: (location) => this.#links!.isHere(location),
      isInProcess: ({ taskExecutorId }) => taskExecutorId === location.taskExecutorId,
      linkTo: (location, reads) => this.#links!.linkTo(location, reads),
      listenerOf: (deployment) => this.#listenerOf(deployment),
      sourceWiring: (deployment, operator, pressure, task) => ({
        env,
        pressure,
        requestSplit: () => this.#fromReader(deployment, operator, { kind: 'split-request' }),
        sendToEnumerator: (payload) =>
          this.#fromReader(deployment, operator, { kind: 'user', payload }),
        reportWatermark: (watermark) =>
          this.#fromReader(deployment, operator, { kind: 'watermark', watermark }),
        available: () => task().sourceAvailable(),
      }),
      sinkWiring: (deployment, operator) => this.#sinkWiring(deployment, operator),
      checkpoints: this.#checkpointsOf(deployments),
    });
  }

  #checkpointsOf(deployments: readonly TaskDeployment[]): ReturnType<typeof slotCheckpoints> {
    const checkpoints = slotCheckpoints(this.#env, this.#preparation!, {
      fileSystems: this.#fileSystemsOfJob(),
      background: this.#loop!.background,
      answer: (message) => this.#send(message),
    });
    this.#copies = checkpoints?.copies;
    if (this.#copies !== undefined) beginCopies(this.#copies, deployments);
    return checkpoints;
  }

  /** One for checkpoints and sinks: it has the connections to object stores. */
  #fileSystemsOfJob(): FileSystems {
    const options = this.#preparation!.checkpointing?.fileSystems ?? {};
    this.#fileSystems ??= FileSystems.create(this.#env, options);
    return this.#fileSystems;
  }

  /** Of the job. */
  #configuration(): Configuration {
    return Configuration.parse(this.#job!.graph.configuration);
  }

  #start(wired: WiredTask): void {
    const { task, deployment } = wired;
    this.#send(stateOf(deployment, 'INITIALIZING'));
    task.start().catch((thrown: unknown) => task.fail(thrown));
  }

  #listenerOf(deployment: TaskDeployment): import('./task-options.ts').TaskListener {
    const { executionId } = deployment;
    return {
      running: () => {
        this.#send(stateOf(deployment, 'RUNNING'));
        this.#copies?.tellRestored();
        const source = this.#tasks.get(executionId)!.task.source;
        // One that had read everything asks for nothing.
        if (source === undefined || hadFinished(deployment)) return;
        const vertex = this.#job!.graph.vertices.find(({ id }) => id === deployment.vertex)!;
        this.#fromReader(deployment, vertex.operators[0]!.id, { kind: 'reader-registered' });
      },
      readyToCommit: () => {
        const { sinks, metrics } = this.#tasks.get(executionId)!;
        const accumulators = metrics.flatMap((each) => each.accumulators());
        const committables = sinks.map(({ operator, sink }) => ({
          operator,
          committables: sink.uncommitted,
        }));
        this.#send({ kind: 'ready-to-commit', executionId, committables, accumulators });
      },
      ended: (state, error) => {
        const { metrics } = this.#tasks.get(executionId)!;
        this.#sendMetrics();
        const accumulators = metrics.flatMap((each) => each.accumulators());
        const end = { executionId, state, error: error?.toData(), accumulators };
        this.#live -= 1;
        const profile = this.#live === 0 ? this.#profile : undefined;
        const tell = (): void => this.#send({ kind: 'task-state', ...end });
        if (profile === undefined) tell();
        else profile.end().then(tell, tell);
      },
      wake: () => this.#loop!.wake(),
    };
  }

  /**
   * After the decision to commit a restarted task only completes what its earlier attempt had
   * prepared.
   */
  #commitOnly(deployment: TaskDeployment, restore: CommitRestore): void {
    const work = (): Promise<void> =>
      commitPrepared({
        ...{ job: this.#job!, deployment, log: this.#env.log },
        wiringOf: (operator) => this.#sinkWiring(deployment, operator),
        sinks: restore.committables.map(({ operator, committables }) => ({
          operator,
          committables: [{ checkpointId: undefined, committables }],
        })),
      });
    this.#commits.add(deployment.executionId, work);
  }

  /** V3. A lapsed lease may come back; a revoked one never: the tasks have been replaced. */
  #underLease(effect: () => void): void {
    const { clock } = this.#env;
    const lease = this.#lease!;
    if (isLeaseHeld(lease, clock.monotonic())) effect();
    else if (!isLeaseRevoked(lease)) clock.after(LEASE_RETRY, () => this.#underLease(effect));
  }

  // --------------------------------------------------------------------------- sources and sinks

  #sourceEvent(message: Extract<ToSlot, { kind: 'source-event' }>): void {
    const wired = this.#tasks.get(message.executionId);
    const source = wired?.task.source;
    if (wired === undefined || source === undefined) return;
    const { event } = message;
    wired.task.sourceMail(() => {
      if (event.kind === 'splits') source.addSplits(event.splits);
      else if (event.kind === 'no-more-splits') source.noMoreSplits();
      else if (event.kind === 'watermark-limit') source.alignTo(event.limit);
      else source.handleEvent(event.payload);
      wired.task.sourceAvailable();
    });
  }

  #fromReader(
    deployment: TaskDeployment,
    operator: string,
    event: Extract<FromSlot, { kind: 'source-event' }>['event'],
  ): void {
    this.#send({ kind: 'source-event', executionId: deployment.executionId, operator, event });
  }

  #sinkWiring(
    deployment: TaskDeployment,
    id: string,
  ): import('../../operators/sink-operator.ts').SinkWiring {
    const vertex = this.#job!.graph.vertices.find((each) => each.id === deployment.vertex)!;
    const operator = vertex.operators.find((each) => each.id === id)!;
    return {
      env: this.#env,
      jobId: this.#preparation!.job.jobId,
      operatorId: id,
      fileSystem: (uri) => this.#fileSystemsOfJob().of(uri),
      sendToClient: (payload) => this.#client.send(deployment.executionId, operator, payload),
      underLease: (effect) => this.#underLease(effect),
      commitRetries: this.#configuration().get(SinkOptions.committerRetries),
    };
  }

  // ------------------------------------------------------------------------------------- reports

  #beginProfile(job: CompiledJob, { deployment }: WiredTask): SlotProfile | undefined {
    const configuration = this.#configuration();
    if (!configuration.get(ProfileOptions.enabled)) return undefined;
    const { location, profileFolder = '.' } = this.#preparation!;
    const { operators } = job.graph.vertices.find(({ id }) => id === deployment.vertex)!;
    return new SlotProfile({
      ...{ env: this.#env, location },
      folder: configuration.get(ProfileOptions.directory) ?? profileFolder,
      duration: configuration.get(ProfileOptions.duration),
      jobId: this.#preparation!.job.jobId,
      jobName: job.graph.name,
      tell: (notice) =>
        void this.#client.send(deployment.executionId, operators[0]!, encodeProfileNotice(notice)),
    });
  }

  #reportMetrics(): void {
    this.#env.clock.after(METRICS_INTERVAL, () => {
      this.#sendMetrics();
      this.#reportMetrics();
    });
  }

  #sendMetrics(): void {
    const tasks = this.#metrics!.tick(this.#env.clock.monotonic());
    this.#send({ kind: 'metrics', tasks });
  }

  #measure({ deployment, metrics, ...wired }: WiredTask): void {
    const vertex = this.#job!.graph.vertices.find(({ id }) => id === deployment.vertex)!;
    this.#metrics!.add({
      attempt: deployment.attempt - 1,
      taskName: vertex.name,
      operators: metrics,
      recordsOf: (place) => wired.task.recordsOf(place),
      read: () => taskMetrics({ deployment, metrics, ...wired }),
    });
  }

  #watchHeap(): void {
    const budget = this.#preparation!.heapBudgetBytes;
    if (budget === undefined) return;
    const env = this.#env;
    env.clock.after(HEAP_CHECK_INTERVAL, () => {
      if (env.memory.heapUsed() > budget) this.#overBudget(budget);
      this.#watchHeap();
    });
  }

  /** What counts is what lives: V8 lets garbage lie until it has grown by a part of that. */
  #overBudget(budget: number): void {
    const { memory } = this.#env;
    memory.collectGarbage();
    const used = memory.heapUsed();
    if (used > budget) this.#failAll(used, budget);
  }

  #failAll(used: number, budget: number): void {
    const { slot, taskExecutorId } = this.#preparation!.location;
    const megabytes = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MiB`;
    const error = new EngineError('SLOT_OUT_OF_MEMORY', {
      slot,
      taskExecutor: taskExecutorId,
      used: megabytes(used),
      limit: megabytes(budget),
    });
    for (const { task } of this.#tasks.values()) task.fail(error);
  }

  /**
   * Fails what is still running: its channels to the peer can neither end nor be told apart any
   * more.
   */
  #peerLost(error: EngineError): void {
    for (const { task } of this.#tasks.values()) {
      if (task.phase === 'running' || task.phase === 'finishing') task.fail(error);
    }
  }

  #send(message: FromSlot): void {
    this.#context.port.post(encodeSlotMessage(message));
  }
}

/** In milliseconds; see flush-round.ts. */
function flushTimeoutOf(configuration: Configuration): number {
  const interval = configuration.get(NetworkOptions.bufferTimeout);
  const isEnabled = configuration.get(NetworkOptions.bufferTimeoutEnabled);
  return isEnabled && interval >= 0 ? interval : FLUSH_WHEN_FULL;
}

function taskMetrics(wired: WiredTask): TaskMetrics {
  const { deployment, task, metrics, needsEventTime, channels } = wired;
  const exchange = channels.read();
  return {
    executionId: deployment.executionId,
    vertex: deployment.vertex,
    subtask: deployment.subtask,
    recordsIn: task.recordsIn,
    recordsOut: task.recordsOut,
    bytesIn: exchange.bytesInLocal + exchange.bytesInRemote,
    bytesOut: channels.bytesOut,
    ...task.times.read(),
    watermark: Number.isFinite(task.watermark) ? task.watermark : undefined,
    waitsFor: task.waitsFor,
    needsEventTime,
    accumulators: metrics.flatMap((each) => each.accumulators()),
    lateRecordsDropped: metrics.reduce((sum, each) => sum + each.registry.countOf(LATE_DROPPED), 0),
    exchange,
  };
}

function stateOf(
  { executionId }: TaskDeployment,
  state: Extract<FromSlot, { kind: 'task-state' }>['state'],
): Extract<FromSlot, { kind: 'task-state' }> {
  return { kind: 'task-state', executionId, state, error: undefined, accumulators: [] };
}
