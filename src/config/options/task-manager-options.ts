/** A TaskManager: its slots, memory, addresses and the end of its tasks. */
import { milliseconds, minutes, seconds, type Duration } from '../../base/units.ts';
import {
  choice,
  duration,
  integer,
  memorySize,
  option,
  optional,
  text,
  type ConfigOption,
} from '../option.ts';

interface TaskManagerOptions {
  readonly host: ConfigOption<string>;
  readonly bindHost: ConfigOption<string | undefined>;
  readonly dataPort: ConfigOption<number>;
  readonly resourceId: ConfigOption<string | undefined>;
  readonly slots: ConfigOption<number>;
  readonly loadBalance: ConfigOption<'NONE' | 'SLOTS' | 'TASKS' | 'MIN_RESOURCES'>;
  readonly slotTimeout: ConfigOption<Duration>;
  readonly registrationTimeout: ConfigOption<Duration>;
  readonly taskHeap: ConfigOption<number | undefined>;
  readonly cancellationTimeout: ConfigOption<Duration>;
  readonly leaseDuration: ConfigOption<Duration>;
}

export const TaskManagerOptions: TaskManagerOptions = {
  host: option(
    'taskmanager.host',
    text,
    'localhost',
    'The host under which other TaskManagers reach the data ports of this one.',
  ),
  bindHost: optional(
    'taskmanager.bind-host',
    text,
    'The address that data ports listen on; 0.0.0.0 for all. Unset: `taskmanager.host`.',
  ),
  dataPort: option(
    'taskmanager.data.port',
    integer(0, 65_535),
    0,
    'The data port of the first slot; slot N listens on the Nth port after it. 0 picks free ones.',
  ),
  resourceId: optional(
    'taskmanager.resource-id',
    text,
    'The name of the TaskManager. Unset: its host and six random digits.',
  ),
  slots: option(
    'taskmanager.numberOfTaskSlots',
    integer(1, 1024),
    1,
    'Slots of a TaskManager; each is a thread. A TaskManager process has as many as its machine has cores unless this is set.',
  ),
  loadBalance: option(
    'taskmanager.load-balance.mode',
    choice(['NONE', 'SLOTS', 'TASKS', 'MIN_RESOURCES']),
    'NONE',
    'Which TaskManagers give slots: NONE those where the job has slots already, as slots of one process exchange through memory; MIN_RESOURCES as few as possible; SLOTS and TASKS spread slots, or tasks, over all.',
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
    'After this long the thread of a slot is ended whose cancelled tasks have not ended; a thread whose code does not come back is ended after some seconds. If it does not end then, its process does. 0 waits for ever. A job may set its own.',
  ),
  leaseDuration: option(
    'millrace.lease.duration',
    duration,
    milliseconds(500),
    'For this long after its last renewal a task may act on the outside; it is replaced only afterwards.',
  ),
};
