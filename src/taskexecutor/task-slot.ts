/**
 * One slot of a TaskExecutor as a pure machine: free, promised to a job by the ResourceManager,
 * taken by the job, or being given back. What runs in the slot is another matter
 * (`slot-worker.ts`); here it only counts that a slot with a worker is not free.
 *
 * T1. A slot belongs to one allocation from its request until it is free again.
 * T2. A slot is free only when no worker lives in it.
 * T3. An event of another allocation changes nothing.
 */
import type { ResourceProfile } from '../protocol/resource-profile.ts';
import type { Duration } from '../base/units.ts';

interface SlotAllocation {
  readonly allocationId: string;
  readonly jobId: string;
  /** Undefined: a slot of the default size. */
  readonly resource?: ResourceProfile | undefined;
}

export type TaskSlotState =
  | { readonly kind: 'free' }
  /** Promised to a job, which has not taken it yet. */
  | { readonly kind: 'allocated'; readonly allocation: SlotAllocation; readonly since: Duration }
  | { readonly kind: 'active'; readonly allocation: SlotAllocation }
  /** Free once its worker is gone. */
  | { readonly kind: 'releasing'; readonly allocation: SlotAllocation };

export type TaskSlotEvent =
  | { readonly kind: 'request'; readonly allocation: SlotAllocation }
  | { readonly kind: 'accepted' | 'rejected'; readonly allocationId: string }
  /** The job's master was lost: the slot must be taken again. */
  | { readonly kind: 'job-lost'; readonly allocationId: string }
  /** Give it back; `worker`: whether one lives in it. */
  | { readonly kind: 'free'; readonly allocationId: string; readonly worker: boolean }
  | { readonly kind: 'worker-gone' }
  /** The time-out for being taken has passed; `worker` as above. */
  | { readonly kind: 'tick'; readonly timeout: Duration; readonly worker: boolean };

export type TaskSlotEffect =
  /** The ResourceManager must know. */
  | { readonly kind: 'freed'; readonly allocation: SlotAllocation }
  | { readonly kind: 'stop-worker' }
  | { readonly kind: 'refuse' };

type Step = readonly [TaskSlotState, readonly TaskSlotEffect[]];

const FREE: TaskSlotState = { kind: 'free' };

export function stepTaskSlot(state: TaskSlotState, event: TaskSlotEvent, now: Duration): Step {
  switch (event.kind) {
    case 'request':
      return request(state, event.allocation, now);
    case 'worker-gone':
      return state.kind === 'releasing' ? freed(state.allocation) : [state, []];
    case 'tick':
      if (state.kind !== 'allocated' || now - state.since < event.timeout) return [state, []];
      return giveBack(state.allocation, event.worker);
    case 'accepted':
    case 'rejected':
    case 'job-lost':
    case 'free':
      // T3
      if (state.kind === 'free' || state.allocation.allocationId !== event.allocationId)
        return [state, []];
      return ofAllocation(state, event, now);
  }
}

function request(state: TaskSlotState, allocation: SlotAllocation, now: Duration): Step {
  if (state.kind === 'free') return [{ kind: 'allocated', allocation, since: now }, []];
  const again =
    state.allocation.allocationId === allocation.allocationId && state.kind !== 'releasing';
  return [state, again ? [] : [{ kind: 'refuse' }]];
}

function ofAllocation(
  state: Exclude<TaskSlotState, { kind: 'free' }>,
  event: Extract<TaskSlotEvent, { allocationId: string }>,
  now: Duration,
): Step {
  const { allocation } = state;
  if (state.kind === 'releasing') return [state, []];
  switch (event.kind) {
    case 'accepted':
      return [{ kind: 'active', allocation }, []];
    case 'rejected':
      return state.kind === 'allocated' ? freed(allocation) : [state, []];
    case 'job-lost':
      return [{ kind: 'allocated', allocation, since: now }, []];
    case 'free':
      return giveBack(allocation, event.worker);
  }
}

/** T2. */
function giveBack(allocation: SlotAllocation, worker: boolean): Step {
  return worker
    ? [{ kind: 'releasing', allocation }, [{ kind: 'stop-worker' }]]
    : freed(allocation);
}

function freed(allocation: SlotAllocation): Step {
  return [FREE, [{ kind: 'freed', allocation }]];
}
