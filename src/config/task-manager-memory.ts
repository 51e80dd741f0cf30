/**
 * The memory of a TaskManager: one number for the process, or for its parts, shared out evenly
 * among its slots. Flink's keys mean what they mean there; there is no JVM, so that the whole
 * process is what Flink calls its total memory.
 */
import { EngineError } from '../base/errors.ts';
import { formatMemorySize } from './values.ts';
import type { Configuration } from './configuration.ts';
import { MemoryOptions } from './options/memory-options.ts';
import { NetworkOptions } from './options/network-options.ts';
import { TaskManagerOptions } from './options/task-manager-options.ts';
import { DEFAULT_SLOT_HEAP_BYTES } from './slot-heap.ts';

/** With less the engine itself does not run in a slot. */
const LEAST_SLOT_BYTES = 32 * 2 ** 20;

export interface TaskManagerMemory {
  /** All together. */
  readonly processBytes: number;
  /** For the process itself: its main thread, and V8 in every thread. */
  readonly frameworkBytes: number;
  readonly networkBytes: number;
  /** For user code and state, on V8's heap and in buffers beside it, all slots together. */
  readonly taskBytes: number;
  readonly slots: number;
}

/** @throws EngineError CONFIG_MEMORY_TOO_SMALL, CONFIG_MEMORY_CONTRADICTION */
export function taskManagerMemory(configuration: Configuration): TaskManagerMemory {
  const slots = configuration.get(TaskManagerOptions.slots);
  const frameworkBytes = configuration.get(MemoryOptions.frameworkHeap);
  const total =
    configuration.get(MemoryOptions.processSize) ?? configuration.get(MemoryOptions.flinkSize);
  const heap = configuration.get(TaskManagerOptions.taskHeap);
  const offHeap = configuration.get(MemoryOptions.taskOffHeap);
  if (total === undefined) {
    const taskBytes = (heap ?? DEFAULT_SLOT_HEAP_BYTES * slots) + offHeap;
    const fraction = configuration.get(NetworkOptions.fraction);
    const networkBytes = within(configuration, (taskBytes * fraction) / (1 - fraction));
    const processBytes = frameworkBytes + networkBytes + taskBytes;
    return { processBytes, frameworkBytes, networkBytes, taskBytes, slots };
  }
  const networkBytes = within(configuration, total * configuration.get(NetworkOptions.fraction));
  const rest = total - frameworkBytes - networkBytes;
  const taskBytes = heap === undefined ? rest : heap + offHeap;
  const parts = { framework: frameworkBytes, network: networkBytes, rest: Math.max(rest, 0) };
  const text = Object.fromEntries(
    Object.entries(parts).map(([name, bytes]) => [name, formatMemorySize(mebibytes(bytes))]),
  );
  if (taskBytes > rest && heap !== undefined) {
    const size = formatMemorySize(total);
    const tasks = formatMemorySize(mebibytes(taskBytes));
    throw new EngineError('CONFIG_MEMORY_CONTRADICTION', { ...text, size, tasks });
  }
  if (taskBytes < slots * LEAST_SLOT_BYTES) {
    const least = frameworkBytes + networkBytes + slots * LEAST_SLOT_BYTES;
    throw new EngineError('CONFIG_MEMORY_TOO_SMALL', {
      ...{ ...text, slots, size: formatMemorySize(total) },
      least: formatMemorySize(Math.ceil(least / 2 ** 20) * 2 ** 20),
    });
  }
  return { processBytes: total, frameworkBytes, networkBytes, taskBytes, slots };
}

/** What a slot may use before its tasks fail. */
export function slotHeapBytes(configuration: Configuration): number {
  const { taskBytes, slots } = taskManagerMemory(configuration);
  return Math.floor(taskBytes / slots);
}

/** The memory for the network within its bounds. */
function within(configuration: Configuration, wanted: number): number {
  const least = Math.max(wanted, configuration.get(NetworkOptions.min));
  const most = configuration.get(NetworkOptions.max) ?? Number.POSITIVE_INFINITY;
  return Math.floor(Math.min(least, most));
}

function mebibytes(bytes: number): number {
  return Math.floor(bytes / 2 ** 20) * 2 ** 20;
}
