/**
 * What a failure or a cancellation does to a job: which regions stop, whether and when they start
 * again, and how the job ends. The invariants named here are those of job-machine.ts.
 */
import { EngineError } from '../base/errors.ts';
import { seconds } from '../base/units.ts';
import type { Duration } from '../base/units.ts';
import { isTerminalExecution } from './execution-state.ts';
import { isQuiet } from './job-draft.ts';
import type { JobDraft } from './job-draft.ts';
import type { RegionState } from './job-state.ts';
import { afterFailure } from './restart-strategy.ts';

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

/** `region` undefined: all of them. */
export function fail(draft: JobDraft, region: number | undefined, error: EngineError): void {
  const { status } = draft.state;
  if (status === 'INITIALIZING' || status === 'CREATED') {
    draft.state.failure = error;
    draft.enter('FAILED');
    return;
  }
  // J12
  const isAlone = region !== undefined && (status === 'COMMITTING' || !draft.state.stops);
  draft.state.stops = false;
  const struck = [...draft.regions.keys()].filter(
    (each) => !draft.regions[each]!.stopping && (!isAlone || each === region),
  );
  if (struck.length === 0) return;
  const restarting = draft.regions.some(({ stopping }) => stopping);
  const known = restarting && error === draft.state.failure;
  draft.state.failure = error;
  if (status === 'COMMITTING') failCommit(draft, struck, error, known);
  else failRunning(draft, struck, error, known);
}

function failRunning(
  draft: JobDraft,
  struck: readonly number[],
  error: EngineError,
  known: boolean,
): void {
  // J8
  if (!known) {
    const { strategy, history } = draft.state;
    const { now, draw } = draft.input;
    const [after, decision] = afterFailure(strategy, history, now, draw);
    if (error.retry === 'never' || !decision.restart) {
      draft.enter('FAILING');
      stopAll(draft);
      return;
    }
    draft.state.history = after;
    draft.state.restartDelay = decision.delay;
  }
  if (draft.state.status === 'RUNNING') draft.enter('RESTARTING');
  stop(draft, struck, draft.state.restartDelay);
}

/** J2, J3. */
function failCommit(
  draft: JobDraft,
  struck: readonly number[],
  error: EngineError,
  known: boolean,
): void {
  if (!known) {
    draft.state.commitFailures++;
    if (error.domain === 'user') draft.state.commitFailuresOfUser++;
  }
  const { commitFailures, commitFailuresOfUser } = draft.state;
  // What others broke before says nothing about the user's code.
  const mayRetry = commitFailures < COMMIT_ATTEMPTS && commitFailuresOfUser < COMMIT_ATTEMPTS_USER;
  if (error.retry !== 'never' && mayRetry) {
    stop(draft, struck, commitPause(commitFailures));
    return;
  }
  const ready = draft.executions.filter((one) => one.ready);
  const parameters = {
    pending: ready.filter((one) => one.state !== 'FINISHED').length,
    total: ready.length,
    attempts: commitFailures,
  };
  draft.state.failure = new EngineError('JOB_COMMIT_FAILED', parameters, { cause: error });
  draft.enter('FAILING');
  stopAll(draft);
}

/** J12. */
export function savepointStops(draft: JobDraft): void {
  const { status, failure } = draft.state;
  if (status !== 'RUNNING' && status !== 'RESTARTING') return;
  draft.state.stops = true;
  if (draft.regions.some(({ stopping }) => stopping)) fail(draft, undefined, failure!);
}

export function cancel(draft: JobDraft): void {
  const { status } = draft.state;
  if (status === 'INITIALIZING' || status === 'CREATED') {
    draft.enter('CANCELED');
  } else if (status === 'RUNNING' || status === 'RESTARTING') {
    draft.state.failure = undefined;
    draft.enter('CANCELLING');
    stopAll(draft);
  }
}

export function stopAll(draft: JobDraft): void {
  stop(draft, [...draft.regions.keys()], undefined);
}

/** `delay`: before they start again; undefined if they do not. */
function stop(draft: JobDraft, regions: readonly number[], delay: Duration | undefined): void {
  for (const region of regions) {
    const { generation } = draft.regions[region]!;
    draft.change(region, { stopping: true, delayOver: delay === 0 });
    if (delay === undefined || delay === 0) continue;
    draft.effects.push({ kind: 'await-delay', delay, region, generation });
  }
  // J10
  if (draft.regions.every(({ stopping }) => stopping)) draft.closeSources();
  for (const region of regions) stopSlots(draft, draft.regions[region]!);
}

/** Those at work. */
export function stopSlots(draft: JobDraft, { slots, generation }: RegionState): void {
  for (const slot of slots) {
    const phase = draft.slots[slot]!;
    if (phase !== 'preparing' && phase !== 'prepared' && phase !== 'deployed') continue;
    draft.slots[slot] = 'stopping';
    draft.effects.push({ kind: 'stop-slot', slot, generation });
  }
  for (const [index, execution] of draft.executions.entries()) {
    if (!slots.includes(execution.slot) || isTerminalExecution(execution.state)) continue;
    const waiting = execution.state === 'CREATED' || execution.state === 'SCHEDULED';
    const quiet = isQuiet(draft.slots[execution.slot]!);
    const state = waiting || quiet ? 'CANCELED' : 'CANCELING';
    draft.executions[index] = { ...execution, state };
  }
}
