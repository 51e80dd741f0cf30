/** A slot sharing group as users write it: a name, and what each of its slots must have. */
import { EngineError } from '../base/errors.ts';
import { parseMemorySize } from '../config/values.ts';
import type { SlotResources } from '../graph/job-graph.ts';
import { requireText } from './callbacks.ts';

/**
 * Either nothing is said of the slots, or at least `cpu` and `taskHeapMemory`; the rest is 0 then.
 * Sizes are bytes, or texts such as `512 mb`.
 */
export interface SlotSharingGroup {
  readonly name: string;
  /** Cores; may be a fraction. Counted, not enforced, as in Flink. */
  readonly cpu?: number | undefined;
  /** V8's heap for functions and state; tasks that use more than it and the next fail. */
  readonly taskHeapMemory?: number | string | undefined;
  /** For buffers of functions. */
  readonly taskOffHeapMemory?: number | string | undefined;
  /** For state on disk; counted, not enforced. */
  readonly managedMemory?: number | string | undefined;
}

/** @throws EngineError API_INVALID_ARGUMENT */
export function readSlotSharingGroup(group: string | SlotSharingGroup): {
  readonly name: string;
  readonly resources: SlotResources | undefined;
} {
  if (typeof group === 'string') {
    requireText(group, 'slotSharingGroup');
    return { name: group, resources: undefined };
  }
  const { name, cpu, taskHeapMemory, taskOffHeapMemory, managedMemory } = group;
  requireText(name, 'slotSharingGroup');
  const given = [cpu, taskHeapMemory, taskOffHeapMemory, managedMemory];
  if (given.every((each) => each === undefined)) return { name, resources: undefined };
  if (cpu === undefined || taskHeapMemory === undefined) {
    refuse(`the group "${name}" needs both cpu and taskHeapMemory, or neither`);
  }
  if (!Number.isFinite(cpu) || cpu <= 0) refuse(`cpu is a number above 0, not ${String(cpu)}`);
  const resources = {
    cpuCores: cpu,
    taskHeapBytes: readSize(taskHeapMemory, 'taskHeapMemory', 1),
    taskOffHeapBytes: readSize(taskOffHeapMemory ?? 0, 'taskOffHeapMemory', 0),
    managedBytes: readSize(managedMemory ?? 0, 'managedMemory', 0),
  };
  return { name, resources };
}

function readSize(size: number | string, what: string, least: number): number {
  const bytes = typeof size === 'string' ? parseMemorySize(size) : size;
  if (bytes === undefined || !Number.isSafeInteger(bytes) || bytes < least) {
    refuse(`${what} is a size such as "512 mb" or a number of bytes, not ${String(size)}`);
  }
  return bytes;
}

function refuse(reason: string): never {
  throw new EngineError('API_INVALID_ARGUMENT', { call: 'slotSharingGroup', reason });
}
