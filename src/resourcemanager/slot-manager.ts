/**
 * Which slot of which TaskExecutor goes to which job, as a pure machine. Jobs declare how many
 * slots they need in all; the machine asks TaskExecutors for free slots until each job has that
 * many, and begins again whenever a slot, a TaskExecutor or a declaration changes.
 *
 * A1. A slot has at most one allocation, and an allocation id is given once.
 * A2. A job never has more allocations (pending ones included) than it declared, except after it
 *     has lowered its declaration: then it gives slots back itself.
 * A3. A slot whose request failed is not used until its TaskExecutor has reported what became of
 *     it.
 */
import type { JobMasterRegistration, SlotReport } from '../protocol/resource-manager-service.ts';

interface JobRequirement {
  readonly jobId: string;
  /** In all. */
  readonly slots: number;
  /** To whom slots are offered. */
  readonly jobMaster: JobMasterRegistration;
}

export type SlotRecord =
  | { readonly status: 'free' }
  | { readonly status: 'unknown' }
  | { readonly status: 'pending'; readonly allocationId: string; readonly jobId: string }
  | { readonly status: 'allocated'; readonly allocationId: string; readonly jobId: string };

export interface SlotManagerState {
  /** Begins every allocation id; unique for the leader session. */
  readonly session: string;
  readonly nextAllocation: number;
  readonly taskExecutors: ReadonlyMap<string, readonly SlotRecord[]>;
  readonly jobs: ReadonlyMap<string, JobRequirement>;
  /** Slots that jobs need and nobody has, as last told. */
  readonly missing: ReadonlyMap<string, number>;
}

export type SlotManagerEvent =
  | { readonly kind: 'registered'; readonly taskExecutorId: string; readonly report: SlotReport }
  | { readonly kind: 'reported'; readonly taskExecutorId: string; readonly report: SlotReport }
  | { readonly kind: 'lost'; readonly taskExecutorId: string }
  | {
      readonly kind: 'granted' | 'refused' | 'freed';
      readonly taskExecutorId: string;
      readonly slot: number;
      readonly allocationId: string;
    }
  | { readonly kind: 'declared'; readonly requirement: JobRequirement }
  | { readonly kind: 'job-gone'; readonly jobId: string };

export type SlotManagerEffect =
  | {
      readonly kind: 'request-slot';
      readonly taskExecutorId: string;
      readonly slot: number;
      readonly allocationId: string;
      readonly requirement: JobRequirement;
    }
  /**
   * Said whenever it changes, 0 included: for whoever can start more TaskExecutors, and for the
   * job.
   */
  | { readonly kind: 'missing'; readonly jobId: string; readonly slots: number };

export function initialSlotManager(session: string): SlotManagerState {
  return {
    session,
    nextAllocation: 1,
    taskExecutors: new Map(),
    jobs: new Map(),
    missing: new Map(),
  };
}

export function stepSlotManager(
  state: SlotManagerState,
  event: SlotManagerEvent,
): readonly [SlotManagerState, readonly SlotManagerEffect[]] {
  return match(apply(state, event));
}

function apply(state: SlotManagerState, event: SlotManagerEvent): SlotManagerState {
  switch (event.kind) {
    case 'registered':
      return withSlots(state, event.taskExecutorId, event.report.map(recordOf));
    case 'reported': {
      const known = state.taskExecutors.get(event.taskExecutorId);
      if (known === undefined) return state;
      const records = event.report.map((each, slot) => reconcile(known[slot], each));
      return withSlots(state, event.taskExecutorId, records);
    }
    case 'lost': {
      const taskExecutors = new Map(state.taskExecutors);
      taskExecutors.delete(event.taskExecutorId);
      return { ...state, taskExecutors };
    }
    case 'granted':
    case 'refused':
    case 'freed':
      return withAnswer(state, event.kind, event.taskExecutorId, event.slot, event.allocationId);
    case 'declared':
      return {
        ...state,
        jobs: new Map(state.jobs).set(event.requirement.jobId, event.requirement),
      };
    case 'job-gone': {
      const jobs = new Map(state.jobs);
      jobs.delete(event.jobId);
      return { ...state, jobs };
    }
  }
}

function recordOf(reported: SlotReport[number]): SlotRecord {
  if (reported === undefined) return { status: 'free' };
  const { allocationId, jobId } = reported;
  return { status: 'allocated', allocationId, jobId };
}

/** A request on its way is not in the report yet: its answer decides. */
function reconcile(known: SlotRecord | undefined, reported: SlotReport[number]): SlotRecord {
  return known?.status === 'pending' && reported === undefined ? known : recordOf(reported);
}

function withSlots(
  state: SlotManagerState,
  taskExecutorId: string,
  records: readonly SlotRecord[],
): SlotManagerState {
  return { ...state, taskExecutors: new Map(state.taskExecutors).set(taskExecutorId, records) };
}

/** Answers about an allocation that the slot does not have any more change nothing (A1). */
function withAnswer(
  state: SlotManagerState,
  answer: 'granted' | 'refused' | 'freed',
  taskExecutorId: string,
  slot: number,
  allocationId: string,
): SlotManagerState {
  const records = state.taskExecutors.get(taskExecutorId);
  const record = records?.[slot];
  if (records === undefined || record === undefined) return state;
  if (!('allocationId' in record) || record.allocationId !== allocationId) return state;
  const pending = record.status === 'pending';
  if (answer !== 'freed' && !pending) return state;
  const { jobId } = record;
  const next: SlotRecord =
    answer === 'granted'
      ? { status: 'allocated', allocationId, jobId }
      : { status: answer === 'freed' ? 'free' : 'unknown' };
  return withSlots(state, taskExecutorId, records.with(slot, next));
}

// ---------------------------------------------------------------------------------- matching

function match(state: SlotManagerState): readonly [SlotManagerState, readonly SlotManagerEffect[]] {
  const effects: SlotManagerEffect[] = [];
  const missing = new Map<string, number>();
  let next = state;
  for (const requirement of state.jobs.values()) {
    let lacking = requirement.slots - held(next, requirement.jobId);
    while (lacking > 0) {
      const place = freeSlot(next, requirement.jobId);
      if (place === undefined) break;
      const allocationId = `${next.session}/${next.nextAllocation}`;
      const { taskExecutorId, slot } = place;
      next = occupy({ ...next, nextAllocation: next.nextAllocation + 1 }, place, {
        status: 'pending',
        allocationId,
        jobId: requirement.jobId,
      });
      effects.push({ kind: 'request-slot', taskExecutorId, slot, allocationId, requirement });
      lacking--;
    }
    missing.set(requirement.jobId, Math.max(lacking, 0));
  }
  for (const [jobId, slots] of missing) {
    if (slots !== (state.missing.get(jobId) ?? 0)) effects.push({ kind: 'missing', jobId, slots });
  }
  return [{ ...next, missing }, effects];
}

function held(state: SlotManagerState, jobId: string): number {
  let count = 0;
  for (const records of state.taskExecutors.values()) {
    for (const record of records) if ('jobId' in record && record.jobId === jobId) count++;
  }
  return count;
}

interface Place {
  readonly taskExecutorId: string;
  readonly slot: number;
}

function occupy(state: SlotManagerState, place: Place, record: SlotRecord): SlotManagerState {
  const records = state.taskExecutors.get(place.taskExecutorId)!;
  return withSlots(state, place.taskExecutorId, records.with(place.slot, record));
}

/**
 * As few processes as possible, because tasks of one process exchange through shared memory: first
 * where the job is already, then where the most is free.
 */
function freeSlot(state: SlotManagerState, jobId: string): Place | undefined {
  let best: (Place & { readonly here: boolean; readonly free: number }) | undefined;
  for (const [taskExecutorId, records] of state.taskExecutors) {
    const slot = records.findIndex(({ status }) => status === 'free');
    if (slot < 0) continue;
    const here = records.some((record) => 'jobId' in record && record.jobId === jobId);
    const free = records.filter(({ status }) => status === 'free').length;
    if (best === undefined || (here && !best.here) || (here === best.here && free > best.free)) {
      best = { taskExecutorId, slot, here, free };
    }
  }
  return best;
}
