/**
 * Every option that the engine reads, under Flink's key where Flink has one, with Flink's default
 * unless the description says otherwise. Keys of our own begin with `millrace.`.
 */
import { milliseconds, minutes, seconds, type Duration } from '../base/units.ts';
import {
  boolean,
  choice,
  duration,
  integer,
  memorySize,
  number,
  text,
  type ConfigOption,
  type OptionType,
} from './option.ts';

function option<T extends {}>(
  key: string,
  type: OptionType<T>,
  defaultValue: NoInfer<T>,
  description: string,
  fallbackKeys: readonly string[] = [],
): ConfigOption<T> {
  return { key, type, defaultValue, description, fallbackKeys };
}

function optional<T extends {}>(
  key: string,
  type: OptionType<T>,
  description: string,
): ConfigOption<T | undefined> {
  return { key, type, defaultValue: undefined, description, fallbackKeys: [] };
}

const INT32_MAX = 2_147_483_647;

/** Flink's upper bound of a job's key groups. */
export const MAX_PARALLELISM_LIMIT = 32_768;

interface PipelineOptions {
  readonly name: ConfigOption<string | undefined>;
  readonly parallelism: ConfigOption<number>;
  readonly maxParallelism: ConfigOption<number>;
  readonly operatorChaining: ConfigOption<boolean>;
  readonly autoGenerateUids: ConfigOption<boolean>;
  readonly bufferTimeout: ConfigOption<Duration>;
  readonly autoWatermarkInterval: ConfigOption<Duration>;
  readonly exchangeVerify: ConfigOption<'off' | 'sample' | 'all'>;
}

export const PipelineOptions: PipelineOptions = {
  name: optional('pipeline.name', text, 'The name of the job, in place of that in its definition.'),
  parallelism: option(
    'parallelism.default',
    integer(1, MAX_PARALLELISM_LIMIT),
    1,
    'Parallel subtasks of an operator for which the job says nothing.',
  ),
  maxParallelism: option(
    'pipeline.max-parallelism',
    integer(-1, MAX_PARALLELISM_LIMIT),
    -1,
    'Key groups of an operator for which the job says nothing: the bound of its parallelism for the life of its state. -1 derives it from the parallelism.',
  ),
  operatorChaining: option(
    'pipeline.operator-chaining.enabled',
    boolean,
    true,
    'Whether operators joined one to one run as one task.',
    ['pipeline.operator-chaining'],
  ),
  autoGenerateUids: option(
    'pipeline.auto-generate-uids',
    boolean,
    true,
    'Whether an operator may go without a uid; its identity is then the path of names that leads to it.',
  ),
  bufferTimeout: option(
    'execution.buffer-timeout.interval',
    duration,
    milliseconds(100),
    'The longest that a record waits for its buffer to fill. Buffers also leave as soon as the consumer has nothing else to do.',
    ['execution.buffer-timeout'],
  ),
  autoWatermarkInterval: option(
    'pipeline.auto-watermark-interval',
    duration,
    milliseconds(200),
    'How often watermarks are sent that follow the greatest timestamp, or that a generator makes from time to time. 0 sends none of them.',
  ),
  exchangeVerify: option(
    'millrace.exchange.verify',
    choice(['off', 'sample', 'all']),
    'off',
    'Which records of an edge between two chains are frozen and sent through their codec even where they stay in one thread: none, the first 1,000 and then one in 1,024, or all. `millrace run` uses `sample`.',
  ),
};

interface RestartStrategyOptions {
  readonly type: ConfigOption<'none' | 'fixed-delay' | 'failure-rate' | 'exponential-delay'>;
  readonly fixedDelayAttempts: ConfigOption<number>;
  readonly fixedDelayDelay: ConfigOption<Duration>;
  readonly failureRateMaxFailures: ConfigOption<number>;
  readonly failureRateInterval: ConfigOption<Duration>;
  readonly failureRateDelay: ConfigOption<Duration>;
  readonly exponentialInitialBackoff: ConfigOption<Duration>;
  readonly exponentialMaxBackoff: ConfigOption<Duration>;
  readonly exponentialMultiplier: ConfigOption<number>;
  readonly exponentialJitter: ConfigOption<number>;
  readonly exponentialResetThreshold: ConfigOption<Duration>;
  readonly exponentialAttempts: ConfigOption<number>;
}

export const RestartStrategyOptions: RestartStrategyOptions = {
  type: option(
    'restart-strategy.type',
    choice(['none', 'fixed-delay', 'failure-rate', 'exponential-delay'], {
      off: 'none',
      disable: 'none',
      fixeddelay: 'fixed-delay',
      failurerate: 'failure-rate',
      exponentialdelay: 'exponential-delay',
    }),
    'none',
    'What happens to a job that has failed.',
    ['restart-strategy'],
  ),
  fixedDelayAttempts: option(
    'restart-strategy.fixed-delay.attempts',
    integer(1, INT32_MAX),
    1,
    'Restarts before the job fails for good.',
  ),
  fixedDelayDelay: option(
    'restart-strategy.fixed-delay.delay',
    duration,
    seconds(1),
    'The wait between a failure and the restart.',
  ),
  failureRateMaxFailures: option(
    'restart-strategy.failure-rate.max-failures-per-interval',
    integer(1, INT32_MAX),
    1,
    'Failures within the interval that are answered by a restart.',
  ),
  failureRateInterval: option(
    'restart-strategy.failure-rate.failure-rate-interval',
    duration,
    minutes(1),
    'The interval in which failures are counted.',
  ),
  failureRateDelay: option(
    'restart-strategy.failure-rate.delay',
    duration,
    seconds(1),
    'The wait between a failure and the restart.',
  ),
  exponentialInitialBackoff: option(
    'restart-strategy.exponential-delay.initial-backoff',
    duration,
    seconds(1),
    'The wait before the first restart.',
  ),
  exponentialMaxBackoff: option(
    'restart-strategy.exponential-delay.max-backoff',
    duration,
    minutes(1),
    'The longest wait before a restart.',
  ),
  exponentialMultiplier: option(
    'restart-strategy.exponential-delay.backoff-multiplier',
    number(1),
    1.5,
    'By what the wait grows from failure to failure.',
  ),
  exponentialJitter: option(
    'restart-strategy.exponential-delay.jitter-factor',
    number(0),
    0.1,
    'The part of the wait that is drawn at random and added or taken away.',
  ),
  exponentialResetThreshold: option(
    'restart-strategy.exponential-delay.reset-backoff-threshold',
    duration,
    minutes(60),
    'After this long without a failure the wait is the initial one again.',
  ),
  exponentialAttempts: option(
    'restart-strategy.exponential-delay.attempts-before-reset-backoff',
    integer(1, INT32_MAX),
    INT32_MAX,
    'Restarts without such a pause before the job fails for good.',
  ),
};

interface ClusterOptions {
  readonly heartbeatInterval: ConfigOption<Duration>;
  readonly heartbeatTimeout: ConfigOption<Duration>;
  readonly askTimeout: ConfigOption<Duration>;
  readonly slotIdleTimeout: ConfigOption<Duration>;
  readonly slotRequestTimeout: ConfigOption<Duration>;
}

export const ClusterOptions: ClusterOptions = {
  heartbeatInterval: option(
    'heartbeat.interval',
    duration,
    seconds(10),
    'How often components ask each other whether they live.',
  ),
  heartbeatTimeout: option(
    'heartbeat.timeout',
    duration,
    seconds(50),
    'After this long without an answer a component counts as lost.',
  ),
  askTimeout: option(
    'pekko.ask.timeout',
    duration,
    seconds(10),
    'How long a call between components may take.',
  ),
  slotIdleTimeout: option(
    'slot.idle.timeout',
    duration,
    seconds(50),
    'After this long without use a job gives a slot back.',
  ),
  slotRequestTimeout: option(
    'slot.request.timeout',
    duration,
    minutes(5),
    'After this long without a free slot a job fails.',
  ),
};

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

/** All of them, by key. */
export const OPTIONS: ReadonlyMap<string, ConfigOption<unknown>> = new Map(
  [PipelineOptions, RestartStrategyOptions, ClusterOptions, TaskManagerOptions]
    .flatMap((group): ConfigOption<unknown>[] => Object.values(group))
    .map((each) => [each.key, each]),
);
