/** The memory of a TaskManager. */
import { memorySize, option, optional, type ConfigOption } from '../option.ts';

interface MemoryOptions {
  readonly processSize: ConfigOption<number | undefined>;
  readonly flinkSize: ConfigOption<number | undefined>;
  readonly frameworkHeap: ConfigOption<number>;
  readonly taskOffHeap: ConfigOption<number>;
}

export const MemoryOptions: MemoryOptions = {
  processSize: optional(
    'taskmanager.memory.process.size',
    memorySize,
    'All memory of a TaskManager: for the process itself, the network and its slots, which share what is left. Unset: 1 gb a slot, and what the others need beside it.',
  ),
  flinkSize: optional(
    'taskmanager.memory.flink.size',
    memorySize,
    'The same as `taskmanager.memory.process.size`, as there is no JVM around it.',
  ),
  frameworkHeap: option(
    'taskmanager.memory.framework.heap.size',
    memorySize,
    128 * 2 ** 20,
    'Memory for the process itself.',
  ),
  taskOffHeap: option(
    'taskmanager.memory.task.off-heap.size',
    memorySize,
    0,
    'Memory for buffers of user code beside `taskmanager.memory.task.heap.size`. A slot has one budget for both.',
  ),
};
