/**
 * The life of a job as a pure machine: slots are requested, workers prepared, tasks deployed; a
 * failure stops the region in which it happened and starts it again in its next generation; when
 * all tasks have ended or are ready to commit, the decision to commit is taken, once. A region is a
 * set of slots that exchange nothing with others; who wants everything to restart makes one of
 * them.
 *
 * J1. A generation of a region is prepared only when all its slots are quiet: no worker of an
 *     earlier one can act.
 * J2. The decision to commit is taken once, when every execution is FINISHED or ready. COMMITTING
 *     leads to FINISHED or FAILING only; a cancellation then waits for the commit.
 * J3. After the decision no execution runs from its start again: those not yet FINISHED are
 *     deployed to commit exactly the committables that the decision was about.
 * J4. Before the decision nothing is committed, and a restart of a region forgets everything that
 *     was ready in it, and nothing else.
 * J5. A terminal status has only quiet slots and never changes.
 * J6. A report of another generation than the present one of its region changes nothing.
 * J7. The error that began the last restart or failure is the one that is kept.
 * J8. One cause that strikes several regions is one failure to the restart strategy.
 * J9. A job is RESTARTING exactly while a region of it, not yet decided to commit, waits to start
 *     again; the other regions work on.
 * J10. Enumerators live as long as a region does whose readers they know: they are closed when all
 *     regions stop, and readers that start again are attached to them before they are deployed.
 */
import { assert } from '../base/assert.ts';
import { EngineError } from '../base/errors.ts';
import { milliseconds, seconds } from '../base/units.ts';
import type { Duration } from '../base/units.ts';
import { isTerminal } from '../protocol/job-status.ts';
import type { JobStatus } from '../protocol/job-status.ts';
import type { CommitDecision } from '../protocol/stored-job.ts';
import { executionAfter, isTerminalExecution } from './execution-state.ts';
import type {
  ExecutionRecord,
  JobEffect,
  JobEvent,
  JobState,
  RegionState,
  SlotPhase,
  StepInput,
} from './job-state.ts';
import { transition } from './job-status.ts';
import { afterFailure, NO_RESTARTS } from './restart-strategy.ts';
import type { RestartStrategy } from './restart-strategy.ts';

/**
 * After the decision to commit, failures are retried whatever the restart strategy says, for some
 * minutes: the pauses double from one second to one minute.
 */
export const COMMIT_ATTEMPTS = 10;
/** What user code throws seldom goes away by itself. */
export const COMMIT_ATTEMPTS_USER = 3;
const COMMIT_PAUSE_MAX_SECONDS = 60;

function commitPause(failures: number): Duration {
  return seconds(Math.min(2 ** (failures - 1), COMMIT_PAUSE_MAX_SECONDS));
}

/** A job whose graph is not known yet. */
export function initialJob(): JobState {
  return {
    status: 'INITIALIZING',
    slots: [],
    executions: [],
    regions: [],
    regionOf: [],
    sourcesEpoch: 0,
    sourcesRun: false,
    strategy: { kind: 'none' },
    history: NO_RESTARTS,
    restartDelay: milliseconds(0),
    commitFailures: 0,
    failure: undefined,
  };
}

export interface PlannedSlots {
  /** The slot of each execution. */
  readonly slotOf: readonly number[];
  /** The region of each slot, numbered from 0 without gaps. */
  readonly regionOf: readonly number[];
  /** How many masters have had the job, this one included; 1 by default. */
  readonly masters?: number | undefined;
}

/**
 * A later master counts on from where no earlier one can have come: the names of what attempts
 * write begin with their generation.
 */
const GENERATIONS_OF_A_MASTER = 1_000_000;

/** The same job once its graph is known. */
export function plannedJob(
  { slotOf, regionOf, masters = 1 }: PlannedSlots,
  strategy: RestartStrategy,
): JobState {
  const generation = (masters - 1) * GENERATIONS_OF_A_MASTER;
  const slots = [...regionOf.keys()];
  const count = Math.max(-1, ...regionOf) + 1;
  return {
    ...initialJob(),
    strategy,
    slots: slots.map((): SlotPhase => 'absent'),
    executions: slotOf.map((slot) => ({
      slot,
      state: 'CREATED',
      generation,
      ready: false,
      committables: [],
    })),
    regions: Array.from({ length: count }, (_, region) => ({
      slots: slots.filter((slot) => regionOf[slot] === region),
      generation,
      stopping: false,
      delayOver: false,
    })),
    regionOf,
  };
}

export function isQuiet(phase: SlotPhase): boolean {
  return phase === 'absent' || phase === 'requested' || phase === 'idle';
}

/** The region that an event of one region is about. */
function regionOfEvent(
  { regionOf, executions }: JobState,
  event: Extract<JobEvent, { generation: number }>,
): number {
  if ('region' in event) return event.region;
  return regionOf['slot' in event ? event.slot : executions[event.execution]!.slot]!;
}

export function stepJob(
  state: JobState,
  event: JobEvent,
  input: StepInput,
): readonly [JobState, readonly JobEffect[]] {
  if (isTerminal(state.status)) return [state, []];
  const step = new JobStep(state, input);
  step.handle(event);
  return step.finish();
}

/** One step over copies of what it changes. */
class JobStep {
  #state: { -readonly [K in keyof JobState]: JobState[K] };
  readonly #slots: SlotPhase[];
  readonly #executions: ExecutionRecord[];
  readonly #regions: RegionState[];
  readonly #input: StepInput;
  readonly #effects: JobEffect[] = [];

  constructor(state: JobState, input: StepInput) {
    this.#slots = [...state.slots];
    this.#executions = [...state.executions];
    this.#regions = [...state.regions];
    this.#state = {
      ...state,
      slots: this.#slots,
      executions: this.#executions,
      regions: this.#regions,
    };
    this.#input = input;
  }

  handle(event: JobEvent): void {
    switch (event.kind) {
      case 'created':
        if (this.#state.status === 'INITIALIZING') this.#enter('CREATED');
        break;
      case 'start':
        if (this.#state.status === 'CREATED') this.#start(event.decision);
        break;
      case 'slot-assigned':
        if (this.#slots[event.slot] === 'requested') this.#slots[event.slot] = 'idle';
        break;
      case 'slot-lost':
        this.#slotLost(event.slot, event.proof, event.error);
        break;
      case 'sources-failed':
        if (this.#state.sourcesRun && event.epoch === this.#state.sourcesEpoch) {
          this.#fail(undefined, event.error);
        }
        break;
      case 'failure':
        this.#fail(undefined, event.error);
        break;
      case 'cancel':
        this.#cancel();
        break;
      default:
        this.#handleReport(event);
    }
    this.#advance();
  }

  finish(): readonly [JobState, readonly JobEffect[]] {
    const { status } = this.#state;
    if (isTerminal(status)) {
      assert(this.#slots.every(isQuiet), 'J5: a job ended while a slot of it was at work');
      this.#effects.push({ kind: 'ended' });
    }
    return [this.#state, this.#effects];
  }

  /** J6: what concerns one generation of one region. */
  #handleReport(event: Extract<JobEvent, { generation: number }>): void {
    const region = regionOfEvent(this.#state, event);
    if (event.generation !== this.#regions[region]?.generation) return;
    switch (event.kind) {
      case 'slot-prepared':
        if (this.#slots[event.slot] === 'preparing') this.#slots[event.slot] = 'prepared';
        break;
      case 'slot-stopped':
        this.#slotStopped(event.slot, event.error);
        break;
      case 'lease-over':
        if (this.#slots[event.slot] === 'doubtful') this.#quieten(event.slot, 'absent');
        break;
      case 'task-state':
        this.#taskState(region, event);
        break;
      case 'ready-to-commit':
        this.#ready(region, event.execution, event.committables);
        break;
      case 'region-failed':
        this.#fail(region, event.error);
        break;
      case 'delay-over':
        if (this.#regions[region].stopping) this.#change(region, { delayOver: true });
    }
  }

  #change(region: number, to: Partial<RegionState>): void {
    this.#regions[region] = { ...this.#regions[region]!, ...to };
  }

  #enter(to: JobStatus): void {
    const from = this.#state.status;
    this.#state.status = transition(from, to);
    this.#effects.push({ kind: 'status', from, to });
  }

  // ------------------------------------------------------------------------------------ reports

  #slotStopped(slot: number, error: EngineError | undefined): void {
    const phase = this.#slots[slot]!;
    if (isQuiet(phase)) return;
    const expected = phase === 'stopping' || phase === 'doubtful' || this.#isSpent(slot);
    this.#quieten(slot, phase === 'doubtful' ? 'absent' : 'idle');
    if (expected) return;
    const unasked = new EngineError('INTERNAL', { message: 'a slot stopped unasked' });
    this.#fail(this.#state.regionOf[slot], error ?? unasked);
  }

  #slotLost(slot: number, proof: boolean, error: EngineError): void {
    const phase = this.#slots[slot]!;
    if (phase === 'absent' || phase === 'requested') return;
    const region = this.#state.regionOf[slot]!;
    const harmless = isQuiet(phase) || this.#isSpent(slot);
    if (isQuiet(phase)) {
      this.#slots[slot] = 'absent';
    } else if (proof) {
      this.#quieten(slot, 'absent');
    } else if (phase !== 'doubtful') {
      this.#slots[slot] = 'doubtful';
      const { generation } = this.#regions[region]!;
      this.#effects.push({ kind: 'await-lease', slot, generation });
    }
    if (!harmless) this.#fail(region, error);
  }

  #taskState(region: number, event: Extract<JobEvent, { kind: 'task-state' }>): void {
    const execution = this.#executions[event.execution]!;
    const after = executionAfter(execution.state, event.state);
    if (after === execution.state) return;
    this.#executions[event.execution] = { ...execution, state: after };
    if (this.#regions[region]!.stopping) return;
    if (after === 'FAILED') {
      const unnamed = new EngineError('INTERNAL', { message: 'a task failed without error' });
      this.#fail(region, event.error ?? unnamed);
    } else if (after === 'CANCELED') {
      this.#fail(region, new EngineError('INTERNAL', { message: 'a task was cancelled unasked' }));
    }
  }

  #ready(region: number, index: number, committables: ExecutionRecord['committables']): void {
    const execution = this.#executions[index]!;
    const { status } = this.#state;
    if (status !== 'RUNNING' && status !== 'RESTARTING') return;
    if (this.#regions[region]!.stopping || isTerminalExecution(execution.state)) return;
    this.#executions[index] = { ...execution, ready: true, committables };
  }

  /** The worker of the slot is gone: what it did not finish is cancelled. */
  #quieten(slot: number, phase: 'idle' | 'absent'): void {
    this.#slots[slot] = phase;
    for (const [index, execution] of this.#executions.entries()) {
      if (execution.slot !== slot || isTerminalExecution(execution.state)) continue;
      this.#executions[index] = { ...execution, state: 'CANCELED' };
    }
  }

  /**
   * Nobody needs its worker any more. Before the decision a task that has finished may still be
   * read from, unless all others of its region have finished too.
   */
  #isSpent(slot: number): boolean {
    if (this.#state.status === 'COMMITTING') return this.#hasFinished((one) => one === slot);
    const region = this.#state.regionOf[slot]!;
    return this.#hasFinished((one) => this.#state.regionOf[one] === region);
  }

  #hasFinished(counts: (slot: number) => boolean): boolean {
    return this.#executions.every((one) => one.state === 'FINISHED' || !counts(one.slot));
  }

  // ---------------------------------------------------------------------- failures, cancellation

  /** `region` undefined: all of them. */
  #fail(region: number | undefined, error: EngineError): void {
    const { status } = this.#state;
    if (status === 'INITIALIZING' || status === 'CREATED') {
      this.#state.failure = error;
      this.#enter('FAILED');
      return;
    }
    const struck = [...this.#regions.keys()].filter(
      (each) => !this.#regions[each]!.stopping && each === (region ?? each),
    );
    if (struck.length === 0) return;
    const restarting = this.#regions.some(({ stopping }) => stopping);
    const known = restarting && error === this.#state.failure;
    this.#state.failure = error;
    if (status === 'COMMITTING') this.#failCommit(struck, error, known);
    else this.#failRunning(struck, error, known);
  }

  #failRunning(struck: readonly number[], error: EngineError, known: boolean): void {
    // J8
    if (!known) {
      const { strategy, history } = this.#state;
      const { now, draw } = this.#input;
      const [after, decision] = afterFailure(strategy, history, now, draw);
      if (error.retry === 'never' || !decision.restart) {
        this.#enter('FAILING');
        this.#stopAll();
        return;
      }
      this.#state.history = after;
      this.#state.restartDelay = decision.delay;
    }
    if (this.#state.status === 'RUNNING') this.#enter('RESTARTING');
    this.#stop(struck, this.#state.restartDelay);
  }

  /** J2, J3. */
  #failCommit(struck: readonly number[], error: EngineError, known: boolean): void {
    if (!known) this.#state.commitFailures++;
    const { commitFailures } = this.#state;
    const attempts = error.domain === 'user' ? COMMIT_ATTEMPTS_USER : COMMIT_ATTEMPTS;
    if (error.retry !== 'never' && commitFailures < attempts) {
      this.#stop(struck, commitPause(commitFailures));
      return;
    }
    const ready = this.#executions.filter((one) => one.ready);
    const parameters = {
      pending: ready.filter((one) => one.state !== 'FINISHED').length,
      total: ready.length,
      attempts: commitFailures,
    };
    this.#state.failure = new EngineError('JOB_COMMIT_FAILED', parameters, { cause: error });
    this.#enter('FAILING');
    this.#stopAll();
  }

  #cancel(): void {
    const { status } = this.#state;
    if (status === 'INITIALIZING' || status === 'CREATED') {
      this.#enter('CANCELED');
    } else if (status === 'RUNNING' || status === 'RESTARTING') {
      this.#state.failure = undefined;
      this.#enter('CANCELLING');
      this.#stopAll();
    }
  }

  #stopAll(): void {
    this.#stop([...this.#regions.keys()], undefined);
  }

  /** `delay`: before they start again; undefined if they do not. */
  #stop(regions: readonly number[], delay: Duration | undefined): void {
    for (const region of regions) {
      const { generation } = this.#regions[region]!;
      this.#change(region, { stopping: true, delayOver: delay === 0 });
      if (delay === undefined || delay === 0) continue;
      this.#effects.push({ kind: 'await-delay', delay, region, generation });
    }
    // J10
    if (this.#regions.every(({ stopping }) => stopping)) this.#closeSources();
    for (const region of regions) this.#stopSlots(this.#regions[region]!);
  }

  #stopSlots({ slots, generation }: RegionState): void {
    for (const slot of slots) {
      const phase = this.#slots[slot]!;
      if (phase !== 'preparing' && phase !== 'prepared' && phase !== 'deployed') continue;
      this.#slots[slot] = 'stopping';
      this.#effects.push({ kind: 'stop-slot', slot, generation });
    }
    for (const [index, execution] of this.#executions.entries()) {
      if (!slots.includes(execution.slot) || isTerminalExecution(execution.state)) continue;
      const waiting = execution.state === 'CREATED' || execution.state === 'SCHEDULED';
      const quiet = isQuiet(this.#slots[execution.slot]!);
      const state = waiting || quiet ? 'CANCELED' : 'CANCELING';
      this.#executions[index] = { ...execution, state };
    }
  }

  #closeSources(): void {
    if (!this.#state.sourcesRun) return;
    this.#state.sourcesRun = false;
    this.#effects.push({ kind: 'close-sources', epoch: this.#state.sourcesEpoch });
  }

  // -------------------------------------------------------------------------------- going forward

  #start(decision: CommitDecision | undefined): void {
    this.#enter('RUNNING');
    if (decision !== undefined) this.#resumeCommit(decision);
    for (const region of this.#regions.keys()) this.#beginGeneration(region);
  }

  /** J3, for a decision that was taken by an earlier master of the job. */
  #resumeCommit({ generation, committables }: CommitDecision): void {
    assert(
      committables.length === this.#executions.length,
      'J3: the decision is of another plan than the job',
    );
    this.#enter('COMMITTING');
    for (const region of this.#regions.keys()) this.#change(region, { generation });
    for (const [index, ready] of committables.entries()) {
      const execution = { ...this.#executions[index]!, generation };
      this.#executions[index] =
        ready === undefined
          ? { ...execution, state: 'FINISHED' }
          : { ...execution, state: 'CANCELED', ready: true, committables: ready };
    }
  }

  #beginGeneration(region: number): void {
    const { slots, generation: last } = this.#regions[region]!;
    const quiet = slots.every((slot) => isQuiet(this.#slots[slot]!));
    assert(quiet, 'J1: a slot of the last generation is not quiet');
    const generation = last + 1;
    this.#change(region, { generation, stopping: false, delayOver: false });
    const committing = this.#state.status === 'COMMITTING';
    for (const [index, execution] of this.#executions.entries()) {
      if (!slots.includes(execution.slot)) continue;
      if (!committing) {
        // J4
        const fresh = { ready: false, committables: [] };
        this.#executions[index] = { ...execution, ...fresh, state: 'SCHEDULED', generation };
      } else if (execution.state !== 'FINISHED') {
        assert(execution.ready, 'J3: an execution that was not ready would be committed');
        this.#executions[index] = { ...execution, state: 'SCHEDULED', generation };
      }
    }
  }

  /** What follows from the state by itself. */
  #advance(): void {
    const { status } = this.#state;
    if (status === 'RUNNING' || status === 'RESTARTING') {
      this.#beginWherePossible();
      if (this.#state.status === 'RUNNING' && this.#decide()) return;
      this.#deployWherePossible();
    } else if (status === 'COMMITTING') {
      this.#advanceCommit();
    } else if (status === 'FAILING' || status === 'CANCELLING') {
      const end = status === 'FAILING' ? 'FAILED' : 'CANCELED';
      if (this.#slots.every(isQuiet)) this.#enter(end);
    }
  }

  #advanceCommit(): void {
    if (this.#executions.every((one) => one.state === 'FINISHED')) {
      if (!this.#regions.every(({ stopping }) => stopping)) this.#stopAll();
      if (this.#slots.every(isQuiet)) this.#enter('FINISHED');
      return;
    }
    this.#beginWherePossible();
    this.#deployWherePossible();
  }

  /** J1, J9. */
  #beginWherePossible(): void {
    const ready = [...this.#regions.keys()].filter((region) => {
      const { stopping, delayOver, slots } = this.#regions[region]!;
      return stopping && delayOver && slots.every((slot) => isQuiet(this.#slots[slot]!));
    });
    const stopping = this.#regions.filter((region) => region.stopping).length;
    if (this.#state.status === 'RESTARTING' && stopping === ready.length) this.#enter('RUNNING');
    for (const region of ready) this.#beginGeneration(region);
  }

  /** J2: the end of the job. Without anything to commit the decision needs no second step. */
  #decide(): boolean {
    if (this.#executions.some((one) => one.state !== 'FINISHED' && !one.ready)) return false;
    this.#enter('COMMITTING');
    this.#closeSources();
    for (const [execution, { state, generation }] of this.#executions.entries()) {
      if (state !== 'FINISHED') this.#effects.push({ kind: 'commit', execution, generation });
    }
    this.#advanceCommit();
    return true;
  }

  #deployWherePossible(): void {
    const needed = this.#neededSlots();
    for (const region of this.#regions.keys()) {
      this.#deployWhenPossible(
        region,
        needed.filter((slot) => this.#state.regionOf[slot] === region),
      );
    }
  }

  #deployWhenPossible(region: number, needed: readonly number[]): void {
    for (const slot of needed) {
      if (this.#slots[slot] !== 'absent') continue;
      this.#slots[slot] = 'requested';
      this.#effects.push({ kind: 'request-slot', slot });
    }
    const { stopping, generation, slots } = this.#regions[region]!;
    if (stopping || needed.length === 0) return;
    if (needed.every((slot) => this.#slots[slot] === 'idle')) {
      const quiet = slots.every((slot) => isQuiet(this.#slots[slot]!));
      assert(quiet, 'J1: a slot of the last generation is not quiet');
      for (const slot of needed) this.#slots[slot] = 'preparing';
      this.#effects.push({ kind: 'prepare-slots', region, generation, slots: needed });
    } else if (needed.every((slot) => this.#slots[slot] === 'prepared')) {
      this.#deploy(region, needed);
    }
  }

  #deploy(region: number, slots: readonly number[]): void {
    const { generation } = this.#regions[region]!;
    const commitOnly = this.#state.status === 'COMMITTING';
    const executions: number[] = [];
    for (const [index, execution] of this.#executions.entries()) {
      if (execution.state !== 'SCHEDULED' || !slots.includes(execution.slot)) continue;
      this.#executions[index] = { ...execution, state: 'DEPLOYING' };
      executions.push(index);
    }
    for (const slot of slots) this.#slots[slot] = 'deployed';
    if (!commitOnly) this.#attachReaders(generation, executions);
    this.#effects.push({ kind: 'deploy', region, generation, slots, executions, commitOnly });
  }

  /** J10. */
  #attachReaders(generation: number, executions: readonly number[]): void {
    if (!this.#state.sourcesRun) {
      this.#state.sourcesRun = true;
      this.#state.sourcesEpoch++;
      this.#effects.push({ kind: 'start-sources', epoch: this.#state.sourcesEpoch });
    }
    this.#effects.push({ kind: 'attach-readers', generation, executions });
  }

  /** Those with something left to do: after the decision to commit, before it to run. */
  #neededSlots(): readonly number[] {
    const committing = this.#state.status === 'COMMITTING';
    const { regionOf } = this.#state;
    const needed = new Set<number>();
    const atWork = new Set<number>();
    for (const { slot, state } of this.#executions) {
      if (state === 'FINISHED') continue;
      needed.add(slot);
      atWork.add(regionOf[slot]!);
    }
    return [...this.#slots.keys()].filter((slot) =>
      committing ? needed.has(slot) : atWork.has(regionOf[slot]!),
    );
  }
}
