/** A TaskManager: its slots, memory, addresses and the end of its tasks. */
import { milliseconds, minutes, seconds, type Duration } from '../../base/units.ts';
import { duration, integer, memorySize, option, optional, type ConfigOption } from '../option.ts';

interface TaskManagerOptions {
  readonly slots: ConfigOption<number>;
  readonly slotTimeout: ConfigOption<Duration>;
  readonly registrationTimeout: ConfigOption<Duration>;
  readonly taskHeap: ConfigOption<number | undefined>;
  readonly cancellationTimeout: ConfigOption<Duration>;
  readonly leaseDuration: ConfigOption<Duration>;
}

export const TaskManagerOptions: TaskManagerOptions = {
  slots: option(
    'taskmanager.numberOfTaskSlots',
    integer(1, 1024),
    1,
    'Slots of a TaskManager; each is a thread.',
  ),
  slotTimeout: option(
    'taskmanager.slot.timeout',
    duration,
    seconds(10),
    'After this long an allocated slot that no job has taken is free again.',
  ),
  registrationTimeout: option(
    'taskmanager.registration.timeout',
    duration,
    minutes(5),
    'After this long without a ResourceManager a TaskManager ends.',
  ),
  taskHeap: optional(
    'taskmanager.memory.task.heap.size',
    memorySize,
    'Heap for user code and state, shared out evenly among the slots. Unset: 1 gb a slot.',
  ),
  cancellationTimeout: option(
    'task.cancellation.timeout',
    duration,
    minutes(3),
    'After this long a cancelled task that has not ended takes its process with it. 0 waits for ever.',
  ),
  leaseDuration: option(
    'millrace.lease.duration',
    duration,
    milliseconds(800),
    'For this long after its last renewal a task may act on the outside; it is replaced only afterwards.',
  ),
};
