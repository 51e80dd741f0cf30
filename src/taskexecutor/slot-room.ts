/** Whether a TaskExecutor can still cut out a slot, whatever the size of those that are in use. */
import { EngineError } from '../base/errors.ts';
import {
  addResources,
  describeProfile,
  fitsInto,
  NO_RESOURCES,
  subtractResources,
} from '../protocol/resource-profile.ts';
import type { ResourceProfile } from '../protocol/resource-profile.ts';
import type { TaskManagerDescription } from '../protocol/task-manager-info.ts';
import type { TaskSlotState } from './task-slot.ts';

type Whole = Pick<TaskManagerDescription, 'path' | 'totalResource' | 'defaultSlotResource'>;

/** @throws EngineError SLOT_RESOURCES_LACKING */
export function requireRoom(
  { path, totalResource, defaultSlotResource }: Whole,
  slots: readonly { readonly state: TaskSlotState }[],
  resource: ResourceProfile | undefined,
): void {
  const used = slots.reduce(
    (sum, { state }) =>
      state.kind === 'free'
        ? sum
        : addResources(sum, state.allocation.resource ?? defaultSlotResource),
    NO_RESOURCES,
  );
  if (fitsInto(resource ?? defaultSlotResource, subtractResources(totalResource, used))) return;
  const asked = describeProfile(resource);
  throw new EngineError('SLOT_RESOURCES_LACKING', { taskExecutor: path, asked });
}

/** What the slot was asked for by, if that was its resources. */
export function resourceOf(state: TaskSlotState): ResourceProfile | undefined {
  return state.kind === 'free' ? undefined : state.allocation.resource;
}
