/** What the ResourceManager tells of a TaskManager: what it is, what it has, and who uses it. */
import type { SlotReport } from '../protocol/resource-manager-service.ts';
import type {
  AllocatedSlotInfo,
  TaskManagerDescription,
  TaskManagerInfo,
} from '../protocol/task-manager-info.ts';
import { freeResources, freeSlotCount } from './slot-records.ts';
import type { TaskExecutorSlots } from './slot-records.ts';

/** As Flink says it of a TaskManager that others need not reach. */
const NO_PORT = -1;

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
  const { path, host, hardware, memory } = description;
  const { records, slotsNumber, total: totalResource } = slots;
  const allocatedSlots = records.flatMap((record, slot): AllocatedSlotInfo[] => {
    if (!('allocationId' in record)) return [];
    const { allocationId, jobId, resource = slots.defaultSlot } = record;
    const reported = report[slot];
    const known = reported?.allocationId === allocationId ? reported : undefined;
    const { tasks: assignedTasks = 0, dataPort = NO_PORT } = known ?? {};
    return [{ jobId, resource, assignedTasks, dataPort }];
  });
  const listening = allocatedSlots.find((slot) => slot.dataPort !== NO_PORT);
  const dataPort = description.dataPort === 0 ? listening?.dataPort : description.dataPort;
  return {
    ...{
      id,
      path,
      host,
      dataPort: dataPort ?? NO_PORT,
      totalResource,
      hardware,
      allocatedSlots,
      lastHeartbeat,
    },
    slotsNumber,
    freeSlots: freeSlotCount(slots),
    assignedTasks: allocatedSlots.reduce((sum, each) => sum + each.assignedTasks, 0),
    freeResource: freeResources(slots),
    memoryConfiguration: memory,
  };
}
