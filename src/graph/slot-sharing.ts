/**
 * How many slots a job takes: subtask i of every vertex of a slot sharing group runs in slot i of
 * that group, so a group needs as many slots as its widest vertex has subtasks.
 */
import type { JobGraph, SlotResources } from './job-graph.ts';

export interface SlotSharingGroup {
  readonly name: string;
  readonly slots: number;
  /** Of each of its slots; absent: slots of the default size. */
  readonly resources?: SlotResources | undefined;
}

/** In the order in which the groups appear in the graph. */
export function slotSharingGroups(graph: JobGraph): readonly SlotSharingGroup[] {
  const slots = new Map<string, number>();
  for (const { slotSharingGroup, parallelism } of graph.vertices) {
    slots.set(slotSharingGroup, Math.max(slots.get(slotSharingGroup) ?? 0, parallelism));
  }
  return [...slots].map(([name, count]) => {
    const resources = graph.slotResources?.[name];
    return resources === undefined ? { name, slots: count } : { name, slots: count, resources };
  });
}

export function slotsRequired(graph: JobGraph): number {
  return slotSharingGroups(graph).reduce((sum, group) => sum + group.slots, 0);
}
