/** How a seed runs its job: what the cluster is told, and what a user does with the job. */
import type { Prng } from '../../src/base/prng.ts';
import type { Simulation } from '../simulation.ts';
import type { Workload } from '../workloads/workloads.ts';
import { drawCheckpointing } from './draw-checkpointing.ts';
import { describeLife, drawLife } from './draw-life.ts';
import type { Episode } from './job-life.ts';
import { CHECKPOINTS, OUT } from './places.ts';

export const TASK_MANAGERS = 2;
export const KEYS = 97;
/** Records that the rates are for. */
const RECORDS = 10_000;
/**
 * The job takes five seconds by the rate of its source; every enabled class strikes before that.
 */
const RATE_PER_SECOND = 2_000;

const CONFIGURATION: Readonly<Record<string, string>> = {
  'restart-strategy.type': 'fixed-delay',
  'restart-strategy.fixed-delay.attempts': '1000000',
  'restart-strategy.fixed-delay.delay': '100 ms',
  'slot.request.timeout': '10 min',
  'heartbeat.interval': '1 s',
  'heartbeat.timeout': '5 s',
  'millrace.exchange.verify': 'all',
};

/** Some have buffers so small that records wait in the outputs of tasks, where barriers pass. */
function drawExchange(random: Prng): Readonly<Record<string, string>> {
  const interval = random.fork('interval').pick([undefined, undefined, '0 ms', '-1 ms']);
  return {
    ...(random.fork('small').chance(0.4) && SMALL_EXCHANGE),
    ...(interval !== undefined && { 'execution.buffer-timeout.interval': interval }),
  };
}

const SMALL_EXCHANGE: Readonly<Record<string, string>> = {
  'taskmanager.memory.segment-size': '1 kb',
  'taskmanager.memory.network.min': '2 mb',
  'taskmanager.memory.network.max': '2 mb',
};

export interface Course {
  /** For the line of the seed. */
  readonly what: string;
  readonly slots: number;
  readonly configuration: Readonly<Record<string, string>>;
  /** Of the job, beside that. */
  readonly parameters: Readonly<Record<string, number | string | boolean>>;
  readonly episodes: readonly Episode[];
  readonly checkpoints: boolean;
  readonly atLeastOnce: boolean;
  /** The checkpoints of a job that is cancelled stay. */
  readonly retains: boolean;
}

export interface CourseOptions {
  /** Whether the job takes checkpoints; as the seed draws, if undefined. */
  readonly checkpoints?: boolean | undefined;
  /** Whether the seed may draw a small exchange, and records that fill it. */
  readonly smallExchange?: boolean | undefined;
}

export function drawCourse(
  world: Simulation,
  workload: Workload,
  { checkpoints: wanted, smallExchange = false }: CourseOptions,
): Course {
  const checkpoints = wanted ?? world.random('checkpoints').chance(0.6);
  const slots = world.random('slots').pick([2, 2, 3]);
  const configuration: Readonly<Record<string, string>> = {
    ...CONFIGURATION,
    ...(smallExchange && drawExchange(world.random('exchange'))),
    ...(checkpoints ? drawCheckpointing(world, CHECKPOINTS, workload.lacks !== undefined) : {}),
  };
  const takes = configuration['execution.checkpointing.interval'] !== undefined;
  const atLeastOnce = configuration['execution.checkpointing.mode'] === 'AT_LEAST_ONCE';
  const retention = configuration['execution.checkpointing.externalized-checkpoint-retention'];
  const { drains, isKeyed, isPadded, records } = workload;
  const rolls = world.random('rolls').chance(0.7);
  const padding = world.random('padding').pick([0, 40, 6000, 20_000]);
  const buckets = world.random('buckets').pick([0, 0, 3]);
  const episodes = drawLife(world.random('life'), {
    ...{ checkpoints: takes, slots: slots * TASK_MANAGERS, drains, rolls, isKeyed },
  });
  const ratePerSecond = (RATE_PER_SECOND * records) / RECORDS;
  const how = [
    ...(takes ? [`with checkpoints${atLeastOnce ? ' (at least once)' : ''}`] : []),
    ...(rolls ? [] : ['with files that go on']),
    ...(buckets > 0 ? ['with buckets'] : []),
    `by ${describeLife(episodes)}`,
  ];
  return {
    what: `${workload.url.slice('job:'.length)} ${how.join(' ')}`,
    ...{ slots, configuration, episodes, checkpoints, atLeastOnce },
    parameters: {
      ...{ records, keys: KEYS, ratePerSecond, out: OUT, rolls, buckets },
      ...(smallExchange && isPadded && { padding }),
    },
    retains: retention === 'RETAIN_ON_CANCELLATION',
  };
}
