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
 * A4. What is given of a TaskExecutor is never more than it has.
 */
import {
  describeProfile,
  multiplyResources,
  profileKey,
  timesInto,
} from '../protocol/resource-profile.ts';
import type { ResourceProfile } from '../protocol/resource-profile.ts';
import type {
  JobMasterRegistration,
  SlotReport,
  SlotRequirement,
} from '../protocol/resource-manager-service.ts';
import { freeSlotCount, recordOf, roomFor } from './slot-records.ts';
import type { SlotRecord, TaskExecutorSlots } from './slot-records.ts';

/**
 * Where slots come from if several TaskExecutors have some. `NONE`: as few processes as possible
 * for each job, because tasks of one process exchange through shared memory. `MIN_RESOURCES`: as
 * few as possible for all jobs together. `SLOTS`, `TASKS`: spread by the share of slots in use, by
 * tasks.
 */
export type LoadBalanceMode = 'NONE' | 'SLOTS' | 'TASKS' | 'MIN_RESOURCES';

interface JobRequirement {
  readonly jobId: string;
  /** In all. */
  readonly slots: readonly SlotRequirement[];
  /** To whom slots are offered. */
  readonly jobMaster: JobMasterRegistration;
}

/** What nobody has. */
interface Missing {
  readonly slots: number;
  /** The same in slots of the default size: how many would have to be added. */
  readonly defaultSlots: number;
}

export interface SlotManagerState {
  /** Begins every allocation id; unique for the leader session. */
  readonly session: string;
  readonly mode: LoadBalanceMode;
  readonly nextAllocation: number;
  readonly taskExecutors: ReadonlyMap<string, TaskExecutorSlots>;
  readonly jobs: ReadonlyMap<string, JobRequirement>;
  /** Slots that jobs need and nobody has, as last told. */
  readonly missing: ReadonlyMap<string, Missing>;
}

export type SlotManagerEvent =
  | {
      readonly kind: 'registered';
      readonly taskExecutorId: string;
      readonly report: SlotReport;
      readonly resources: Omit<TaskExecutorSlots, 'records'>;
    }
  | {
      readonly kind: 'reported';
      readonly taskExecutorId: string;
      readonly report: SlotReport;
      /** If that has changed. */
      readonly total?: Pick<TaskExecutorSlots, 'slotsNumber' | 'total'> | undefined;
    }
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
      readonly resource: ResourceProfile | undefined;
      readonly requirement: JobRequirement;
    }
  /**
   * Said whenever it changes, 0 included: for whoever can start more TaskExecutors, and for the
   * job.
   */
  | {
      readonly kind: 'missing';
      readonly jobId: string;
      readonly slots: number;
      /** What there is, as a sentence. */
      readonly available: string;
    };

export function initialSlotManager(
  session: string,
  mode: LoadBalanceMode = 'NONE',
): SlotManagerState {
  return {
    ...{ session, mode },
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
      return withSlots(state, event.taskExecutorId, {
        ...event.resources,
        records: event.report.map((each) => recordOf(each)),
      });
    case 'reported': {
      const known = state.taskExecutors.get(event.taskExecutorId);
      if (known === undefined) return state;
      return withSlots(state, event.taskExecutorId, {
        ...{ ...known, ...event.total },
        records: reconciled(known.records, event.report),
      });
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

/** A request on its way is not in the report yet: its answer decides. */
function reconciled(known: readonly SlotRecord[], report: SlotReport): readonly SlotRecord[] {
  const count = Math.max(report.length, known.length);
  return Array.from({ length: count }, (_, slot) => {
    const before = known[slot];
    const reported = report[slot];
    const isPending = before?.status === 'pending' && reported === undefined;
    return isPending ? before : recordOf(reported, before);
  });
}

function withSlots(
  state: SlotManagerState,
  taskExecutorId: string,
  slots: TaskExecutorSlots,
): SlotManagerState {
  return { ...state, taskExecutors: new Map(state.taskExecutors).set(taskExecutorId, slots) };
}

/** Answers about an allocation that the slot does not have any more change nothing (A1). */
function withAnswer(
  state: SlotManagerState,
  answer: 'granted' | 'refused' | 'freed',
  taskExecutorId: string,
  slot: number,
  allocationId: string,
): SlotManagerState {
  const slots = state.taskExecutors.get(taskExecutorId);
  const record = slots?.records[slot];
  if (slots === undefined || record === undefined) return state;
  if (!('allocationId' in record) || record.allocationId !== allocationId) return state;
  const pending = record.status === 'pending';
  if (answer !== 'freed' && !pending) return state;
  const { resource } = record;
  const next: SlotRecord =
    answer === 'granted'
      ? { ...record, status: 'allocated' }
      : answer === 'freed'
        ? { status: 'free' }
        : { status: 'unknown', resource };
  return withSlots(state, taskExecutorId, { ...slots, records: slots.records.with(slot, next) });
}

// ---------------------------------------------------------------------------------- matching

function match(state: SlotManagerState): readonly [SlotManagerState, readonly SlotManagerEffect[]] {
  const effects: SlotManagerEffect[] = [];
  const missing = new Map<string, Missing>();
  let next = state;
  for (const requirement of state.jobs.values()) {
    const { jobId } = requirement;
    let lacks: Missing = { slots: 0, defaultSlots: 0 };
    for (const { resource, slots, tasks } of requirement.slots) {
      let lacking = slots - held(next, jobId, resource);
      for (; lacking > 0; lacking--) {
        const place = freeSlot(next, jobId, resource);
        if (place === undefined) break;
        const allocationId = `${next.session}/${next.nextAllocation}`;
        const use = { allocationId, jobId, resource, tasks };
        next = occupy({ ...next, nextAllocation: next.nextAllocation + 1 }, place, {
          status: 'pending',
          ...use,
        });
        effects.push({ kind: 'request-slot', ...place, allocationId, resource, requirement });
      }
      if (lacking > 0) lacks = addMissing(lacks, lacking, sizeInSlots(next, resource));
    }
    missing.set(jobId, lacks);
  }
  for (const [jobId, { slots }] of missing) {
    if (slots === (state.missing.get(jobId)?.slots ?? 0)) continue;
    effects.push({ kind: 'missing', jobId, slots, available: describeAvailable(next, jobId) });
  }
  return [{ ...next, missing }, effects];
}

function addMissing(sum: Missing, slots: number, size: number): Missing {
  return { slots: sum.slots + slots, defaultSlots: sum.defaultSlots + slots * size };
}

/** How many slots of the default size one of these resources takes, as far as that can be said. */
function sizeInSlots(state: SlotManagerState, resource: ResourceProfile | undefined): number {
  const [first] = state.taskExecutors.values();
  if (resource === undefined || first === undefined) return 1;
  for (let count = 1; count <= first.slotsNumber + 64; count++) {
    if (timesInto(resource, multiplyResources(first.defaultSlot, count)) >= 1) return count;
  }
  return 1;
}

function held(
  state: SlotManagerState,
  jobId: string,
  resource: ResourceProfile | undefined,
): number {
  const key = profileKey(resource);
  let count = 0;
  for (const { records } of state.taskExecutors.values()) {
    for (const record of records) {
      if (!('jobId' in record) || record.jobId !== jobId) continue;
      if (profileKey(record.resource) === key) count++;
    }
  }
  return count;
}

interface Place {
  readonly taskExecutorId: string;
  readonly slot: number;
}

function occupy(state: SlotManagerState, place: Place, record: SlotRecord): SlotManagerState {
  const slots = state.taskExecutors.get(place.taskExecutorId)!;
  const records = [...slots.records];
  records[place.slot] = record;
  return withSlots(state, place.taskExecutorId, { ...slots, records });
}

/** The best place by the mode, of those that have room. */
function freeSlot(
  state: SlotManagerState,
  jobId: string,
  resource: ResourceProfile | undefined,
): Place | undefined {
  let best: (Place & { readonly rank: readonly number[] }) | undefined;
  for (const [taskExecutorId, slots] of state.taskExecutors) {
    const slot = roomFor(slots, resource);
    if (slot === undefined) continue;
    const rank = rankOf(state.mode, slots, jobId);
    if (best === undefined || isBefore(rank, best.rank)) best = { taskExecutorId, slot, rank };
  }
  return best && { taskExecutorId: best.taskExecutorId, slot: best.slot };
}

/** The least comes first. */
function rankOf(mode: LoadBalanceMode, slots: TaskExecutorSlots, jobId: string): readonly number[] {
  const { records, slotsNumber } = slots;
  const used = records.filter(({ status }) => status !== 'free').length;
  const free = freeSlotCount(slots);
  switch (mode) {
    case 'NONE': {
      const here = records.some((record) => 'jobId' in record && record.jobId === jobId);
      return [here ? 0 : 1, -free];
    }
    case 'MIN_RESOURCES':
      return [free];
    case 'SLOTS':
      return [used / Math.max(slotsNumber, used, 1), -free];
    case 'TASKS':
      return [
        records.reduce((sum, record) => sum + ('tasks' in record ? record.tasks : 0), 0),
        -free,
      ];
  }
}

function isBefore(left: readonly number[], right: readonly number[]): boolean {
  const at = left.findIndex((part, i) => part !== right[i]);
  return at >= 0 && left[at]! < right[at]!;
}

/** Why a job does not get what it needs. */
function describeAvailable(state: SlotManagerState, jobId: string): string {
  const all = [...state.taskExecutors.values()];
  if (all.length === 0) return 'There is no TaskManager.';
  const slots = all.reduce((sum, { slotsNumber }) => sum + slotsNumber, 0);
  const free = all.reduce((sum, each) => sum + freeSlotCount(each), 0);
  const own = (state.jobs.get(jobId)?.slots ?? []).filter(({ resource }) => resource !== undefined);
  const asked = own.map(({ resource, slots: count }) => `${count} ${describeProfile(resource)}`);
  const wanted = asked.length === 0 ? '' : ` It asks for ${asked.join(', ')}.`;
  const managers = all.length === 1 ? '1 TaskManager' : `${all.length} TaskManagers`;
  return `There are ${slots} slots in ${managers}, ${free} of them free.${wanted}`;
}
