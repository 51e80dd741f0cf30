/**
 * The life of a job as a pure machine: slots are requested, workers prepared, tasks deployed; a
 * failure stops everything and starts it again in the next generation; when all tasks have ended or
 * are ready to commit, the decision to commit is taken, once.
 *
 * J1. A generation is prepared only when all slots are quiet: no worker of an earlier one can act.
 * J2. The decision to commit is taken once, when every execution is FINISHED or ready. COMMITTING
 *     leads to FINISHED or FAILING only; a cancellation then waits for the commit.
 * J3. After the decision no execution runs from its start again: those not yet FINISHED are
 *     deployed to commit exactly the committables that the decision was about.
 * J4. Before the decision nothing is committed, and a restart forgets everything that was ready.
 * J5. A terminal status has only quiet slots and never changes.
 * J6. A report of another generation than the present one changes nothing.
 * J7. The error that began a restart or failure is the one that is kept.
 */
import { assert } from '../base/assert.ts';
import { EngineError } from '../base/errors.ts';
import { seconds } from '../base/units.ts';
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
    generation: 0,
    slots: [],
    executions: [],
    strategy: { kind: 'none' },
    history: NO_RESTARTS,
    stopping: false,
    delayOver: false,
    commitFailures: 0,
    failure: undefined,
  };
}

/** The same job once its graph is known; `slotOf` gives the slot of each execution. */
export function plannedJob(slotOf: readonly number[], strategy: RestartStrategy): JobState {
  const slots = Math.max(-1, ...slotOf) + 1;
  return {
    ...initialJob(),
    strategy,
    slots: Array.from({ length: slots }, (): SlotPhase => 'absent'),
    executions: slotOf.map((slot) => ({
      slot,
      state: 'CREATED',
      generation: 0,
      ready: false,
      committables: [],
    })),
  };
}

export function isQuiet(phase: SlotPhase): boolean {
  return phase === 'absent' || phase === 'requested' || phase === 'idle';
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
  readonly #input: StepInput;
  readonly #effects: JobEffect[] = [];

  constructor(state: JobState, input: StepInput) {
    this.#slots = [...state.slots];
    this.#executions = [...state.executions];
    this.#state = { ...state, slots: this.#slots, executions: this.#executions };
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
      case 'slot-prepared':
        if (this.#isCurrent(event.generation) && this.#slots[event.slot] === 'preparing') {
          this.#slots[event.slot] = 'prepared';
        }
        break;
      case 'slot-stopped':
        if (this.#isCurrent(event.generation)) this.#slotStopped(event.slot, event.error);
        break;
      case 'slot-lost':
        this.#slotLost(event.slot, event.proof, event.error);
        break;
      case 'lease-over':
        if (this.#isCurrent(event.generation) && this.#slots[event.slot] === 'doubtful') {
          this.#quieten(event.slot, 'absent');
        }
        break;
      case 'task-state':
        if (this.#isCurrent(event.generation)) this.#taskState(event);
        break;
      case 'ready-to-commit':
        if (this.#isCurrent(event.generation)) this.#ready(event.execution, event.committables);
        break;
      case 'failure':
        if (event.generation === undefined || this.#isCurrent(event.generation))
          this.#fail(event.error);
        break;
      case 'delay-over':
        if (this.#isCurrent(event.generation) && this.#state.stopping) this.#state.delayOver = true;
        break;
      case 'cancel':
        this.#cancel();
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

  /** J6. */
  #isCurrent(generation: number): boolean {
    return generation === this.#state.generation;
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
    const expected = phase === 'stopping' || phase === 'doubtful';
    const idle = this.#isIdle(slot);
    this.#quieten(slot, phase === 'doubtful' ? 'absent' : 'idle');
    if (expected || (idle && this.#state.status === 'COMMITTING')) return;
    this.#fail(error ?? new EngineError('INTERNAL', { message: 'a slot stopped unasked' }));
  }

  #slotLost(slot: number, proof: boolean, error: EngineError): void {
    const phase = this.#slots[slot]!;
    if (phase === 'absent' || phase === 'requested') return;
    const harmless = isQuiet(phase) || (this.#isIdle(slot) && this.#state.status === 'COMMITTING');
    if (isQuiet(phase)) {
      this.#slots[slot] = 'absent';
    } else if (proof) {
      this.#quieten(slot, 'absent');
    } else if (phase !== 'doubtful') {
      this.#slots[slot] = 'doubtful';
      this.#effects.push({ kind: 'await-lease', slot, generation: this.#state.generation });
    }
    if (!harmless) this.#fail(error);
  }

  #taskState(event: Extract<JobEvent, { kind: 'task-state' }>): void {
    const execution = this.#executions[event.execution]!;
    const after = executionAfter(execution.state, event.state);
    if (after === execution.state) return;
    this.#executions[event.execution] = { ...execution, state: after };
    if (this.#state.stopping) return;
    if (after === 'FAILED') {
      this.#fail(
        event.error ?? new EngineError('INTERNAL', { message: 'a task failed without error' }),
      );
    } else if (after === 'CANCELED') {
      this.#fail(new EngineError('INTERNAL', { message: 'a task was cancelled unasked' }));
    }
  }

  #ready(index: number, committables: ExecutionRecord['committables']): void {
    const execution = this.#executions[index]!;
    const { status, stopping } = this.#state;
    if (status !== 'RUNNING' || stopping || isTerminalExecution(execution.state)) return;
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

  /** All executions of the slot have finished. */
  #isIdle(slot: number): boolean {
    return this.#executions.every((one) => one.slot !== slot || one.state === 'FINISHED');
  }

  // ---------------------------------------------------------------------- failures, cancellation

  #fail(error: EngineError): void {
    const { status, stopping } = this.#state;
    if (status === 'INITIALIZING' || status === 'CREATED') {
      this.#state.failure = error;
      this.#enter('FAILED');
    } else if (!stopping) {
      this.#state.failure = error;
      if (status === 'COMMITTING') this.#failCommit(error);
      else this.#failRunning(error);
      this.#stopAll();
    }
  }

  #failRunning(error: EngineError): void {
    const { strategy, history } = this.#state;
    const [after, decision] = afterFailure(strategy, history, this.#input.now, this.#input.draw);
    if (error.retry === 'never' || !decision.restart) {
      this.#enter('FAILING');
      return;
    }
    this.#state.history = after;
    this.#enter('RESTARTING');
    this.#awaitDelay(decision.delay);
  }

  /** J2, J3. */
  #failCommit(error: EngineError): void {
    this.#state.commitFailures++;
    const attempts = error.domain === 'user' ? COMMIT_ATTEMPTS_USER : COMMIT_ATTEMPTS;
    if (error.retry !== 'never' && this.#state.commitFailures < attempts) {
      this.#awaitDelay(commitPause(this.#state.commitFailures));
      return;
    }
    const ready = this.#executions.filter((one) => one.ready);
    const parameters = {
      pending: ready.filter((one) => one.state !== 'FINISHED').length,
      total: ready.length,
      attempts: this.#state.commitFailures,
    };
    this.#state.failure = new EngineError('JOB_COMMIT_FAILED', parameters, { cause: error });
    this.#enter('FAILING');
  }

  #awaitDelay(delay: Duration): void {
    const { generation } = this.#state;
    this.#state.delayOver = delay === 0;
    if (delay > 0) this.#effects.push({ kind: 'await-delay', delay, generation });
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
    const { generation, status, stopping } = this.#state;
    if (!stopping && status !== 'COMMITTING') {
      this.#effects.push({ kind: 'close-sources', generation });
    }
    this.#state.stopping = true;
    for (const [slot, phase] of this.#slots.entries()) {
      if (phase !== 'preparing' && phase !== 'prepared' && phase !== 'deployed') continue;
      this.#slots[slot] = 'stopping';
      this.#effects.push({ kind: 'stop-slot', slot, generation });
    }
    for (const [index, execution] of this.#executions.entries()) {
      if (isTerminalExecution(execution.state)) continue;
      const waiting = execution.state === 'CREATED' || execution.state === 'SCHEDULED';
      const quiet = isQuiet(this.#slots[execution.slot]!);
      this.#executions[index] = {
        ...execution,
        state: waiting || quiet ? 'CANCELED' : 'CANCELING',
      };
    }
  }

  // -------------------------------------------------------------------------------- going forward

  #start(decision: CommitDecision | undefined): void {
    this.#enter('RUNNING');
    if (decision !== undefined) this.#resumeCommit(decision);
    this.#beginGeneration();
  }

  /** J3, for a decision that was taken by an earlier master of the job. */
  #resumeCommit({ generation, committables }: CommitDecision): void {
    assert(
      committables.length === this.#executions.length,
      'J3: the decision is of another plan than the job',
    );
    this.#enter('COMMITTING');
    this.#state.generation = generation;
    for (const [index, ready] of committables.entries()) {
      const execution = { ...this.#executions[index]!, generation };
      this.#executions[index] =
        ready === undefined
          ? { ...execution, state: 'FINISHED' }
          : { ...execution, state: 'CANCELED', ready: true, committables: ready };
    }
  }

  #beginGeneration(): void {
    assert(this.#slots.every(isQuiet), 'J1: a slot of the last generation is not quiet');
    const state = this.#state;
    state.generation++;
    state.stopping = false;
    state.delayOver = false;
    const committing = state.status === 'COMMITTING';
    for (const [index, execution] of this.#executions.entries()) {
      if (!committing) {
        this.#executions[index] = {
          ...execution,
          state: 'SCHEDULED',
          generation: state.generation,
          ready: false,
          committables: [],
        };
      } else if (execution.state !== 'FINISHED') {
        assert(execution.ready, 'J3: an execution that was not ready would be committed');
        this.#executions[index] = {
          ...execution,
          state: 'SCHEDULED',
          generation: state.generation,
        };
      }
    }
  }

  /** What follows from the state by itself. */
  #advance(): void {
    const { status } = this.#state;
    if (status === 'RUNNING') {
      this.#decide();
      this.#deployWhenPossible();
    } else if (status === 'RESTARTING') {
      if (this.#mayBegin()) {
        this.#enter('RUNNING');
        this.#beginGeneration();
      }
      this.#deployWhenPossible();
    } else if (status === 'COMMITTING') {
      this.#advanceCommit();
    } else if (status === 'FAILING' || status === 'CANCELLING') {
      const end = status === 'FAILING' ? 'FAILED' : 'CANCELED';
      if (this.#slots.every(isQuiet)) this.#enter(end);
    }
  }

  #advanceCommit(): void {
    if (this.#executions.every((one) => one.state === 'FINISHED')) {
      if (!this.#state.stopping) this.#stopAll();
      if (this.#slots.every(isQuiet)) this.#enter('FINISHED');
      return;
    }
    if (this.#mayBegin()) this.#beginGeneration();
    this.#deployWhenPossible();
  }

  #mayBegin(): boolean {
    return this.#state.stopping && this.#state.delayOver && this.#slots.every(isQuiet);
  }

  /** J2: the end of the job. Without anything to commit the decision needs no second step. */
  #decide(): void {
    const { generation } = this.#state;
    if (this.#executions.some((one) => one.state !== 'FINISHED' && !one.ready)) return;
    this.#enter('COMMITTING');
    this.#effects.push({ kind: 'close-sources', generation });
    for (const [execution, one] of this.#executions.entries()) {
      if (one.state !== 'FINISHED') this.#effects.push({ kind: 'commit', execution, generation });
    }
    this.#advanceCommit();
  }

  #deployWhenPossible(): void {
    const { status, generation, stopping } = this.#state;
    const needed = this.#neededSlots();
    for (const slot of needed) {
      if (this.#slots[slot] !== 'absent') continue;
      this.#slots[slot] = 'requested';
      this.#effects.push({ kind: 'request-slot', slot });
    }
    if (stopping || needed.length === 0) return;
    if (needed.every((slot) => this.#slots[slot] === 'idle')) {
      assert(this.#slots.every(isQuiet), 'J1: a slot of the last generation is not quiet');
      for (const slot of needed) this.#slots[slot] = 'preparing';
      this.#effects.push({ kind: 'prepare-slots', generation, slots: needed });
    } else if (needed.every((slot) => this.#slots[slot] === 'prepared')) {
      this.#deploy(needed, status === 'COMMITTING');
    }
  }

  #deploy(slots: readonly number[], commitOnly: boolean): void {
    const { generation } = this.#state;
    const executions: number[] = [];
    for (const [index, execution] of this.#executions.entries()) {
      if (execution.state !== 'SCHEDULED') continue;
      this.#executions[index] = { ...execution, state: 'DEPLOYING' };
      executions.push(index);
    }
    for (const slot of slots) this.#slots[slot] = 'deployed';
    if (!commitOnly) this.#effects.push({ kind: 'start-sources', generation });
    this.#effects.push({ kind: 'deploy', generation, slots, executions, commitOnly });
  }

  /** All slots; after the decision only those with something left to commit. */
  #neededSlots(): readonly number[] {
    const committing = this.#state.status === 'COMMITTING';
    const needed = new Set<number>();
    for (const execution of this.#executions) {
      if (!committing || execution.state !== 'FINISHED') needed.add(execution.slot);
    }
    return [...needed].sort((a, b) => a - b);
  }
}
