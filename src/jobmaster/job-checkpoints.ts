/**
 * The checkpoints of a job, seen from its JobMaster: here the machine of
 * checkpoint/coordinator-machine.ts meets the world.
 *
 * R1. A region starts again from the newest complete checkpoint, and only when none is being
 *     completed: what a checkpoint holds of a task is what the task goes on from, or nothing.
 * R2. Tasks are triggered in the same turn in which the enumerators have answered.
 * R3. A checkpoint is notified when the pointer to it is durable.
 * R4. Every request is answered once.
 * R5. Of a job that has ended nothing is removed, and nothing is kept, before what was under way
 *     has come to its end: what is written after that would stay for ever.
 * R6. Checkpoints are made durable one after another, and none after a newer one: the pointers
 *     written last lead to the newest.
 * R7. What becomes of the checkpoints of a job is durable before its end is: the next master sees
 *     to it, if this one does not come to that.
 */
import { assert } from '../base/assert.ts';
import { EngineError } from '../base/errors.ts';
import { milliseconds } from '../base/units.ts';
import { CheckpointHistory } from '../checkpoint/checkpoint-history.ts';
import type { CheckpointConfig } from '../checkpoint/checkpoint-config.ts';
import { contentOf } from '../checkpoint/checkpoint-content.ts';
import { checkpointsStay } from '../checkpoint/checkpoints-stay.ts';
import { CompletedCheckpoints } from '../checkpoint/completed-checkpoints.ts';
import type { CompletedCheckpoint } from '../checkpoint/completed-checkpoints.ts';
import {
  initialCoordinator,
  nextTickOf,
  stepCoordinator,
} from '../checkpoint/coordinator-machine.ts';
import type {
  CheckpointRequest,
  CoordinatorEffect,
  CoordinatorEvent,
  CoordinatorState,
  PendingCheckpoint,
} from '../checkpoint/coordinator-state.ts';
import { StateAssignment } from '../checkpoint/state-assignment.ts';
import type { Env } from '../env/env.ts';
import type { CheckpointingOfSlot, StateHandle, StateRestore } from '../protocol/checkpoint.ts';
import type { CheckpointStatistics } from '../protocol/checkpoint-statistics.ts';
import type { RestoredSources } from '../protocol/coordinator-messages.ts';
import type { TerminalJobStatus } from '../protocol/job-status.ts';
import type {
  CheckpointAcknowledgement,
  CheckpointRefusal,
} from '../protocol/job-master-service.ts';
import type { CheckpointsAtEnd } from '../protocol/stored-checkpoints.ts';
import type { MainThread } from '../rpc/main-thread.ts';
import { standingsOf } from './checkpoint-standing.ts';
import { handlesOfTask } from './checkpoint-place.ts';
import type { CheckpointPlace } from './checkpoint-place.ts';
import { CheckpointRequests } from './checkpoint-requests.ts';
import type { CheckpointAnswer } from './checkpoint-requests.ts';
import type { CheckpointSenders } from './checkpoint-senders.ts';
import type { SourcesSnapshot } from './job-coordinator.ts';
import type { JobPlan } from './job-plan.ts';
import type { JobStart } from './job-start.ts';
import type { JobRun } from './job-run.ts';

export interface JobCheckpointsOptions {
  readonly main: MainThread;
  readonly env: Pick<Env, 'clock' | 'random' | 'log'>;
  readonly jobId: string;
  readonly run: JobRun;
  readonly plan: JobPlan;
  readonly config: CheckpointConfig;
  readonly place: CheckpointPlace;
  readonly senders: CheckpointSenders;
  /** How many checkpoints are remembered in detail. */
  readonly historyLimit: number;
}

/** As Flink names it. */
const IN_MEMORY = '<checkpoint-not-externally-addressable>';

type Effect<K extends CoordinatorEffect['kind']> = Extract<CoordinatorEffect, { kind: K }>;

export class JobCheckpoints {
  readonly #options: JobCheckpointsOptions;
  readonly #completed: CompletedCheckpoints;
  readonly #requests = new CheckpointRequests();
  #state: CoordinatorState;
  #events: CoordinatorEvent[] = [];
  #stepping = false;
  /** R6. */
  readonly #toComplete: PendingCheckpoint[] = [];
  #isCompleting = false;
  #timer: Disposable | undefined;
  #assignment: StateAssignment | undefined;
  /** What waits until no checkpoint is being completed. */
  #waiting: (() => void)[] = [];
  /** Removals, one after another. */
  #removals: Promise<void> = Promise.resolve();
  /** R5. Resolve when what the place was asked for has been dealt with. */
  readonly #underway = new Set<Promise<void>>();
  #allowNonRestored = false;
  readonly #history: CheckpointHistory;
  #notedStarts = 0;
  /** What somebody gave the job to go on from. */
  #begunFrom: CompletedCheckpoint | undefined;
  /** R7. */
  #atEnd: CheckpointsAtEnd | undefined;

  constructor(options: JobCheckpointsOptions) {
    const { config, plan } = options;
    this.#options = options;
    this.#completed = new CompletedCheckpoints(config.numRetained);
    this.#history = new CheckpointHistory({
      config,
      vertices: plan.graph.jobGraph.vertices,
      limit: options.historyLimit,
    });
    const producers = plan.executions.map(({ wiring }) =>
      wiring.inputs.flatMap(({ edge, channels }) =>
        channels.map(({ producer }) => plan.indexes.get(`${edge.source}/${producer}`)!),
      ),
    );
    this.#state = initialCoordinator(config, { producers }, 1);
  }

  /** Makes it what the job goes on from. @throws EngineError RESTORE_*, CHECKPOINT_*, IO_* */
  async open({ restored, isFirst, settings }: JobStart): Promise<void> {
    const { place, config, plan } = this.#options;
    const [newest] = restored.slice(-1);
    let assignment: StateAssignment | undefined;
    if (newest !== undefined) {
      const allow = settings?.allowNonRestored ?? false;
      assignment = new StateAssignment(newest.metadata, plan.graph.jobGraph, allow);
      this.#allowNonRestored = allow;
      if (settings !== undefined) this.#begunFrom = newest;
    }
    // Not before: a job that cannot go on leaves no folder.
    const isPeriodic = config.interval !== undefined;
    if (isPeriodic) await place.begin();
    const firstId = await place.firstFreeId(isPeriodic);
    const checkpointId = newest?.metadata.checkpointId ?? 0;
    const next = Math.max(firstId, checkpointId + 1);
    if (isFirst) await place.point(restored, next);
    await place.removeLeftovers(restored);
    for (const each of restored) this.#completed.add(each);
    this.#assignment = assignment;
    this.#state = initialCoordinator(config, this.#state.topology, next);
    const full = newest !== undefined && !newest.isOurs && settings?.claimMode !== 'LEGACY';
    const input = this.#input();
    [this.#state] = stepCoordinator(this.#state, { kind: 'restored', checkpointId, full }, input);
  }

  /** How slots take part. */
  ofSlot(fileSystems: Readonly<Record<string, string>>): CheckpointingOfSlot {
    const { config, place } = this.#options;
    return {
      directory: place.jobDirectory,
      inlineBytes: config.inlineBytes,
      incremental: config.incremental,
      mode: config.mode,
      maxConcurrent: config.maxConcurrent,
      checkpointsAfterTasksFinish: config.afterTasksFinish,
      localBackup: config.localBackup,
      fromLocal: config.fromLocal,
      fileSystems,
    };
  }

  /** R1. Undefined: from the start. */
  restoreOf(execution: number): StateRestore | undefined {
    const { vertex, subtask } = this.#options.plan.executions[execution]!;
    const restore = this.#assignmentOfLatest()?.restoreOf(vertex, subtask);
    const isClaimed = this.#completed.latest?.isOurs === true;
    return restore === undefined ? undefined : { ...restore, isClaimed };
  }

  restoredSources(): RestoredSources | undefined {
    const assignment = this.#assignmentOfLatest();
    if (assignment === undefined) return undefined;
    return { checkpointId: assignment.checkpointId, sources: assignment.sources() };
  }

  /** 0: none. */
  get restoredCheckpoint(): number {
    return this.#completed.latest?.metadata.checkpointId ?? 0;
  }

  /** R1. */
  whenSettled(then: () => void): void {
    const restore = (): void => {
      this.#noteRestore();
      then();
    };
    if (this.#state.pending.some(({ phase }) => phase === 'completing'))
      this.#waiting.push(restore);
    else restore();
  }

  /** What is known of the checkpoints so far; undefined for a job that has had none. */
  statistics(): CheckpointStatistics | undefined {
    const known = this.#history.statistics();
    const { counts } = known;
    const isUsed = counts.total > 0 || counts.restored > 0;
    return this.#options.config.interval === undefined && !isUsed ? undefined : known;
  }

  /** See CheckpointStatistics. */
  get failing(): CheckpointStatistics['failing'] {
    return this.#history.failing;
  }

  /** The state of the job has changed. */
  observe(): void {
    const { run, plan } = this.#options;
    if (run.plan !== plan) return;
    const tasks = standingsOf(run.state);
    // Who commits comes to its end.
    const isAtWork = run.state.status !== 'COMMITTING' && run.state.status !== 'FINISHED';
    if (isAtWork && tasks.includes('absent')) this.#requests.notStopped();
    const before = this.#state.tasks;
    if (tasks.every((standing, index) => standing === before[index])) return;
    this.#feed({ kind: 'tasks', tasks });
  }

  /** R4. */
  request(request: Omit<CheckpointRequest, 'requestId'>): Promise<CheckpointAnswer> {
    const { requestId, answer } = this.#requests.open();
    this.#feed({ kind: 'request', request: { ...request, requestId } });
    return answer;
  }

  acknowledged({ executionId, checkpointId, snapshot, metrics }: CheckpointAcknowledgement): void {
    const { run } = this.#options;
    const { index, attempt } = run.which(executionId);
    if (run.isAtWork(index, attempt)) {
      this.#feed({ kind: 'acknowledged', checkpointId, execution: index, snapshot, metrics });
    } else this.#discard([...handlesOfTask(snapshot)]);
  }

  declined({ executionId, checkpointId, error: data }: CheckpointRefusal): void {
    const { run, plan } = this.#options;
    const { index, attempt } = run.which(executionId);
    if (!run.isAtWork(index, attempt)) return;
    const { vertex, subtask } = plan.executions[index]!;
    const error = EngineError.fromData(data).within({ vertex: vertex.name, subtask });
    this.#feed({ kind: 'declined', checkpointId, error });
  }

  sourcesSnapshot(answer: SourcesSnapshot): void {
    const { checkpointId } = answer;
    if (answer.kind === 'sources-snapshot') {
      this.#feed({ kind: 'sources-snapshot', checkpointId, sources: answer.sources });
    } else {
      const error = EngineError.fromData(answer.error);
      this.#feed({ kind: 'declined', checkpointId, error });
    }
  }

  /** Nothing is triggered any more. */
  ended(status: TerminalJobStatus): void {
    this.#feed({ kind: 'ended' });
    this.#requests.ended(status);
    this.#timer?.[Symbol.dispose]();
  }

  /**
   * R5, R7. The job has ended: what is to become of its checkpoints is durable when it has
   * resolved.
   * @throws EngineError HA_SUPERSEDED, IO_*
   */
  async settle(status: TerminalJobStatus, failure: EngineError | undefined): Promise<void> {
    const { place, config } = this.#options;
    while (this.#underway.size > 0) await Promise.all(this.#underway);
    await this.#removals;
    const { latest } = this.#completed;
    const isStuck = latest !== undefined && latest === this.#begunFrom;
    const stay = checkpointsStay(config.retention, status, { failure, isStuck });
    this.#atEnd =
      stay && this.#completed.kept.some(({ isOurs }) => isOurs) ? 'retained' : 'removed';
    await place.settle(this.#atEnd);
  }

  /** R7. The end of the job is known to all. */
  async cleanUp(): Promise<void> {
    const { place } = this.#options;
    if (this.#atEnd === 'retained') {
      await place.discard(this.#completed.discardable(Number.POSITIVE_INFINITY));
      await place.tidyUp(this.#completed.kept);
      return;
    }
    assert(this.#atEnd === 'removed', 'R7: what becomes of the checkpoints is not decided');
    await place.discard(this.#completed.discardAll());
    await place.removeAll();
  }

  /** Once for all regions that start again together. */
  #noteRestore(): void {
    const { run, env, jobId } = this.#options;
    const { latest } = this.#completed;
    // The generation of a single region may be less than that of others.
    const starts = run.state.regions.reduce((sum, { generation }) => sum + generation, 0);
    if (starts === this.#notedStarts) return;
    this.#notedStarts = starts;
    if (latest === undefined) {
      env.log.write('info', 'the job begins: there is no complete checkpoint', { jobId });
      return;
    }
    const { checkpointId } = latest.metadata;
    env.log.write('info', `the job goes on from checkpoint ${checkpointId}`, { jobId });
    this.#history.restored({
      checkpointId,
      restoredAt: env.clock.now(),
      isSavepoint: latest.metadata.purpose === 'savepoint',
      externalPath: latest.location ?? IN_MEMORY,
    });
  }

  #assignmentOfLatest(): StateAssignment | undefined {
    const { latest } = this.#completed;
    if (latest === undefined) return undefined;
    if (this.#assignment?.metadata === latest.metadata) return this.#assignment;
    const { jobGraph } = this.#options.plan.graph;
    const allow = this.#allowNonRestored;
    this.#assignment = new StateAssignment(latest.metadata, jobGraph, allow);
    return this.#assignment;
  }

  #input(): {
    now: ReturnType<MainThread['now']>;
    wall: ReturnType<Env['clock']['now']>;
    draw: number;
  } {
    const { main, env } = this.#options;
    return { now: main.now(), wall: env.clock.now(), draw: env.random.uint32() / 2 ** 32 };
  }

  #feed(event: CoordinatorEvent): void {
    this.#options.main.assertInside();
    this.#events.push(event);
    if (this.#stepping) return;
    this.#stepping = true;
    for (let next = this.#events.shift(); next !== undefined; next = this.#events.shift()) {
      const [state, effects] = stepCoordinator(this.#state, next, this.#input());
      this.#state = state;
      for (const effect of effects) this.#execute(effect);
    }
    this.#stepping = false;
    this.#arm();
    if (this.#state.pending.some(({ phase }) => phase === 'completing')) return;
    for (const then of this.#waiting.splice(0)) then();
  }

  #arm(): void {
    const { main } = this.#options;
    this.#timer?.[Symbol.dispose]();
    const at = nextTickOf(this.#state);
    if (at === undefined) return;
    const delay = milliseconds(Math.max(at - main.now(), 0));
    this.#timer = main.after(delay, () => this.#feed({ kind: 'tick' }));
  }

  #execute(effect: CoordinatorEffect): void {
    const { senders, run } = this.#options;
    switch (effect.kind) {
      case 'prepare':
        this.#history.progressed(effect.pending);
        return this.#prepare(effect.pending);
      case 'snapshot-sources':
        return senders.snapshotSources(effect.checkpointId);
      case 'trigger':
        this.#history.progressed(effect.pending);
        return senders.trigger(effect.pending.plan.trigger, effect.trigger);
      case 'complete':
        return this.#complete(effect.pending);
      case 'notify':
        return senders.notify(effect.notice);
      case 'acknowledged':
        return this.#history.progressed(effect.pending);
      case 'completed':
        return this.#isComplete(effect.pending);
      case 'aborted':
        return this.#aborted(effect);
      case 'discard':
        return this.#discard([...handlesOfTask(effect.snapshot)]);
      case 'refuse':
        return this.#requests.refuse(effect.requestId, effect.error);
      case 'fail-job':
        return run.feed({ kind: 'failure', error: effect.error });
    }
  }

  #prepare(pending: PendingCheckpoint): void {
    const { place } = this.#options;
    const { checkpointId } = pending;
    this.#follow(
      place.prepare(pending),
      (location) => {
        const isWanted = this.#state.pending.some((each) => each.checkpointId === checkpointId);
        if (isWanted) this.#feed({ kind: 'prepared', checkpointId, location });
        else this.#remove(() => place.discardLocation(location));
      },
      (error) => this.#feed({ kind: 'declined', checkpointId, error }),
    );
  }

  /** R6. */
  #complete(pending: PendingCheckpoint): void {
    this.#toComplete.push(pending);
    this.#completeNext();
  }

  #completeNext(): void {
    if (this.#isCompleting) return;
    const pending = this.#toComplete.shift();
    if (pending === undefined) return;
    const { checkpointId, request } = pending;
    if (this.#state.pending.every((each) => each.checkpointId !== checkpointId)) {
      // Given up meanwhile, with the job.
      this.#completeNext();
      return;
    }
    if (request.savepoint === undefined && checkpointId < this.restoredCheckpoint) {
      const reason = `checkpoint ${this.restoredCheckpoint} was complete before it`;
      const error = new EngineError('CHECKPOINT_ABORTED', { checkpointId, reason });
      this.#feed({ kind: 'completion-failed', checkpointId, error, isSubsumed: true });
      this.#completeNext();
      return;
    }
    this.#isCompleting = true;
    this.#makeDurable(pending);
  }

  /** R3. */
  #makeDurable(pending: PendingCheckpoint): void {
    const { main, env, place, plan, jobId } = this.#options;
    const { checkpointId } = pending;
    const next = (): void => {
      this.#isCompleting = false;
      this.#completeNext();
    };
    const graph = plan.graph.jobGraph;
    const indexOf = (vertex: string, subtask: number): number =>
      plan.indexes.get(`${vertex}/${subtask}`)!;
    const metadata = contentOf({ jobId, graph, indexOf }, pending);
    const keptWith = (completed: CompletedCheckpoint): readonly CompletedCheckpoint[] =>
      this.#completed.with(completed);
    this.#follow(
      place.complete(pending, metadata, keptWith),
      (completed) => {
        const { savepoint } = pending.request;
        if (savepoint === undefined || savepoint.stop !== undefined) this.#completed.add(completed);
        const path = completed.location ?? IN_MEMORY;
        env.log.write('info', `checkpoint ${checkpointId} is complete: ${path}`, { jobId });
        this.#history.completed(pending, path, completed.metadataBytes);
        this.#feed({ kind: 'completed', checkpointId });
        next();
      },
      (error) => {
        if (error.code === 'HA_SUPERSEDED') main.fatal(error);
        else this.#feed({ kind: 'completion-failed', checkpointId, error });
        next();
      },
    );
  }

  #isComplete({ checkpointId, request, location }: PendingCheckpoint): void {
    const { requestId, savepoint } = request;
    const answer = { checkpointId, location };
    if (savepoint?.stop !== undefined) {
      this.#requests.stops(requestId, answer);
      this.#options.run.feed({ kind: 'stops' });
    } else if (requestId !== 0) this.#requests.answer(requestId, answer);
    this.#subsume();
  }

  #aborted({ pending, error }: Effect<'aborted'>): void {
    const { place, env, jobId } = this.#options;
    const { checkpointId, request } = pending;
    env.log.write('warn', `checkpoint ${checkpointId} failed: ${error.message}`, { jobId });
    this.#history.failed(pending, error, env.clock.now());
    if (request.requestId !== 0) this.#requests.refuse(request.requestId, error);
    this.#remove(() => place.discardPending(pending, (handles) => this.#unused(handles)));
    this.#subsume();
  }

  /** What the checkpoints under way may build upon stays. */
  #subsume(): void {
    const bases = this.#state.pending.flatMap(({ phase, latestComplete }) =>
      phase === 'acknowledging' || phase === 'completing' ? [latestComplete] : [],
    );
    const discards = this.#completed.discardable(Math.min(...bases, Number.POSITIVE_INFINITY));
    if (discards.checkpoints.length === 0 && discards.handles.length === 0) return;
    for (const { metadata } of discards.checkpoints) this.#history.discarded(metadata.checkpointId);
    this.#remove(() => this.#options.place.discard(discards));
  }

  #discard(handles: readonly StateHandle[]): void {
    this.#remove(() => this.#options.place.discardHandles(this.#unused(handles)));
  }

  #unused(handles: readonly StateHandle[]): readonly StateHandle[] {
    const exclusive = handles.filter((handle) => handle.kind === 'file' && !handle.shared);
    return [...exclusive, ...this.#completed.unused(handles)];
  }

  /** R5. */
  #follow<T>(
    promise: Promise<T>,
    done: (value: T) => void,
    failed: (error: EngineError) => void,
  ): void {
    const { promise: over, resolve } = Promise.withResolvers<void>();
    this.#underway.add(over);
    const then =
      <V>(deal: (value: V) => void) =>
      (value: V): void => {
        deal(value);
        this.#underway.delete(over);
        resolve();
      };
    this.#options.main.follow(promise, then(done), then(failed));
  }

  #remove(removal: () => Promise<void>): void {
    this.#removals = this.#removals.then(removal);
    this.#removals.catch((error: unknown) => this.#options.main.fatal(error));
  }
}
