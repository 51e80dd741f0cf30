/** What the ResourceManager tells of a TaskManager: what it is, what it has, and who uses it. */
import type { SlotReport } from '../protocol/resource-manager-service.ts';
import type {
  AllocatedSlotInfo,
  TaskManagerDescription,
  TaskManagerInfo,
} from '../protocol/task-manager-info.ts';
import { freeResources, freeSlotCount } from './slot-records.ts';
import type { TaskExecutorSlots } from './slot-records.ts';

interface RegisteredProcess {
  readonly description: TaskManagerDescription;
  readonly report: SlotReport;
  readonly lastHeartbeat: number;
}

export function taskManagerInfo(
  id: string,
  { description, report, lastHeartbeat }: RegisteredProcess,
  slots: TaskExecutorSlots,
): TaskManagerInfo {
  const { path, host, dataPort, hardware, memory } = description;
  const { records, slotsNumber, total: totalResource } = slots;
  const allocatedSlots = records.flatMap((record, slot): AllocatedSlotInfo[] => {
    if (!('allocationId' in record)) return [];
    const { allocationId, jobId, resource = slots.defaultSlot } = record;
    const reported = report[slot];
    const assignedTasks = reported?.allocationId === allocationId ? reported.tasks : 0;
    return [{ jobId, resource, assignedTasks }];
  });
  return {
    ...{ id, path, host, dataPort, totalResource, hardware, allocatedSlots, lastHeartbeat },
    slotsNumber,
    freeSlots: freeSlotCount(slots),
    assignedTasks: allocatedSlots.reduce((sum, each) => sum + each.assignedTasks, 0),
    freeResource: freeResources(slots),
    memoryConfiguration: memory,
  };
}
