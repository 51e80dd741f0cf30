/**
 * The master of one job: has it built, gets slots for it, deploys its tasks, and follows it to its
 * end. What it decides stands in the pure machine of scheduling/job-machine.ts; here its effects
 * meet the world.
 *
 * B1. Events enter the machine one at a time, in the order in which they happened.
 * B2. Reports are taken only from connections on which a TaskExecutor is registered.
 * B3. `result` resolves once, when the job has reached a terminal status.
 * B4. A job that an earlier master has had starts when no lease of that one's tasks can hold.
 * B5. Nothing is committed before the decision is stored, whatever happens to this master then.
 */
import { assert } from '../base/assert.ts';
import { cutText } from '../base/cut-text.ts';
import { EngineError, toEngineError } from '../base/errors.ts';
import { milliseconds } from '../base/units.ts';
import type { Duration } from '../base/units.ts';
import { Configuration } from '../config/configuration.ts';
import { ClusterOptions } from '../config/options/cluster-options.ts';
import { TaskManagerOptions } from '../config/options/task-manager-options.ts';
import { RestartStrategyOptions } from '../config/options/restart-strategy-options.ts';
import type { Env } from '../env/env.ts';
import type { JobGraph } from '../graph/job-graph.ts';
import { JobMetrics } from '../metrics/job-metrics.ts';
import type { JobMasterLocation, JobSubmission } from '../protocol/dispatcher-service.ts';
import { jobMasterEndpoint, jobMasterService } from '../protocol/job-master-service.ts';
import type {
  CommitReadiness,
  EnumeratorEvent,
  JobMasterService,
  MissingSlots,
  SlotStopped,
  TaskStateReport,
} from '../protocol/job-master-service.ts';
import type { ExecutionGraphInfo, JobSummary } from '../protocol/execution-graph-info.ts';
import type { JobDetails, JobResult } from '../protocol/job-report.ts';
import type { JobCode } from '../protocol/job-code.ts';
import { profileKey } from '../protocol/resource-profile.ts';
import { isTerminal } from '../protocol/job-status.ts';
import type { Accumulator, TaskMetrics } from '../protocol/slot-messages.ts';
import type { CommitDecision, StoredJob } from '../protocol/stored-job.ts';
import type { HeartbeatOptions } from '../rpc/heartbeat.ts';
import { MainThread } from '../rpc/main-thread.ts';
import type { FatalErrorHandler } from '../rpc/main-thread.ts';
import type { RpcConnection } from '../rpc/rpc-connection.ts';
import type { Caller, Handlers, RpcEndpoint } from '../rpc/rpc-endpoint.ts';
import type { RpcService } from '../rpc/rpc-service.ts';
import { isTerminalExecution } from '../scheduling/execution-state.ts';
import { initialJob, plannedJob, stepJob } from '../scheduling/job-machine.ts';
import type { JobEffect, JobEvent, JobState } from '../scheduling/job-state.ts';
import { restartStrategyOf } from '../scheduling/restart-strategy.ts';
import type { CountsOfAttempt } from './attempt-history.ts';
import { ClientChannel } from './client-channel.ts';
import { executionGraphInfo, jobSummary, sumAccumulators } from './describe-job.ts';
import type { JobView } from './describe-job.ts';
import { BUILD_TIMEOUT, JobCoordinator } from './job-coordinator.ts';
import { JobDeployment } from './job-deployment.ts';
import { JobHistory } from './job-history.ts';
import type { Moment } from './job-history.ts';
import { executionIdOf, parseExecutionId, planJob, requirementsOf } from './job-plan.ts';
import type { JobPlan } from './job-plan.ts';
import { JobSlots } from './job-slots.ts';
import { RequirementLink } from './requirement-link.ts';
import type { TaskExecutorSession } from './task-executor-session.ts';

const DATA_KEY_BYTES = 32;

export interface JobMasterOptions {
  readonly env: Pick<Env, 'clock' | 'random' | 'workers' | 'log'>;
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
  readonly recovered?: Pick<StoredJob, 'decision' | 'masters'> | undefined;
  /** Stores the decision to commit, so that a later master knows it. */
  readonly storeDecision: (decision: CommitDecision) => Promise<void>;
  /** Where submitted code is; without it jobs can only be files of this machine. */
  readonly code?: JobCode | undefined;
  readonly onFatal: FatalErrorHandler;
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
  readonly #metrics = new JobMetrics<TaskMetrics>();
  readonly #history: JobHistory;
  readonly #slots: JobSlots;
  readonly #events: JobEvent[] = [];
  readonly #building = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<JobResult>();
  readonly #dataKey: Uint8Array;
  #configuration: Configuration;
  #state: JobState = initialJob();
  #plan: JobPlan | undefined;
  /** There is one as soon as there is a plan. */
  #deployment: JobDeployment | undefined;
  /** Of each execution, as reported at its end. */
  #accumulators: (readonly Accumulator[])[] = [];
  #missing: MissingSlots = { slots: 0, available: '' };
  /** Resolves when the decision to commit is stored. */
  #decision: Promise<void> | undefined;
  readonly #startedAt: Duration;
  #stepping = false;

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
    this.#history = new JobHistory(this.#moment(), this.#configuration);
    const endpoint = jobMasterEndpoint(jobId);
    const token = env.random.uuid();
    this.#dataKey = env.random.bytes(DATA_KEY_BYTES);
    this.location = { jobId, address: options.address, endpoint, token };
    this.#client = new ClientChannel({
      ...{ jobId, main: this.#main, log: env.log },
      acknowledge: (executionId, operator, bytes) =>
        this.#acknowledgeClientMessage(executionId, operator, bytes),
      onChanged: (attached) => this.#slots.clientChanged(attached),
    });
    this.#endpoint = rpc.register({
      name: endpoint,
      service: jobMasterService,
      main: this.#main,
      fence: (given) => given === token,
      handlers: this.#handlers(),
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
      feed: (event) => this.#feed(event),
      onTimedOut: (error) => this.#slotsTimedOut(error),
      declare: (needs) =>
        this.#resourceManager.declare(this.#plan ? requirementsOf(this.#plan, needs) : []),
      profileOf: (slot) => profileKey(this.#plan?.resourceOf[slot]),
      available: () => this.#missing.available,
      running: (slots) => this.#deployment?.running(slots) ?? [],
      onMissing: ({ taskExecutorId }, ids) => this.#deployment?.lost(taskExecutorId, ids),
    });
    if (options.client !== undefined) this.#client.attach(options.client, token);
    this.#coordinator = this.#coordinate();
  }

  details(): JobDetails {
    const state = this.#state;
    const { jobId } = this.location;
    const name = this.#plan?.graph.jobGraph.name ?? jobId;
    return {
      ...{ jobId, name, status: state.status },
      generation: this.#generation(),
      runtimeMillis: this.#history.runtimeMillis(this.#main.now()),
      waitingFor: this.#waitingFor(),
      vertices: this.#history.vertices(this.#plan, state, this.#metrics, this.#main.now()),
      failures: this.#history.failuresInShort,
    };
  }

  info(): ExecutionGraphInfo {
    return executionGraphInfo(this.#view());
  }

  summary(): JobSummary {
    return jobSummary(this.#view());
  }

  cancel(): void {
    this.#main.run(() => this.#feed({ kind: 'cancel' }));
  }

  /** Resolves when nothing of it is left. A job that has not ended is given up. */
  async close(): Promise<void> {
    this.#options.rpc.unregister(this.#endpoint);
    this.#resourceManager[Symbol.dispose]();
    this.#slots.close();
    await this.#coordinator.close();
    this.#main.close();
  }

  #moment(): Moment {
    return { now: this.#main.now(), wall: this.#options.env.clock.now() };
  }

  #view(): JobView {
    return {
      jobId: this.location.jobId,
      state: this.#state,
      plan: this.#plan,
      history: this.#history,
      configuration: this.#configuration,
      submitted: this.#options.submission.job.configuration,
      accumulators: this.#accumulators.flat(),
      waitingFor: this.#waitingFor(),
    };
  }

  #waitingFor(): string | undefined {
    const { slots } = this.#state;
    if (!slots.includes('requested')) return undefined;
    const missing = this.#missing.slots;
    const rest = missing === 0 ? 'the rest is on its way' : `no TaskManager has ${missing} more`;
    return `slots: has ${this.#slots.assignedCount} of ${slots.length}, ${rest}`;
  }

  // ------------------------------------------------------------------------------------ handlers

  #handlers(): Handlers<JobMasterService> {
    return {
      registerTaskExecutor: ({ taskExecutorId, host }, { connection }) => {
        this.#slots.register(taskExecutorId, host, connection);
        const leaseDuration = this.#configuration.get(TaskManagerOptions.leaseDuration);
        return { leaseDuration, clientAttached: this.#client.attached };
      },
      offerSlots: (offers, caller) => this.#slots.offer(this.#sessionOf(caller), offers),
      renewLease: (_request, caller) => {
        this.#sessionOf(caller).grantLease();
        return {};
      },
      taskState: (report, caller) => this.#from(caller, () => this.#taskState(report)),
      readyToCommit: (report, caller) => this.#from(caller, () => this.#readyToCommit(report)),
      sourceEvent: (event, caller) => this.#from(caller, () => this.#sourceEvent(event)),
      clientMessage: (message, caller) => this.#from(caller, () => this.#client.deliver(message)),
      metrics: ({ tasks }, caller) =>
        this.#from(caller, () => {
          for (const task of tasks) {
            const which = this.#which(task.executionId);
            this.#metrics.report(which.index, which.attempt, task, this.#main.now());
            this.#takeCounts(which.index, which.attempt, task.accumulators);
          }
        }),
      slotStopped: (report, caller) => this.#from(caller, () => this.#slotStopped(report)),
      heartbeatFromResourceManager: () => {
        this.#resourceManager.sign();
        return {};
      },
      missingSlots: (missing) => {
        this.#missing = missing;
      },
      attachClient: (_request, { connection }) => {
        this.#client.attach(connection, this.location.token);
        return {};
      },
      clientAcknowledge: ({ executionId, operator, bytes }) =>
        this.#client.acknowledged(executionId, operator, bytes),
    };
  }

  /** B2. @throws EngineError RPC_FENCED if the session of the connection is over. */
  #sessionOf({ connection }: Caller): TaskExecutorSession {
    const session = this.#slots.sessionOn(connection);
    if (session !== undefined) return session;
    const { endpoint } = this.location;
    throw new EngineError('RPC_FENCED', { endpoint, method: 'a call of a lost TaskExecutor' });
  }

  #from({ connection }: Caller, report: () => void): void {
    if (this.#slots.sessionOn(connection) !== undefined) report();
  }

  #which(executionId: string): { readonly index: number; readonly attempt: number } {
    const which = this.#plan && parseExecutionId(this.#plan, executionId);
    assert(which !== undefined, `execution ${executionId} does not belong to this job`);
    return which;
  }

  #taskState(report: TaskStateReport): void {
    const { index, attempt } = this.#which(report.executionId);
    const { vertex, subtask } = this.#plan!.executions[index]!;
    const scope = { vertex: vertex.name, subtask };
    const error = report.error && EngineError.fromData(report.error).within(scope);
    if (this.#isCurrent(index, attempt) && report.accumulators.length > 0) {
      this.#accumulators[index] = report.accumulators;
    }
    const { state } = report;
    this.#feed({ kind: 'task-state', execution: index, generation: attempt, state, error });
  }

  #readyToCommit({ executionId, committables, accumulators }: CommitReadiness): void {
    const { index: execution, attempt: generation } = this.#which(executionId);
    if (this.#isCurrent(execution, generation) && accumulators !== undefined) {
      this.#accumulators[execution] = accumulators;
    }
    this.#feed({ kind: 'ready-to-commit', execution, generation, committables });
  }

  #sourceEvent({ executionId, operator, event }: EnumeratorEvent): void {
    const { index, attempt: generation } = this.#which(executionId);
    if (!this.#isAtWork(index, generation)) return;
    const { subtask } = this.#plan!.executions[index]!;
    this.#coordinator.sourceEvent({ operator, subtask, event });
  }

  #slotStopped({ allocationId, generation, error }: SlotStopped): void {
    const slot = this.#slots.requestOf(allocationId);
    if (slot === undefined) return;
    this.#feed({ kind: 'slot-stopped', slot, generation, error: EngineError.fromData(error) });
  }

  /** What a task has counted until now; at its end it says it once more. */
  #takeCounts(index: number, generation: number, counts: TaskMetrics['accumulators']): void {
    const { state } = this.#state.executions[index]!;
    if (counts === undefined || isTerminalExecution(state)) return;
    if (this.#isAtWork(index, generation)) this.#accumulators[index] = counts;
  }

  /** Whether it is the present generation of the execution's region. */
  #isCurrent(execution: number, generation: number): boolean {
    return this.#state.regions[this.#regionOf(execution)]!.generation === generation;
  }

  #isAtWork(execution: number, generation: number): boolean {
    const { stopping } = this.#state.regions[this.#regionOf(execution)]!;
    return this.#isCurrent(execution, generation) && !stopping;
  }

  #regionOf(execution: number): number {
    const { executions, regionOf } = this.#state;
    return regionOf[executions[execution]!.slot]!;
  }

  /** The latest of all regions. */
  #generation(): number {
    return Math.max(0, ...this.#state.regions.map(({ generation }) => generation));
  }

  #acknowledgeClientMessage(executionId: string, operator: string, bytes: number): void {
    const { index, attempt: generation } = this.#which(executionId);
    const slot = this.#slots.at(this.#plan!.executions[index]!.slot);
    if (slot === undefined || !this.#isCurrent(index, generation)) return;
    const { allocationId } = slot;
    const which = { allocationId, generation, executionId, operator };
    slot.session.gateway.clientAcknowledge({ ...which, bytes });
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
      wasBuilt: this.#options.recovered !== undefined,
      onBuilt: (graph) => this.#begin(graph),
      onBuildFailed: (error) => this.#feed({ kind: 'failure', error }),
      onReaderEvent: ({ generation, operator, subtask, event }) => {
        const plan = this.#plan!;
        const vertex = plan.sources.get(operator);
        const index = plan.indexes.get(`${vertex}/${subtask}`);
        assert(index !== undefined, `operator ${operator} has no reader ${subtask}`);
        if (!this.#isAtWork(index, generation)) return;
        const execution = plan.executions[index]!;
        const slot = this.#slots.at(execution.slot);
        if (slot === undefined) return;
        const { allocationId } = slot;
        const executionId = executionIdOf(execution, generation);
        slot.session.gateway.sourceEvent({
          allocationId,
          generation,
          executionId,
          operator,
          event,
        });
      },
      onSourceFailed: (epoch, error) => this.#feed({ kind: 'sources-failed', epoch, error }),
      onDied: (error) =>
        this.#feed({ kind: 'sources-failed', epoch: this.#state.sourcesEpoch, error }),
    });
  }

  #begin(built: JobGraph): void {
    if (isTerminal(this.#state.status)) return;
    const expected = this.#options.submission.graph;
    if (expected !== undefined && expected.fingerprint !== built.fingerprint) {
      const parameters = { where: 'The JobManager', actual: built.fingerprint };
      const error = new EngineError('JOB_FINGERPRINT_MISMATCH', {
        ...parameters,
        expected: expected.fingerprint,
      });
      this.#feed({ kind: 'failure', error });
      return;
    }
    this.#configuration = this.#options.configuration.with(built.configuration);
    let plan: JobPlan;
    try {
      plan = planJob(built, this.#configuration.get(RestartStrategyOptions.failoverStrategy));
    } catch (error) {
      this.#feed({ kind: 'failure', error: toEngineError(error) });
      return;
    }
    this.#plan = plan;
    this.#deployment = new JobDeployment({
      ...{ main: this.#main, slots: this.#slots, history: this.#history, plan },
      ...{ job: this.#options.submission.job, dataKey: this.#dataKey },
      feed: (event) => this.#feed(event),
    });
    const slotOf = plan.executions.map(({ slot }) => slot);
    const { regionOf } = plan;
    const { masters = 1 } = this.#options.recovered ?? {};
    this.#state = plannedJob({ slotOf, regionOf, masters }, restartStrategyOf(this.#configuration));
    const countsOf = (execution: number): CountsOfAttempt => ({
      counts: this.#metrics.last(execution, this.#main.now())?.counts,
      accumulators: this.#accumulators[execution] ?? [],
    });
    this.#history.planned(plan, countsOf, this.#moment().wall);
    this.#building.resolve();
    this.#feed({ kind: 'created' });
    if (this.#options.recovered === undefined) this.#feed({ kind: 'start' });
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
        this.#feed({ kind: 'failure', error });
        return;
      }
      this.#decision = Promise.resolve();
      this.#accumulators = [...decision.accumulators];
    }
    const lease = this.#configuration.get(TaskManagerOptions.leaseDuration);
    const rest = Math.max(this.#startedAt + lease - this.#main.now(), 0);
    this.#main.after(milliseconds(rest), () => this.#feed({ kind: 'start', decision }));
  }

  /** B5. */
  #whenDecided(region: number, effect: () => void): void {
    const decision = (this.#decision ??= this.#options.storeDecision(this.#takeDecision()));
    const { generation } = this.#state.regions[region]!;
    this.#main.follow(
      decision,
      () => {
        const now = this.#state.regions[region]!;
        if (generation === now.generation && !now.stopping) effect();
      },
      (error) => {
        if (this.#decision === decision) this.#decision = undefined;
        this.#feed({ kind: 'region-failed', region, generation, error });
      },
    );
  }

  #takeDecision(): CommitDecision {
    const { executions } = this.#state;
    return {
      fingerprint: this.#plan!.graph.jobGraph.fingerprint,
      generation: this.#generation(),
      committables: executions.map(({ state, committables }) =>
        state === 'FINISHED' ? undefined : committables,
      ),
      accumulators: Array.from(executions, (_, at) => this.#accumulators[at] ?? []),
    };
  }

  // --------------------------------------------------------------------------------- the machines

  /** B1. */
  #feed(event: JobEvent): void {
    this.#main.assertInside();
    this.#events.push(event);
    if (this.#stepping) return;
    this.#stepping = true;
    for (let next = this.#events.shift(); next !== undefined; next = this.#events.shift()) {
      const input = { now: this.#main.now(), draw: this.#options.env.random.uint32() / 2 ** 32 };
      const [state, effects] = stepJob(this.#state, next, input);
      this.#history.note(this.#state, state, next, this.#moment());
      this.#state = state;
      for (const effect of effects) this.#execute(effect);
    }
    this.#stepping = false;
  }

  #execute(effect: JobEffect): void {
    switch (effect.kind) {
      case 'request-slot':
        return this.#slots.request(effect.slot);
      case 'prepare-slots':
        return this.#prepare(effect);
      case 'deploy':
        if (!effect.commitOnly) return this.#deployment!.deploy(effect, this.#state);
        return this.#whenDecided(effect.region, () =>
          this.#deployment!.deploy(effect, this.#state),
        );
      case 'stop-slot':
        return this.#deployment!.stop(effect);
      case 'await-lease':
        return this.#slots.awaitLease(effect.slot, effect.generation);
      case 'start-sources':
        return this.#coordinator.startSources(effect.epoch);
      case 'attach-readers':
        return this.#attachReaders(effect.generation, effect.executions);
      case 'close-sources':
        return this.#coordinator.closeSources();
      case 'commit':
        return this.#whenDecided(this.#regionOf(effect.execution), () =>
          this.#deployment!.commit(effect),
        );
      case 'await-delay': {
        const { region, generation } = effect;
        const over = { kind: 'delay-over', region, generation } as const;
        this.#main.after(effect.delay, () => this.#feed(over));
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
    for (const [region, { slots, generation }] of this.#state.regions.entries()) {
      if (!slots.some((slot) => this.#state.slots[slot] === 'requested')) continue;
      this.#feed({ kind: 'region-failed', region, generation, error });
    }
  }

  #noteStatus({ from, to }: Extract<JobEffect, { kind: 'status' }>): void {
    const { failure } = this.#state;
    const level = to === 'FAILING' || to === 'RESTARTING' || to === 'FAILED' ? 'warn' : 'info';
    const because =
      level === 'warn' && failure !== undefined ? `: ${cutText(failure.message, 2048)}` : '';
    const { jobId } = this.location;
    this.#options.env.log.write(level, `job ${from} -> ${to}${because}`, { jobId });
  }

  // ---------------------------------------------------------------------------------- the effects

  #prepare(effect: Extract<JobEffect, { kind: 'prepare-slots' }>): void {
    const { generation, slots } = effect;
    for (const [index, { slot }] of this.#plan!.executions.entries()) {
      if (!slots.includes(slot) || this.#state.executions[index]!.state !== 'SCHEDULED') continue;
      this.#metrics.beginAttempt(index, generation, this.#main.now());
      if (this.#state.status !== 'COMMITTING') this.#accumulators[index] = [];
    }
    this.#deployment!.prepare(effect);
  }

  #attachReaders(generation: number, executions: readonly number[]): void {
    const readers = executions.flatMap((index) => {
      const { vertex, subtask } = this.#plan!.executions[index]!;
      return vertex.operators.flatMap(({ id: operator, kind }) =>
        kind === 'source' ? [{ operator, subtask }] : [],
      );
    });
    if (readers.length > 0) this.#coordinator.attachReaders({ generation, readers });
  }

  #end(): void {
    const { status, failure } = this.#state;
    assert(isTerminal(status), 'B3: the job has not ended');
    const error = status === 'FAILED' ? failure : undefined;
    this.#ended.resolve({
      jobId: this.location.jobId,
      status,
      error: error?.toData(),
      accumulators: sumAccumulators(this.#accumulators.flat()),
      runtimeMillis: this.#history.runtimeMillis(this.#main.now()),
    });
    this.#building.reject(error ?? new EngineError('JOB_CANCELED', { jobId: this.location.jobId }));
    this.#slots.end();
  }
}
