/**
 * What follows from the state of a job by itself: generations begin where all is quiet, slots are
 * requested, prepared and deployed, and the decision to commit is taken. The invariants named here
 * are those of job-machine.ts.
 */
import { assert } from '../base/assert.ts';
import type { CommitDecision } from '../protocol/stored-job.ts';
import { isQuiet } from './job-draft.ts';
import type { JobDraft } from './job-draft.ts';
import { stopAll, stopSlots } from './job-failover.ts';

export function start(draft: JobDraft, decision: CommitDecision | undefined): void {
  draft.enter('RUNNING');
  if (decision !== undefined) resumeCommit(draft, decision);
  for (const region of draft.regions.keys()) beginGeneration(draft, region);
}

/** J3, for a decision that was taken by an earlier master of the job. */
function resumeCommit(draft: JobDraft, { generation, committables }: CommitDecision): void {
  assert(
    committables.length === draft.executions.length,
    'J3: the decision is of another plan than the job',
  );
  draft.enter('COMMITTING');
  for (const region of draft.regions.keys()) draft.change(region, { generation });
  for (const [index, ready] of committables.entries()) {
    const execution = { ...draft.executions[index]!, generation };
    draft.executions[index] =
      ready === undefined
        ? { ...execution, state: 'FINISHED' }
        : { ...execution, state: 'CANCELED', ready: true, committables: ready };
  }
}

function beginGeneration(draft: JobDraft, region: number): void {
  const { slots, generation: last } = draft.regions[region]!;
  const quiet = slots.every((slot) => isQuiet(draft.slots[slot]!));
  assert(quiet, 'J1: a slot of the last generation is not quiet');
  const generation = last + 1;
  draft.change(region, { generation, stopping: false, delayOver: false });
  const committing = draft.state.status === 'COMMITTING';
  for (const [index, execution] of draft.executions.entries()) {
    if (!slots.includes(execution.slot)) continue;
    if (!committing) {
      // J4
      const fresh = { ready: false, committables: [] };
      draft.executions[index] = { ...execution, ...fresh, state: 'SCHEDULED', generation };
    } else if (execution.state !== 'FINISHED') {
      assert(execution.ready, 'J3: an execution that was not ready would be committed');
      draft.executions[index] = { ...execution, state: 'SCHEDULED', generation };
    }
  }
}

/** What follows from the state by itself. */
export function advance(draft: JobDraft): void {
  const { status } = draft.state;
  if (status === 'RUNNING' || status === 'RESTARTING') {
    beginWherePossible(draft);
    if (draft.state.status === 'RUNNING' && decide(draft)) return;
    releaseWherePossible(draft);
    deployWherePossible(draft);
  } else if (status === 'COMMITTING') {
    advanceCommit(draft);
  } else if (status === 'FAILING' || status === 'CANCELLING') {
    const end = status === 'FAILING' ? 'FAILED' : 'CANCELED';
    if (draft.slots.every(isQuiet)) draft.enter(end);
  }
}

function advanceCommit(draft: JobDraft): void {
  if (draft.executions.every((one) => one.state === 'FINISHED')) {
    if (!draft.regions.every(({ stopping }) => stopping)) stopAll(draft);
    if (draft.slots.every(isQuiet)) draft.enter('FINISHED');
    return;
  }
  beginWherePossible(draft);
  releaseWherePossible(draft);
  deployWherePossible(draft);
}

/** J11: a region that has finished needs no slots any more. */
function releaseWherePossible(draft: JobDraft): void {
  for (const [region, { slots, stopping }] of draft.regions.entries()) {
    if (stopping || !isDone(draft, region)) continue;
    stopSlots(draft, draft.regions[region]!);
    for (const slot of slots) {
      if (draft.slots[slot] !== 'idle') continue;
      draft.slots[slot] = 'absent';
      draft.effects.push({ kind: 'release-slot', slot });
    }
  }
}

function isDone({ state: { regionOf }, executions }: JobDraft, region: number): boolean {
  return executions.every((one) => one.state === 'FINISHED' || regionOf[one.slot] !== region);
}

/** J1, J9. */
function beginWherePossible(draft: JobDraft): void {
  const ready = [...draft.regions.keys()].filter((region) => {
    const { stopping, delayOver, slots } = draft.regions[region]!;
    return stopping && delayOver && slots.every((slot) => isQuiet(draft.slots[slot]!));
  });
  const stopping = draft.regions.filter((region) => region.stopping).length;
  if (draft.state.status === 'RESTARTING' && stopping === ready.length) draft.enter('RUNNING');
  for (const region of ready) beginGeneration(draft, region);
}

/** J2: the end of the job. Without anything to commit the decision needs no second step. */
function decide(draft: JobDraft): boolean {
  if (draft.executions.some((one) => one.state !== 'FINISHED' && !one.ready)) return false;
  draft.enter('COMMITTING');
  draft.closeSources();
  for (const [execution, { state, generation }] of draft.executions.entries()) {
    if (state !== 'FINISHED') draft.effects.push({ kind: 'commit', execution, generation });
  }
  advanceCommit(draft);
  return true;
}

function deployWherePossible(draft: JobDraft): void {
  const needed = neededSlots(draft);
  for (const region of draft.regions.keys()) {
    deployWhenPossible(
      draft,
      region,
      needed.filter((slot) => draft.state.regionOf[slot] === region),
    );
  }
}

function deployWhenPossible(draft: JobDraft, region: number, needed: readonly number[]): void {
  for (const slot of needed) {
    if (draft.slots[slot] !== 'absent') continue;
    draft.slots[slot] = 'requested';
    draft.effects.push({ kind: 'request-slot', slot });
  }
  const { stopping, generation, slots } = draft.regions[region]!;
  if (stopping || needed.length === 0) return;
  if (needed.every((slot) => draft.slots[slot] === 'idle')) {
    const quiet = slots.every((slot) => isQuiet(draft.slots[slot]!));
    assert(quiet, 'J1: a slot of the last generation is not quiet');
    for (const slot of needed) draft.slots[slot] = 'preparing';
    draft.effects.push({ kind: 'prepare-slots', region, generation, slots: needed });
  } else if (needed.every((slot) => draft.slots[slot] === 'prepared')) {
    deploy(draft, region, needed);
  }
}

function deploy(draft: JobDraft, region: number, slots: readonly number[]): void {
  const { generation } = draft.regions[region]!;
  const commitOnly = draft.state.status === 'COMMITTING';
  const executions: number[] = [];
  for (const [index, execution] of draft.executions.entries()) {
    if (execution.state !== 'SCHEDULED' || !slots.includes(execution.slot)) continue;
    draft.executions[index] = { ...execution, state: 'DEPLOYING' };
    executions.push(index);
  }
  for (const slot of slots) draft.slots[slot] = 'deployed';
  if (!commitOnly) attachReaders(draft, generation, executions);
  draft.effects.push({ kind: 'deploy', region, generation, slots, executions, commitOnly });
}

/** J10. */
function attachReaders(draft: JobDraft, generation: number, executions: readonly number[]): void {
  if (!draft.state.sourcesRun) {
    draft.state.sourcesRun = true;
    draft.state.sourcesEpoch++;
    draft.effects.push({ kind: 'start-sources', epoch: draft.state.sourcesEpoch });
  }
  draft.effects.push({ kind: 'attach-readers', generation, executions });
}

/** Those with something left to do: after the decision to commit, before it to run. */
function neededSlots(draft: JobDraft): readonly number[] {
  const committing = draft.state.status === 'COMMITTING';
  const { regionOf } = draft.state;
  const needed = new Set<number>();
  const atWork = new Set<number>();
  for (const { slot, state } of draft.executions) {
    if (state === 'FINISHED') continue;
    needed.add(slot);
    atWork.add(regionOf[slot]!);
  }
  return [...draft.slots.keys()].filter((slot) =>
    committing ? needed.has(slot) : atWork.has(regionOf[slot]!),
  );
}
