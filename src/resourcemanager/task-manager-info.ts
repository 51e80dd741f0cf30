/** What the ResourceManager tells of a TaskManager: what it is, what it has, and who uses it. */
import { addResources, NO_RESOURCES, subtractResources } from '../protocol/resource-profile.ts';
import type { SlotReport } from '../protocol/resource-manager-service.ts';
import type {
  AllocatedSlotInfo,
  TaskManagerDescription,
  TaskManagerInfo,
} from '../protocol/task-manager-info.ts';
import type { SlotRecord } from './slot-manager.ts';

interface RegisteredProcess {
  readonly description: TaskManagerDescription;
  readonly report: SlotReport;
  readonly lastHeartbeat: number;
}

export function taskManagerInfo(
  id: string,
  { description, report, lastHeartbeat }: RegisteredProcess,
  records: readonly SlotRecord[],
): TaskManagerInfo {
  const { path, host, dataPort, totalResource, hardware, memory } = description;
  const allocatedSlots = records.flatMap((record, slot): AllocatedSlotInfo[] => {
    if (!('allocationId' in record)) return [];
    const { allocationId, jobId } = record;
    const reported = report[slot];
    const assignedTasks = reported?.allocationId === allocationId ? reported.tasks : 0;
    return [{ jobId, resource: description.defaultSlotResource, assignedTasks }];
  });
  const used = allocatedSlots.reduce((sum, each) => addResources(sum, each.resource), NO_RESOURCES);
  return {
    ...{ id, path, host, dataPort, totalResource, hardware, allocatedSlots, lastHeartbeat },
    slotsNumber: records.length,
    freeSlots: records.filter(({ status }) => status === 'free').length,
    assignedTasks: allocatedSlots.reduce((sum, each) => sum + each.assignedTasks, 0),
    freeResource: subtractResources(totalResource, used),
    memoryConfiguration: memory,
  };
}
