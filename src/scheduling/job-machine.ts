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
 * J11. Before the job ends a slot is given back only when every execution of its region has
 *     FINISHED and its worker is gone. Who starts all regions again asks for it again.
 * J12. Once a savepoint that stops the job is complete, tasks finish that have not read everything:
 *     what fails before the decision to commit then starts all regions again, and so does the
 *     savepoint where one of them was starting again already.
 */
import { assert } from '../base/assert.ts';
import { EngineError } from '../base/errors.ts';
import { milliseconds } from '../base/units.ts';
import { isTerminal } from '../protocol/job-status.ts';
import { executionAfter, isTerminalExecution } from './execution-state.ts';
import { isQuiet, JobDraft } from './job-draft.ts';
import { cancel, fail, savepointStops } from './job-failover.ts';
import { advance, start } from './job-progress.ts';
import type {
  ExecutionRecord,
  JobEffect,
  JobEvent,
  JobState,
  SlotPhase,
  StepInput,
} from './job-state.ts';
import { NO_RESTARTS } from './restart-strategy.ts';
import type { RestartStrategy } from './restart-strategy.ts';

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
    stops: false,
    commitFailures: 0,
    commitFailuresOfUser: 0,
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
  const draft = new JobDraft(state, input);
  handle(draft, event);
  return finish(draft);
}

function handle(draft: JobDraft, event: JobEvent): void {
  switch (event.kind) {
    case 'created':
      if (draft.state.status === 'INITIALIZING') draft.enter('CREATED');
      break;
    case 'start':
      if (draft.state.status === 'CREATED') start(draft, event.decision);
      break;
    case 'slot-assigned':
      if (draft.slots[event.slot] === 'requested') draft.slots[event.slot] = 'idle';
      break;
    case 'slot-lost':
      slotLost(draft, event.slot, event.proof, event.error);
      break;
    case 'sources-failed':
      if (draft.state.sourcesRun && event.epoch === draft.state.sourcesEpoch) {
        fail(draft, undefined, event.error);
      }
      break;
    case 'stops':
      savepointStops(draft);
      break;
    case 'failure':
      fail(draft, undefined, event.error);
      break;
    case 'cancel':
      cancel(draft);
      break;
    default:
      handleReport(draft, event);
  }
  advance(draft);
}

function finish(draft: JobDraft): readonly [JobState, readonly JobEffect[]] {
  const { status } = draft.state;
  if (isTerminal(status)) {
    assert(draft.slots.every(isQuiet), 'J5: a job ended while a slot of it was at work');
    draft.effects.push({ kind: 'ended' });
  }
  return [draft.state, draft.effects];
}

/** J6: what concerns one generation of one region. */
function handleReport(draft: JobDraft, event: Extract<JobEvent, { generation: number }>): void {
  const region = regionOfEvent(draft.state, event);
  if (event.generation !== draft.regions[region]?.generation) return;
  switch (event.kind) {
    case 'slot-prepared':
      if (draft.slots[event.slot] === 'preparing') draft.slots[event.slot] = 'prepared';
      break;
    case 'slot-stopped':
      slotStopped(draft, event.slot, event.error);
      break;
    case 'lease-over':
      if (draft.slots[event.slot] === 'doubtful') draft.quieten(event.slot, 'absent');
      break;
    case 'task-state':
      taskState(draft, region, event);
      break;
    case 'ready-to-commit':
      ready(draft, region, event.execution, event.committables);
      break;
    case 'region-failed':
      fail(draft, region, event.error);
      break;
    case 'delay-over':
      if (draft.regions[region].stopping) draft.change(region, { delayOver: true });
  }
}

function slotStopped(draft: JobDraft, slot: number, error: EngineError | undefined): void {
  const phase = draft.slots[slot]!;
  if (isQuiet(phase)) return;
  const expected = phase === 'stopping' || phase === 'doubtful' || draft.isSpent(slot);
  draft.quieten(slot, phase === 'doubtful' ? 'absent' : 'idle');
  if (expected) return;
  const unasked = new EngineError('INTERNAL', { message: 'a slot stopped unasked' });
  fail(draft, draft.state.regionOf[slot], error ?? unasked);
}

function slotLost(draft: JobDraft, slot: number, proof: boolean, error: EngineError): void {
  const phase = draft.slots[slot]!;
  if (phase === 'absent' || phase === 'requested') return;
  const region = draft.state.regionOf[slot]!;
  const harmless = isQuiet(phase) || draft.isSpent(slot);
  if (isQuiet(phase)) {
    draft.slots[slot] = 'absent';
  } else if (proof) {
    draft.quieten(slot, 'absent');
  } else if (phase !== 'doubtful') {
    draft.slots[slot] = 'doubtful';
    const { generation } = draft.regions[region]!;
    draft.effects.push({ kind: 'await-lease', slot, generation });
  }
  if (!harmless) fail(draft, region, error);
}

function taskState(
  draft: JobDraft,
  region: number,
  event: Extract<JobEvent, { kind: 'task-state' }>,
): void {
  const execution = draft.executions[event.execution]!;
  const after = executionAfter(execution.state, event.state);
  if (after === execution.state) return;
  draft.executions[event.execution] = { ...execution, state: after };
  if (draft.regions[region]!.stopping) return;
  if (after === 'FAILED') {
    const unnamed = new EngineError('INTERNAL', { message: 'a task failed without error' });
    fail(draft, region, event.error ?? unnamed);
  } else if (after === 'CANCELED') {
    fail(draft, region, new EngineError('INTERNAL', { message: 'a task was cancelled unasked' }));
  }
}

function ready(
  draft: JobDraft,
  region: number,
  index: number,
  committables: ExecutionRecord['committables'],
): void {
  const execution = draft.executions[index]!;
  const { status } = draft.state;
  if (status !== 'RUNNING' && status !== 'RESTARTING') return;
  if (draft.regions[region]!.stopping || isTerminalExecution(execution.state)) return;
  draft.executions[index] = { ...execution, ready: true, committables };
}
