/**
 * The checkpoints of a simulated cluster: each seed draws its own way of them, as swarm testing
 * asks, some none at all.
 */
import type { Prng } from '../../src/base/prng.ts';
import type { Simulation } from '../simulation.ts';
import { COPIES } from './places.ts';

/**
 * The options of a cluster whose checkpoints lie in a folder that its hosts share; some jobs may
 * count records twice if `atLeastOnce` allows it.
 */
export function drawCheckpointing(
  world: Simulation,
  folder: string,
  atLeastOnce: boolean,
): Readonly<Record<string, string>> {
  const random = world.random('checkpointing');
  const pick = (name: string, values: readonly string[]): string => random.fork(name).pick(values);
  if (random.fork('none').chance(0.125)) return {};
  const barriers = pick('barriers', ['aligned', 'unaligned', 'timeout', 'counted']);
  const overtake = barriers === 'unaligned' || barriers === 'timeout';
  const key = (name: string): string => `execution.checkpointing.${name}`;
  return {
    [key('interval')]: pick('interval', ['100 ms', '300 ms', '1 s']),
    [key('dir')]: folder,
    [key('tolerable-failed-checkpoints')]: pick('tolerable', ['0', '2', '1000000']),
    [key('timeout')]: pick('timeout', ['1 s', '10 s', '10 min']),
    [key('min-pause')]: pick('pause', ['0 ms', '50 ms']),
    [key('max-concurrent-checkpoints')]: pick('concurrent', ['1', '1', '3']),
    [key('num-retained')]: pick('retained', ['1', '2', '5']),
    [key('incremental')]: pick('incremental', ['true', 'false']),
    [key('data-inline-threshold')]: pick('inline', ['0 bytes', '20 kb']),
    [key('mode')]: atLeastOnce && barriers === 'counted' ? 'AT_LEAST_ONCE' : 'EXACTLY_ONCE',
    [key('externalized-checkpoint-retention')]: pick('retention', [
      ...['RETAIN_ON_CANCELLATION', 'RETAIN_ON_CANCELLATION', 'RETAIN_ON_CANCELLATION'],
      ...['DELETE_ON_CANCELLATION', 'NO_EXTERNALIZED_CHECKPOINTS'],
    ]),
    ...drawCopies(random.fork('copies')),
    [key('unaligned.enabled')]: String(overtake),
    [key('aligned-checkpoint-timeout')]:
      barriers === 'timeout' ? pick('aligned', ['1 ms', '20 ms', '200 ms']) : '0 ms',
  };
}

/** Copies of state that slots keep: most jobs have none, some write them, some read them, too. */
function drawCopies(random: Prng): Readonly<Record<string, string>> {
  const [write, read] = random.pick([[], [], ['write'], ['write', 'read'], ['write', 'read']]);
  if (write === undefined) return {};
  return {
    'execution.checkpointing.local-backup.enabled': 'true',
    'execution.checkpointing.local-backup.dirs': COPIES,
    'execution.state-recovery.from-local': String(read !== undefined),
  };
}
