/**
 * The slots of a job as a pure machine: requests of the scheduler on one side, offers of
 * TaskExecutors on the other. What the job needs in all is declared to the ResourceManager whenever
 * it changes.
 *
 * P1. A slot serves at most one request, a request has at most one slot.
 * P2. An offer is accepted only for a request that waits, or again for a slot that was accepted
 *     before: offers may come twice.
 * P3. What was declared is the number of requests, those that have a slot included.
 * P4. A slot that serves no request goes back after the idle time-out.
 * P5. A slot serves only requests of its own profile.
 */
import { milliseconds } from '../base/units.ts';
import type { Duration } from '../base/units.ts';

/** Where a slot is. */
export interface PooledSlot {
  readonly allocationId: string;
  readonly taskExecutorId: string;
  /** Index at its TaskExecutor. */
  readonly slot: number;
  /** What it has, as a text that is equal for equal resources; '' for the default. */
  readonly profile: string;
}

export interface SlotPoolOptions {
  readonly idleTimeout: Duration;
  readonly requestTimeout: Duration;
}

interface WaitingRequest {
  readonly since: Duration;
  readonly profile: string;
}

/** How many slots of a profile are needed. */
export interface ProfileNeed {
  readonly profile: string;
  readonly slots: number;
}

interface HeldSlot extends PooledSlot {
  readonly request: number | undefined;
  readonly idleSince: Duration;
}

export interface SlotPoolState {
  readonly options: SlotPoolOptions;
  readonly slots: ReadonlyMap<string, HeldSlot>;
  /** Requests without a slot. */
  readonly waiting: ReadonlyMap<number, WaitingRequest>;
  readonly declared: readonly ProfileNeed[];
  readonly ended: boolean;
}

type OfferedSlot = Pick<PooledSlot, 'allocationId' | 'slot' | 'profile'>;

export type SlotPoolEvent =
  | { readonly kind: 'request'; readonly request: number; readonly profile: string }
  /** The request needs its slot no more; the slot serves another that waits, or becomes idle. */
  | { readonly kind: 'release'; readonly request: number }
  | {
      readonly kind: 'offer';
      readonly taskExecutorId: string;
      readonly offers: readonly OfferedSlot[];
    }
  | { readonly kind: 'task-executor-lost'; readonly taskExecutorId: string }
  /** Its TaskExecutor has taken the slot back. */
  | { readonly kind: 'slot-gone'; readonly allocationId: string }
  | { readonly kind: 'tick' }
  /** The job has ended. */
  | { readonly kind: 'end' };

export type SlotPoolEffect =
  | { readonly kind: 'declare'; readonly needs: readonly ProfileNeed[] }
  | { readonly kind: 'assign'; readonly request: number; readonly slot: PooledSlot }
  /** The slot of a request is gone; the request is forgotten. */
  | { readonly kind: 'lost'; readonly request: number; readonly slot: PooledSlot }
  | {
      readonly kind: 'answer';
      readonly accepted: readonly string[];
      readonly rejected: readonly string[];
    }
  | { readonly kind: 'free'; readonly slot: PooledSlot }
  /** Not all slots came in time; the wait begins again. */
  | { readonly kind: 'timed-out'; readonly required: number; readonly available: number };

export function initialSlotPool(options: SlotPoolOptions): SlotPoolState {
  return { options, slots: new Map(), waiting: new Map(), declared: [], ended: false };
}

export function stepSlotPool(
  state: SlotPoolState,
  event: SlotPoolEvent,
  now: Duration,
): readonly [SlotPoolState, readonly SlotPoolEffect[]] {
  const effects: SlotPoolEffect[] = [];
  const next = declare(apply(state, event, now, effects), effects);
  return [next, effects];
}

/** When `tick` must come at the latest; undefined while nothing can run out. */
export function nextSlotPoolDeadline(state: SlotPoolState): Duration | undefined {
  let earliest = Infinity;
  for (const { since } of state.waiting.values()) {
    earliest = Math.min(earliest, since + state.options.requestTimeout);
  }
  for (const slot of state.slots.values()) {
    if (slot.request === undefined) {
      earliest = Math.min(earliest, slot.idleSince + state.options.idleTimeout);
    }
  }
  return earliest === Infinity ? undefined : milliseconds(earliest);
}

function apply(
  state: SlotPoolState,
  event: SlotPoolEvent,
  now: Duration,
  effects: SlotPoolEffect[],
): SlotPoolState {
  switch (event.kind) {
    case 'request':
      return state.ended ? state : request(state, event, now, effects);
    case 'release':
      return release(state, event.request, now, effects);
    case 'offer':
      return offer(state, event.taskExecutorId, event.offers, effects);
    case 'task-executor-lost':
      return lose(state, (slot) => slot.taskExecutorId === event.taskExecutorId, effects);
    case 'slot-gone':
      return lose(state, (slot) => slot.allocationId === event.allocationId, effects);
    case 'tick':
      return expire(state, now, effects);
    case 'end':
      for (const slot of state.slots.values()) effects.push({ kind: 'free', slot: placeOf(slot) });
      return { ...state, slots: new Map(), waiting: new Map(), ended: true };
  }
}

/** P3. */
function declare(state: SlotPoolState, effects: SlotPoolEffect[]): SlotPoolState {
  const counts = new Map<string, number>();
  const add = (profile: string): void => void counts.set(profile, (counts.get(profile) ?? 0) + 1);
  for (const { profile } of state.waiting.values()) add(profile);
  for (const slot of state.slots.values()) if (slot.request !== undefined) add(slot.profile);
  const needs = [...counts].map(([profile, slots]) => ({ profile, slots }));
  needs.sort((left, right) => (left.profile < right.profile ? -1 : 1));
  if (isSameNeed(needs, state.declared)) return state;
  effects.push({ kind: 'declare', needs });
  return { ...state, declared: needs };
}

function isSameNeed(left: readonly ProfileNeed[], right: readonly ProfileNeed[]): boolean {
  if (left.length !== right.length) return false;
  return left.every(
    ({ profile, slots }, i) => profile === right[i]!.profile && slots === right[i]!.slots,
  );
}

/** P5. */
function request(
  state: SlotPoolState,
  { request: number, profile }: Extract<SlotPoolEvent, { kind: 'request' }>,
  now: Duration,
  effects: SlotPoolEffect[],
): SlotPoolState {
  if (state.waiting.has(number)) return state;
  const served = state.slots.values().some((slot) => slot.request === number);
  if (served) return state;
  const idle = state.slots
    .values()
    .find((slot) => slot.request === undefined && slot.profile === profile);
  if (idle === undefined) {
    return { ...state, waiting: new Map(state.waiting).set(number, { since: now, profile }) };
  }
  effects.push({ kind: 'assign', request: number, slot: placeOf(idle) });
  return withSlot(state, { ...idle, request: number });
}

function release(
  state: SlotPoolState,
  number: number,
  now: Duration,
  effects: SlotPoolEffect[],
): SlotPoolState {
  const waiting = new Map(state.waiting);
  waiting.delete(number);
  const slot = state.slots.values().find((each) => each.request === number);
  const next = { ...state, waiting };
  if (slot === undefined) return next;
  const first = firstWaiting(waiting, slot.profile);
  if (first === undefined) return withSlot(next, { ...slot, request: undefined, idleSince: now });
  waiting.delete(first);
  effects.push({ kind: 'assign', request: first, slot: placeOf(slot) });
  return withSlot(next, { ...slot, request: first });
}

/** P5. */
function firstWaiting(waiting: SlotPoolState['waiting'], profile: string): number | undefined {
  const numbers = [...waiting].flatMap(([each, of]) => (of.profile === profile ? [each] : []));
  return numbers.length === 0 ? undefined : Math.min(...numbers);
}

/** P1, P2. */
function offer(
  state: SlotPoolState,
  taskExecutorId: string,
  offers: readonly OfferedSlot[],
  effects: SlotPoolEffect[],
): SlotPoolState {
  const slots = new Map(state.slots);
  const waiting = new Map(state.waiting);
  const accepted: string[] = [];
  const rejected: string[] = [];
  const assigned: SlotPoolEffect[] = [];
  for (const { allocationId, slot, profile } of offers) {
    const known = slots.get(allocationId);
    if (known !== undefined) {
      (known.taskExecutorId === taskExecutorId ? accepted : rejected).push(allocationId);
      continue;
    }
    const first = firstWaiting(waiting, profile);
    if (first === undefined) {
      rejected.push(allocationId);
      continue;
    }
    waiting.delete(first);
    const place: PooledSlot = { allocationId, taskExecutorId, slot, profile };
    slots.set(allocationId, { ...place, request: first, idleSince: milliseconds(0) });
    accepted.push(allocationId);
    assigned.push({ kind: 'assign', request: first, slot: place });
  }
  effects.push({ kind: 'answer', accepted, rejected }, ...assigned);
  return { ...state, slots, waiting };
}

function lose(
  state: SlotPoolState,
  isLost: (slot: HeldSlot) => boolean,
  effects: SlotPoolEffect[],
): SlotPoolState {
  const slots = new Map(state.slots);
  for (const slot of state.slots.values()) {
    if (!isLost(slot)) continue;
    slots.delete(slot.allocationId);
    const { request: served } = slot;
    if (served !== undefined) effects.push({ kind: 'lost', request: served, slot: placeOf(slot) });
  }
  return { ...state, slots };
}

function expire(state: SlotPoolState, now: Duration, effects: SlotPoolEffect[]): SlotPoolState {
  const { idleTimeout, requestTimeout } = state.options;
  const slots = new Map(state.slots);
  for (const slot of state.slots.values()) {
    if (slot.request !== undefined || now - slot.idleSince < idleTimeout) continue;
    slots.delete(slot.allocationId);
    effects.push({ kind: 'free', slot: placeOf(slot) });
  }
  const late = state.waiting.values().some(({ since }) => now - since >= requestTimeout);
  if (!late) return { ...state, slots };
  const available = slots
    .values()
    .filter((slot) => slot.request !== undefined)
    .toArray().length;
  effects.push({ kind: 'timed-out', required: available + state.waiting.size, available });
  return {
    ...state,
    slots,
    waiting: new Map([...state.waiting].map(([each, of]) => [each, { ...of, since: now }])),
  };
}

function withSlot(state: SlotPoolState, slot: HeldSlot): SlotPoolState {
  return { ...state, slots: new Map(state.slots).set(slot.allocationId, slot) };
}

function placeOf({ allocationId, taskExecutorId, slot, profile }: HeldSlot): PooledSlot {
  return { allocationId, taskExecutorId, slot, profile };
}
