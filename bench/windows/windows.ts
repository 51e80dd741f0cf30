/**
 * The suite of windows and timers: Nexmark's bids in windows by bidder, a million live timers, and
 * the memory of a million keys. Rates count bids (no other events are made) or timer operations,
 * per second of CPU of the whole process. Each result is held against a plain loop.
 */
import { runJob } from '../core/run-job.ts';
import { rate, type Expected } from '../core/rate.ts';
import type { Benchmark } from '../lib/benchmark.ts';
import { sessionsOf, slidingCounts, tumblingCounts } from './counts.ts';

/** Of them 46 in 50 are bids. */
const EVENTS = 20_000_000;
const TIMERS = 10_000_000;
const LIVE_TIMERS = 1_000_000;
const KEYS = 1_000_000;
/** A double for the key and one for the count. */
const PAYLOAD_BYTES = 16;

export const windowsBenchmarks: readonly Benchmark[] = [
  tumblingCount(EVENTS),
  bidsRate('sliding-count', EVENTS, slidingCounts),
  bidsRate('sessions', EVENTS, sessionsOf),
  timers(TIMERS, LIVE_TIMERS),
  perKey('bytes-per-key', ['resident', 'external']),
  perKey('bytes-per-key-resident', ['resident']),
];

export function tumblingCount(events: number): Benchmark {
  return bidsRate('tumbling-count', events, tumblingCounts);
}

export function timers(records: number, live: number): Benchmark {
  return rate({
    name: 'timers',
    records: 2 * records,
    parameters: async () => ({ records, live }),
    expected: () => timersExpected(records, live),
  });
}

function bidsRate(name: string, events: number, expected: (events: number) => Expected): Benchmark {
  return rate({
    name,
    records: (events * 46) / 50,
    parameters: async () => ({ events }),
    expected: () => expected(events),
  });
}

/** Every record sets a timer for `live` after its own number. */
function timersExpected(records: number, live: number): Expected {
  const numbers = (BigInt(records) * (BigInt(records) - 1n)) / 2n;
  return { records, checksum: numbers + BigInt(records) * BigInt(live) };
}

/**
 * What a job with the keys has more than the same job without, for each of them. What lies outside
 * of V8's heap is resident as well: the sum of both counts it twice.
 */
function perKey(name: string, parts: readonly ('resident' | 'external')[]): Benchmark {
  async function memoryOf(keys: number): Promise<number> {
    const { accumulators } = await runJob('bench/jobs/bytes-per-key.ts', { records: KEYS, keys });
    return parts.reduce((sum, part) => sum + accumulators.get(part)!, 0);
  }
  return {
    name,
    async measure(runs) {
      const values: number[] = [];
      // The first run after a change compiles, and keeps what it needed for that.
      await memoryOf(KEYS);
      for (let run = 0; run < runs; run += 1) {
        const without = await memoryOf(0);
        values.push(((await memoryOf(KEYS)) - without) / KEYS - PAYLOAD_BYTES);
      }
      return { name, unit: 'B', better: 'lower', values };
    },
  };
}
