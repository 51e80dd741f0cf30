/**
 * Sizes and speeds of the simulated world. Each seed draws its own, from generous to tiny, because
 * bugs hide behind comfortable buffers; a test that needs a certain world overrides some.
 */
import type { Prng } from '../src/base/prng.ts';

export interface Knobs {
  /** Microseconds that a turn of a thread costs at most. */
  readonly turnCostMicros: number;
  /** Typical delay of a byte between two hosts, one way. */
  readonly latencyMicros: number;
  readonly bytesPerMicro: number;
  /** Bytes that a connection may have on the way and unread at the other side. */
  readonly windowBytes: number;
  /** Queued bytes above which `send` asks to stop. */
  readonly highWaterBytes: number;
  /** Queued bytes at or below which `drained` is called. */
  readonly lowWaterBytes: number;
  /** Out of 256 segments, how many are cut short at a drawn point. */
  readonly cuts: number;
  /** How long a connection bears a partition while it has something to send. */
  readonly lostAfterMicros: number;
  /** How long `connect` waits for an answer. */
  readonly connectMicros: number;
  /** Typical time of a disk operation; syncs take ten times as long. */
  readonly diskMicros: number;
  /** Time from the start of a process or worker to its first turn, at least. */
  readonly startMicros: number;
}

export function drawKnobs(random: Prng): Knobs {
  const pick = <K extends keyof Knobs>(name: K, values: readonly number[]): number =>
    random.fork(name).pick(values);
  const highWaterBytes = pick('highWaterBytes', [1, 1024, 16_384, 65_536, 1_048_576]);
  return {
    turnCostMicros: pick('turnCostMicros', [4, 16, 100]),
    latencyMicros: pick('latencyMicros', [50, 200, 1000, 20_000]),
    bytesPerMicro: pick('bytesPerMicro', [1, 100, 1000]),
    windowBytes: pick('windowBytes', [4096, 65_536, 262_144, 4_194_304]),
    highWaterBytes,
    lowWaterBytes: random.fork('lowWaterBytes').chance(0.5) ? 0 : highWaterBytes,
    cuts: pick('cuts', [0, 32, 128, 230]),
    lostAfterMicros: pick('lostAfterMicros', [3_000_000, 15_000_000, 900_000_000]),
    connectMicros: pick('connectMicros', [1_000_000, 5_000_000, 20_000_000]),
    diskMicros: pick('diskMicros', [20, 200, 3000]),
    startMicros: pick('startMicros', [10_000, 30_000, 300_000]),
  };
}
