/**
 * What a TaskManager is and has: told at its registration, and what the ResourceManager answers
 * about it. Plain data; memory in bytes, times in wall-clock milliseconds since 1970.
 */
import type { ResourceProfile } from './resource-profile.ts';

export interface HardwareDescription {
  readonly cpuCores: number;
  readonly physicalMemory: number;
  /** Heap that V8 may use, all slots together. */
  readonly freeMemory: number;
  readonly managedMemory: number;
}

/** Flink's parts of a TaskManager's memory; what V8 has no counterpart for is 0. */
export interface MemoryConfiguration {
  readonly frameworkHeap: number;
  readonly taskHeap: number;
  readonly frameworkOffHeap: number;
  readonly taskOffHeap: number;
  readonly networkMemory: number;
  readonly managedMemory: number;
  readonly jvmMetaspace: number;
  readonly jvmOverhead: number;
  readonly totalFlinkMemory: number;
  readonly totalProcessMemory: number;
}

/** What does not change while the TaskManager lives. */
export interface TaskManagerDescription {
  /** Where its RPC is reached, or how it is known where it is not. */
  readonly path: string;
  readonly host: string;
  /** That is configured, of the first slot; 0 where each slot takes one that is free. */
  readonly dataPort: number;
  readonly hardware: HardwareDescription;
  readonly memory: MemoryConfiguration;
  /** Of the default size, if they are all of it. */
  readonly slotsNumber: number;
  readonly totalResource: ResourceProfile;
  /** What a slot has for which nobody asked for anything in particular. */
  readonly defaultSlotResource: ResourceProfile;
}

export interface AllocatedSlotInfo {
  readonly jobId: string;
  readonly resource: ResourceProfile;
  readonly assignedTasks: number;
  /** -1: it does not listen, because its job is in one process, or is not there yet. */
  readonly dataPort: number;
}

export interface TaskManagerInfo {
  readonly id: string;
  readonly path: string;
  readonly host: string;
  /** That is configured, else of the first slot that listens; -1 where none does. */
  readonly dataPort: number;
  readonly slotsNumber: number;
  readonly freeSlots: number;
  /** When it was heard of last. */
  readonly lastHeartbeat: number;
  readonly assignedTasks: number;
  readonly totalResource: ResourceProfile;
  readonly freeResource: ResourceProfile;
  readonly hardware: HardwareDescription;
  readonly memoryConfiguration: MemoryConfiguration;
  readonly allocatedSlots: readonly AllocatedSlotInfo[];
}
