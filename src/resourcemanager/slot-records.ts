/**
 * What the ResourceManager knows of the slots of one TaskExecutor: who has which, and what can
 * still be cut out. Slots of the default size and slots that were asked for by their resources come
 * out of the same total; a slot's index only names it.
 */
import {
  addResources,
  fitsInto,
  NO_RESOURCES,
  subtractResources,
  timesInto,
} from '../protocol/resource-profile.ts';
import type { ResourceProfile } from '../protocol/resource-profile.ts';
import type { SlotReport } from '../protocol/resource-manager-service.ts';

/** Bound of the slots of a TaskExecutor, whatever their size. */
export const SLOTS_MAX = 1024;

interface SlotUse {
  readonly allocationId: string;
  readonly jobId: string;
  /** Undefined: of the default size. */
  readonly resource: ResourceProfile | undefined;
  readonly tasks: number;
}

export type SlotRecord =
  | { readonly status: 'free' }
  /** Not to be used until its TaskExecutor has reported what became of it. */
  | { readonly status: 'unknown'; readonly resource: ResourceProfile | undefined }
  | ({ readonly status: 'pending' } & SlotUse)
  | ({ readonly status: 'allocated' } & SlotUse);

export interface TaskExecutorSlots {
  readonly records: readonly SlotRecord[];
  /** Slots of the default size that it has, if all are of it. */
  readonly slotsNumber: number;
  readonly total: ResourceProfile;
  readonly defaultSlot: ResourceProfile;
}

export function recordOf(reported: SlotReport[number], known?: SlotRecord): SlotRecord {
  if (reported === undefined) return { status: 'free' };
  const { allocationId, jobId, resource } = reported;
  const same = known !== undefined && 'tasks' in known && known.allocationId === allocationId;
  // How many tasks are meant for it says more than how many are there now.
  const tasks = same ? known.tasks : reported.tasks;
  return { status: 'allocated', allocationId, jobId, resource, tasks };
}

export function freeResources(slots: TaskExecutorSlots): ResourceProfile {
  const used = slots.records.reduce(
    (sum, record) =>
      record.status === 'free' ? sum : addResources(sum, record.resource ?? slots.defaultSlot),
    NO_RESOURCES,
  );
  return subtractResources(slots.total, used);
}

/** Slots of the default size that are left. */
export function freeSlotCount(slots: TaskExecutorSlots): number {
  const used = slots.records.filter(({ status }) => status !== 'free').length;
  const fitting = timesInto(slots.defaultSlot, freeResources(slots));
  return Math.max(Math.min(slots.slotsNumber - used, fitting), 0);
}

/** The index for a slot of these resources; undefined if there is no room for it. */
export function roomFor(
  slots: TaskExecutorSlots,
  resource: ResourceProfile | undefined,
): number | undefined {
  if (!fitsInto(resource ?? slots.defaultSlot, freeResources(slots))) return undefined;
  const free = slots.records.findIndex(({ status }) => status === 'free');
  if (free >= 0) return free;
  const next = slots.records.length;
  return resource !== undefined && next < SLOTS_MAX ? next : undefined;
}
