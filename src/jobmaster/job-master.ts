/**
 * The master of one job: has it built, gets slots for it, deploys its tasks, and follows it to its
 * end. What it decides stands in the pure machine of scheduling/job-machine.ts; here its effects
 * meet the world. B1, B2 and B5 are kept by its parts: job-run.ts, job-gateway.ts,
 * commit-decision.ts.
 *
 * B3. `result` resolves once, when the job has reached a terminal status.
 * B4. A job that an earlier master has had starts when no lease of that one's tasks can hold.
 */
import { assert } from '../base/assert.ts';
import { cutText } from '../base/cut-text.ts';
import { EngineError, isEngineError, toEngineError } from '../base/errors.ts';
import { milliseconds } from '../base/units.ts';
import type { Duration } from '../base/units.ts';
import { Configuration } from '../config/configuration.ts';
import { ClusterOptions } from '../config/options/cluster-options.ts';
import { CheckpointingOptions, RecoveryOptions } from '../config/options/checkpointing-options.ts';
import { TaskManagerOptions } from '../config/options/task-manager-options.ts';
import { RestartStrategyOptions } from '../config/options/restart-strategy-options.ts';
import type { Env } from '../env/env.ts';
import type { JobGraph } from '../graph/job-graph.ts';
import type { CheckpointRequest } from '../checkpoint/coordinator-state.ts';
import type {
  JobMasterLocation,
  JobSubmission,
  SavepointTrigger,
  TakenCheckpoint,
} from '../protocol/dispatcher-service.ts';
import { jobMasterEndpoint, jobMasterService } from '../protocol/job-master-service.ts';
import type { ExecutionGraphInfo, JobSummary } from '../protocol/execution-graph-info.ts';
import type { JobDetails, JobResult } from '../protocol/job-report.ts';
import type { JobCode } from '../protocol/job-code.ts';
import { profileKey } from '../protocol/resource-profile.ts';
import { isTerminal } from '../protocol/job-status.ts';
import type { CommitDecision, StoredJob } from '../protocol/stored-job.ts';
import type { HeartbeatOptions } from '../rpc/heartbeat.ts';
import { MainThread } from '../rpc/main-thread.ts';
import type { FatalErrorHandler } from '../rpc/main-thread.ts';
import type { RpcConnection } from '../rpc/rpc-connection.ts';
import type { RpcEndpoint } from '../rpc/rpc-endpoint.ts';
import type { RpcService } from '../rpc/rpc-service.ts';
import { plannedJob } from '../scheduling/job-machine.ts';
import type { JobEffect } from '../scheduling/job-state.ts';
import { restartStrategyOf } from '../scheduling/restart-strategy.ts';
import { checkpointConfigOf, restoreSettingsOf } from '../checkpoint/checkpoint-config.ts';
import type { CheckpointConfig } from '../checkpoint/checkpoint-config.ts';
import { onCancelOf } from '../checkpoint/checkpoints-stay.ts';
import type { RestoreSettings } from '../protocol/checkpoint.ts';
import type { CheckpointPointers } from '../protocol/stored-checkpoints.ts';
import { fileSystemOptions, FileSystems } from '../storage/file-systems.ts';
import { CheckpointPlace } from './checkpoint-place.ts';
import type { CheckpointPlaceOptions } from './checkpoint-place.ts';
import { CheckpointSenders } from './checkpoint-senders.ts';
import { JobCheckpoints } from './job-checkpoints.ts';
import { findStart, graphFrom, requireEnded } from './job-start.ts';
import { ClientChannel } from './client-channel.ts';
import { StoredDecision } from './commit-decision.ts';
import { cleanUpEnded, settleUnopened } from './ended-checkpoints.ts';
import { executionGraphInfo, jobSummary, sumAccumulators } from './describe-job.ts';
import type { JobView } from './describe-job.ts';
import { BUILD_TIMEOUT, JobCoordinator } from './job-coordinator.ts';
import { JobDeployment } from './job-deployment.ts';
import { JobGateway } from './job-gateway.ts';
import { JobOpening } from './job-opening.ts';
import type { JobParts } from './job-gateway.ts';
import { planJob, requirementsOf } from './job-plan.ts';
import type { JobPlan } from './job-plan.ts';
import { JobRun } from './job-run.ts';
import { JobSlots } from './job-slots.ts';
import { RequirementLink } from './requirement-link.ts';

const DATA_KEY_BYTES = 32;
/** A path of any system, or a URI. */
const ABSOLUTE = /^(?:[/\\]|[A-Za-z][A-Za-z0-9+.-]*:)/;

export interface JobMasterOptions {
  readonly env: Pick<Env, 'clock' | 'random' | 'workers' | 'log' | 'disk'>;
  readonly rpc: RpcService;
  /** Under which TaskExecutors and clients reach it, wherever it listens. */
  readonly address: string;
  readonly submission: JobSubmission;
  /** The connection of the client that submitted the job, if it stays attached. */
  readonly client: RpcConnection | undefined;
  /** Of the cluster; the job's own stands above it. */
  readonly configuration: Configuration;
  readonly heartbeat: HeartbeatOptions;
  readonly resourceManagerAddress: string;
  /** An earlier master has had the job, and perhaps has decided to commit. */
  readonly recovered?: Pick<StoredJob, 'decision' | 'masters' | 'name'> | undefined;
  /** Stores the decision to commit, so that a later master knows it. */
  readonly storeDecision: (decision: CommitDecision) => Promise<void>;
  /** Which checkpoints are complete, for a later master. */
  readonly pointers: CheckpointPointers;
  /** Where checkpoints lie for which nobody names a place; undefined: in memory. */
  readonly checkpointFolder?: string | undefined;
  /** Where submitted code is; without it jobs can only be files of this machine. */
  readonly code?: JobCode | undefined;
  /** Whether the cluster has a job of that id that has not ended. */
  readonly runs: (jobId: string) => boolean;
  readonly onFatal: FatalErrorHandler;
}

/** A job that knows what it goes on from. */
interface PlannedJob {
  readonly plan: JobPlan;
  readonly checkpoints: JobCheckpoints;
}

export class JobMaster {
  readonly location: JobMasterLocation;
  /** Resolves when the job is built and starts; rejects when it cannot be built. */
  readonly built: Promise<void>;
  readonly result: Promise<JobResult>;
  readonly #options: JobMasterOptions;
  readonly #main: MainThread;
  readonly #endpoint: RpcEndpoint;
  readonly #coordinator: JobCoordinator;
  readonly #client: ClientChannel;
  readonly #resourceManager: RequirementLink;
  readonly #slots: JobSlots;
  readonly #run: JobRun;
  readonly #gateway: JobGateway;
  readonly #decision: StoredDecision;
  readonly #building = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<JobResult>();
  readonly #dataKey: Uint8Array;
  #configuration: Configuration;
  /** There is one as soon as there is a plan. */
  #deployment: JobDeployment | undefined;
  #checkpoints: JobCheckpoints | undefined;
  /** There may be something in the folder of its checkpoints. */
  #isPlaced = false;
  #opening: JobOpening | undefined;
  readonly #startedAt: Duration;

  constructor(options: JobMasterOptions) {
    const { env, rpc, submission, configuration, heartbeat } = options;
    const { job } = submission;
    const { jobId } = job;
    this.#options = options;
    this.#configuration = configuration.with(job.configuration);
    this.built = this.#building.promise;
    this.result = this.#ended.promise;
    // Who submitted the job hears of it by `result` in any case.
    this.built.catch(() => undefined);
    this.#main = new MainThread(`master of job ${jobId}`, env.clock, options.onFatal);
    this.#startedAt = this.#main.now();
    this.#run = new JobRun({
      ...{ main: this.#main, env, configuration: this.#configuration },
      execute: (effect) => this.#execute(effect),
      onStep: () => this.#checkpoints?.observe(),
    });
    this.#decision = new StoredDecision({
      ...{ main: this.#main, run: this.#run, store: options.storeDecision },
    });
    this.#gateway = new JobGateway(() => this.#parts());
    const endpoint = jobMasterEndpoint(jobId);
    const token = env.random.uuid();
    this.#dataKey = env.random.bytes(DATA_KEY_BYTES);
    this.location = { jobId, address: options.address, endpoint, token };
    this.#client = new ClientChannel({
      ...{ jobId, main: this.#main, log: env.log },
      acknowledge: (executionId, operator, bytes) =>
        this.#deployment?.acknowledge(executionId, operator, bytes),
      onChanged: (attached) => this.#slots.clientChanged(attached),
    });
    this.#endpoint = rpc.register({
      name: endpoint,
      service: jobMasterService,
      main: this.#main,
      fence: (given) => given === token,
      handlers: this.#gateway.handlers(),
    });
    this.#resourceManager = new RequirementLink({
      ...{ main: this.#main, rpc, log: env.log, heartbeat, jobMaster: this.location },
      address: options.resourceManagerAddress,
    });
    this.#slots = new JobSlots({
      ...{ main: this.#main, token, heartbeat },
      idleTimeout: this.#configuration.get(ClusterOptions.slotIdleTimeout),
      requestTimeout: this.#configuration.get(ClusterOptions.slotRequestTimeout),
      leaseDuration: this.#configuration.get(TaskManagerOptions.leaseDuration),
      feed: (event) => this.#run.feed(event),
      onTimedOut: (error) => this.#slotsTimedOut(error),
      declare: (needs) =>
        this.#resourceManager.declare(this.#run.plan ? requirementsOf(this.#run.plan, needs) : []),
      profileOf: (slot) => profileKey(this.#run.plan?.resourceOf[slot]),
      available: () => this.#gateway.missing.available,
      running: (slots) => this.#deployment?.running(slots) ?? [],
      onMissing: ({ taskExecutorId }, ids) => this.#deployment?.lost(taskExecutorId, ids),
    });
    if (options.client !== undefined) this.#client.attach(options.client, token);
    this.#coordinator = this.#coordinate();
  }

  details(): JobDetails {
    const state = this.#run.state;
    const { jobId } = this.location;
    const name = this.#run.plan?.graph.jobGraph.name ?? this.#callName;
    return {
      ...{ jobId, name, status: state.status },
      generation: this.#run.generation,
      runtimeMillis: this.#run.history.runtimeMillis(this.#main.now()),
      waitingFor: this.#waitingFor(),
      vertices: this.#run.history.vertices(
        this.#run.plan,
        state,
        this.#run.metrics,
        this.#main.now(),
      ),
      failures: this.#run.history.failuresInShort,
      failingCheckpoints: this.#checkpoints?.failing,
    };
  }

  info(): ExecutionGraphInfo {
    return executionGraphInfo(this.#view());
  }

  summary(): JobSummary {
    return jobSummary(this.#view());
  }

  cancel(): void {
    this.#main.run(() => this.#run.feed({ kind: 'cancel' }));
  }

  /** @throws EngineError CHECKPOINT_*, SAVEPOINT_* */
  async triggerSavepoint(trigger: SavepointTrigger): Promise<TakenCheckpoint> {
    const { directory: given, format = 'canonical', stop } = trigger;
    const { savepointDirectory } = this.#checkpointConfig();
    const directory = given ?? savepointDirectory;
    if (directory === undefined) throw new EngineError('SAVEPOINT_DIRECTORY_UNSET', {});
    this.#requireAbsolute(CheckpointingOptions.savepointDirectory.key, directory);
    return this.#request({ full: true, savepoint: { directory, format, stop } });
  }

  /** @throws EngineError CHECKPOINT_* */
  async triggerCheckpoint(full: boolean): Promise<TakenCheckpoint> {
    return this.#request({ full, savepoint: undefined });
  }

  /** Where jobs come from other machines, nobody means the working folder of the JobManager. */
  #requireAbsolute(key: string, value: string | undefined): void {
    const isLocal = this.#options.code === undefined;
    if (isLocal || value === undefined || ABSOLUTE.test(value)) return;
    const expected =
      'an absolute path or a URI: every process of a cluster has a working folder of its own';
    throw new EngineError('CONFIG_INVALID_VALUE', { key, value, expected });
  }

  #request(wanted: Omit<CheckpointRequest, 'requestId'>): Promise<TakenCheckpoint> {
    const { promise, resolve, reject } = Promise.withResolvers<TakenCheckpoint>();
    this.#main.run(() => {
      const checkpoints = this.#checkpoints;
      if (checkpoints === undefined) reject(new EngineError('CHECKPOINT_TASKS_NOT_RUNNING', {}));
      else checkpoints.request(wanted).then(resolve, reject);
    });
    return promise;
  }

  /** @see JobMasterHandle */
  async settle(): Promise<void> {
    const { status, failure } = this.#run.state;
    assert(isTerminal(status), 'B3: the job has not ended');
    if (this.#checkpoints !== undefined) return this.#checkpoints.settle(status, failure);
    const { recovered, pointers } = this.#options;
    if (recovered === undefined && !this.#isPlaced) return;
    await this.#opening?.whenIdle();
    await settleUnopened({ pointers, masters: recovered?.masters ?? 1 }, status);
  }

  /** @see JobMasterHandle */
  async cleanUp(): Promise<void> {
    const { env, recovered } = this.#options;
    if (this.#checkpoints !== undefined) return this.#checkpoints.cleanUp();
    // It has not come so far as to know them.
    if (recovered === undefined && !this.#isPlaced) return;
    // As B4: its tasks may write until then.
    if (recovered !== undefined) await this.#leasesAreOver();
    try {
      const options = this.#placeOptions();
      await cleanUpEnded({ ...options, directory: () => this.#checkpointConfig().directory });
    } catch (thrown) {
      if (isEngineError(thrown, 'HA_SUPERSEDED')) throw thrown;
      const { message } = toEngineError(thrown);
      const { jobId } = this.location;
      env.log.write('warn', `checkpoints of the job may stay: ${message}`, { jobId });
    }
  }

  /** Resolves when nothing of it is left. A job that has not ended is given up. */
  async close(): Promise<void> {
    this.#options.rpc.unregister(this.#endpoint);
    this.#resourceManager[Symbol.dispose]();
    this.#slots.close();
    await this.#coordinator.close();
    this.#main.close();
  }

  #parts(): JobParts {
    return {
      main: this.#main,
      location: this.location,
      run: this.#run,
      checkpoints: this.#checkpoints,
      slots: this.#slots,
      client: this.#client,
      coordinator: this.#coordinator,
      resourceManager: this.#resourceManager,
      leaseDuration: this.#configuration.get(TaskManagerOptions.leaseDuration),
    };
  }

  #view(): JobView {
    return {
      jobId: this.location.jobId,
      callName: this.#callName,
      state: this.#run.state,
      plan: this.#run.plan,
      history: this.#run.history,
      configuration: this.#configuration,
      submitted: this.#options.submission.job.configuration,
      accumulators: this.#run.accumulators.flat(),
      waitingFor: this.#waitingFor(),
      checkpoints: this.#checkpoints?.statistics(),
    };
  }

  /** Until it is built: the name that an earlier master knew, or its file. */
  get #callName(): string {
    const { submission, recovered } = this.#options;
    return recovered?.name ?? submission.job.file ?? this.location.jobId;
  }

  #waitingFor(): string | undefined {
    const storage = this.#opening?.waitsFor;
    if (storage !== undefined) return `its checkpoints: ${storage.message}`;
    const requested = this.#run.state.slots.filter((phase) => phase === 'requested').length;
    if (requested === 0) return undefined;
    const missing = this.#gateway.missing.slots;
    const rest = missing === 0 ? 'the rest is on its way' : `no TaskManager has ${missing} more`;
    const { assignedCount: has } = this.#slots;
    return `slots: has ${has} of ${has + requested}, ${rest}`;
  }

  // ------------------------------------------------------------------------------------ the build

  #coordinate(): JobCoordinator {
    const { env, submission, code } = this.#options;
    const { job } = submission;
    const { jobId, address } = this.location;
    return new JobCoordinator({
      main: this.#main,
      workers: env.workers,
      job,
      moduleUrl: code?.resolve(job.moduleUrl, { owner: jobId, address }) ?? job.moduleUrl,
      buildTimeout: BUILD_TIMEOUT,
      withStates: (submission.restore ?? restoreSettingsOf(this.#configuration)) !== undefined,
      wasBuilt: this.#options.recovered !== undefined,
      onBuilt: (graph) => this.#begin(graph),
      onBuildFailed: (error) => this.#run.feed({ kind: 'failure', error }),
      onBuildLost: (error, pause) => {
        const text = `the job is built again in ${pause / 1000} s: ${error.message}`;
        env.log.write('warn', text, { jobId });
        this.#run.waits(error);
      },
      onReaderEvent: (event) => this.#deployment?.toReader(event),
      onSourcesSnapshot: (answer) => this.#checkpoints?.sourcesSnapshot(answer),
      onSourceFailed: (epoch, error) => this.#run.feed({ kind: 'sources-failed', epoch, error }),
      onDied: (error) =>
        this.#run.feed({ kind: 'sources-failed', epoch: this.#run.state.sourcesEpoch, error }),
    });
  }

  #begin(built: JobGraph): void {
    if (isTerminal(this.#run.state.status)) return;
    const expected = this.#options.submission.graph;
    if (expected !== undefined && expected.fingerprint !== built.fingerprint) {
      const parameters = { where: 'The JobManager', actual: built.fingerprint };
      const error = new EngineError('JOB_FINGERPRINT_MISMATCH', {
        ...parameters,
        expected: expected.fingerprint,
      });
      this.#run.feed({ kind: 'failure', error });
      return;
    }
    this.#configuration = this.#options.configuration.with(built.configuration);
    const restore = this.#options.submission.restore ?? restoreSettingsOf(this.#configuration);
    const run = this.#run;
    let opened: PlannedJob | undefined;
    this.#opening = new JobOpening({
      ...{ main: this.#main, log: this.#options.env.log, jobId: this.location.jobId },
      isRecovered: this.#options.recovered !== undefined,
      open: async () => {
        opened = await this.#planned(built, restore);
      },
      isOver: () => isTerminal(run.state.status),
      onOpened: () => this.#beginWith(opened!.plan, opened!.checkpoints),
      onWaiting: (error) => run.waits(error),
      onFailed: (error) => run.feed({ kind: 'failure', error }),
    });
  }

  /** What the job goes on from comes first: it decides on key groups, and may refuse the job. */
  async #planned(built: JobGraph, restore: RestoreSettings | undefined): Promise<PlannedJob> {
    const { env, submission } = this.#options;
    const { jobId } = submission.job;
    const config = this.#checkpointConfig();
    this.#requireAbsolute(CheckpointingOptions.directory.key, config.directory);
    this.#requireAbsolute(RecoveryOptions.path.key, restore?.path);
    const options = this.#placeOptions();
    const { fileSystems } = options;
    const onCancel = onCancelOf(config.retention);
    const place = new CheckpointPlace({ ...options, directory: config.directory, onCancel });
    this.#isPlaced = true;
    const start = await findStart(place, restore);
    requireEnded(start, jobId, this.#options.runs);
    const graph = await graphFrom(start, built, { fileSystems, log: env.log.with({ jobId }) });
    const plan = planJob(graph, this.#configuration.get(RestartStrategyOptions.failoverStrategy));
    const main = this.#main;
    const run = this.#run;
    const senders = new CheckpointSenders({
      ...{ plan, run, slots: this.#slots, coordinator: this.#coordinator },
    });
    const historyLimit = this.#configuration.get(CheckpointingOptions.history);
    const checkpoints = new JobCheckpoints({
      ...{ main, env, jobId, run, plan, config, place, senders, historyLimit },
    });
    await checkpoints.open(start);
    return { plan, checkpoints };
  }

  /** @throws EngineError CONFIG_* */
  #checkpointConfig(): CheckpointConfig {
    return checkpointConfigOf(this.#configuration, this.#options.checkpointFolder);
  }

  #placeOptions(): Omit<CheckpointPlaceOptions, 'directory'> {
    const { env, submission, recovered, pointers } = this.#options;
    const fileSystems = FileSystems.create(env, fileSystemOptions(this.#configuration.toRecord()));
    const masters = recovered?.masters ?? 1;
    const { log, clock } = env;
    return { jobId: submission.job.jobId, pointers, log, clock, fileSystems, masters };
  }

  #beginWith(plan: JobPlan, checkpoints: JobCheckpoints): void {
    if (isTerminal(this.#run.state.status)) return;
    this.#checkpoints = checkpoints;
    this.#deployment = new JobDeployment({
      ...{ main: this.#main, slots: this.#slots, run: this.#run, plan },
      ...{ job: this.#options.submission.job, dataKey: this.#dataKey },
      checkpointing: checkpoints.ofSlot(fileSystemOptions(this.#configuration.toRecord())),
      restoreOf: (execution) => checkpoints.restoreOf(execution),
      whenSettled: (then) => checkpoints.whenSettled(then),
    });
    const built = plan.graph.jobGraph;
    const slotOf = plan.executions.map(({ slot }) => slot);
    const { regionOf } = plan;
    const { masters = 1 } = this.#options.recovered ?? {};
    const state = plannedJob({ slotOf, regionOf, masters }, restartStrategyOf(this.#configuration));
    this.#run.planned(plan, state);
    this.#building.resolve();
    this.#run.feed({ kind: 'created' });
    if (this.#options.recovered === undefined) this.#run.feed({ kind: 'start' });
    else this.#resume(built, this.#options.recovered.decision);
  }

  /** B4. What the tasks of an earlier master may still do is over with their leases. */
  #resume({ fingerprint }: JobGraph, decision: CommitDecision | undefined): void {
    if (decision !== undefined) {
      if (decision.fingerprint !== fingerprint) {
        const where = 'The JobManager, started again after the decision to commit,';
        const expected = decision.fingerprint;
        const parameters = { where, actual: fingerprint, expected };
        const error = new EngineError('JOB_FINGERPRINT_MISMATCH', parameters);
        this.#run.feed({ kind: 'failure', error });
        return;
      }
      this.#decision.recovered(decision);
    }
    this.#main.after(this.#restOfLeases(), () => this.#run.feed({ kind: 'start', decision }));
  }

  /** Until no lease of a task of an earlier master can hold. */
  #restOfLeases(): Duration {
    const lease = this.#configuration.get(TaskManagerOptions.leaseDuration);
    return milliseconds(Math.max(this.#startedAt + lease - this.#main.now(), 0));
  }

  #leasesAreOver(): Promise<void> {
    const { clock } = this.#options.env;
    return new Promise((resolve) => void clock.after(this.#restOfLeases(), () => resolve()));
  }

  // --------------------------------------------------------------------------------- the machines

  #execute(effect: JobEffect): void {
    switch (effect.kind) {
      case 'request-slot':
        return this.#slots.request(effect.slot);
      case 'prepare-slots':
        return this.#prepare(effect);
      case 'deploy':
        if (!effect.commitOnly) return this.#deployment!.deploy(effect);
        return this.#decision.whenStored(effect.region, () => this.#deployment!.deploy(effect));
      case 'stop-slot':
        return this.#deployment!.stop(effect);
      case 'release-slot':
        return this.#slots.release(effect.slot);
      case 'await-lease':
        return this.#slots.awaitLease(effect.slot, effect.generation);
      case 'start-sources':
        return this.#coordinator.startSources(effect.epoch, this.#checkpoints?.restoredSources());
      case 'attach-readers':
        return this.#attachReaders(effect.generation, effect.executions);
      case 'close-sources':
        return this.#coordinator.closeSources();
      case 'commit':
        return this.#decision.whenStored(this.#run.regionOf(effect.execution), () =>
          this.#deployment!.commit(effect),
        );
      case 'await-delay': {
        const { region, generation } = effect;
        const over = { kind: 'delay-over', region, generation } as const;
        this.#main.after(effect.delay, () => this.#run.feed(over));
        return;
      }
      case 'status':
        return this.#noteStatus(effect);
      case 'ended':
        return this.#end();
    }
  }

  /** Fails the regions that wait; the others have what they need. */
  #slotsTimedOut(error: EngineError): void {
    for (const [region, { slots, generation }] of this.#run.state.regions.entries()) {
      if (!slots.some((slot) => this.#run.state.slots[slot] === 'requested')) continue;
      this.#run.feed({ kind: 'region-failed', region, generation, error });
    }
  }

  #noteStatus({ from, to }: Extract<JobEffect, { kind: 'status' }>): void {
    const { failure } = this.#run.state;
    const level = to === 'FAILING' || to === 'RESTARTING' || to === 'FAILED' ? 'warn' : 'info';
    const because =
      level === 'warn' && failure !== undefined ? `: ${cutText(failure.message, 2048)}` : '';
    const { jobId } = this.location;
    this.#options.env.log.write(level, `job ${from} -> ${to}${because}`, { jobId });
  }

  // ---------------------------------------------------------------------------------- the effects

  #prepare(effect: Extract<JobEffect, { kind: 'prepare-slots' }>): void {
    const { generation, slots } = effect;
    for (const [index, { slot }] of this.#run.plan!.executions.entries()) {
      if (!slots.includes(slot) || this.#run.state.executions[index]!.state !== 'SCHEDULED')
        continue;
      this.#run.metrics.beginAttempt(index, generation, this.#main.now());
      if (this.#run.state.status !== 'COMMITTING') this.#run.accumulators[index] = [];
    }
    this.#deployment!.prepare(effect);
  }

  #attachReaders(generation: number, executions: readonly number[]): void {
    const readers = executions.flatMap((index) => {
      const { vertex, subtask } = this.#run.plan!.executions[index]!;
      return vertex.operators.flatMap(({ id: operator, kind }) =>
        kind === 'source' ? [{ operator, subtask }] : [],
      );
    });
    if (readers.length === 0) return;
    const restoredCheckpoint = this.#checkpoints?.restoredCheckpoint ?? 0;
    this.#coordinator.attachReaders({ generation, restoredCheckpoint, readers });
  }

  #end(): void {
    const { status, failure } = this.#run.state;
    assert(isTerminal(status), 'B3: the job has not ended');
    this.#checkpoints?.ended(status);
    const error = status === 'FAILED' ? failure : undefined;
    this.#ended.resolve({
      jobId: this.location.jobId,
      status,
      error: error?.toData(),
      accumulators: sumAccumulators(this.#run.accumulators.flat()),
      runtimeMillis: this.#run.history.runtimeMillis(this.#main.now()),
    });
    this.#building.reject(error ?? new EngineError('JOB_CANCELED', { jobId: this.location.jobId }));
    this.#slots.end();
  }
}
