/**
 * The suite of windows and timers: the memory of a million keys.
 */
import { runJob } from '../core/run-job.ts';
import type { Benchmark } from '../lib/benchmark.ts';

const KEYS = 1_000_000;
/** A double for the key and one for the count. */
const PAYLOAD_BYTES = 16;

export const windowsBenchmarks: readonly Benchmark[] = [
  { name: 'bytes-per-key', measure: bytesPerKey },
];

/** What a job with the keys has more than the same job without, for each of them. */
async function bytesPerKey(this: Benchmark, runs: number): ReturnType<Benchmark['measure']> {
  const values: number[] = [];
  // The first run after a change compiles, and keeps what it needed for that.
  await memoryOf(KEYS);
  for (let run = 0; run < runs; run += 1) {
    const without = await memoryOf(0);
    values.push(((await memoryOf(KEYS)) - without) / KEYS - PAYLOAD_BYTES);
  }
  return { name: this.name, unit: 'B', better: 'lower', values };
}

async function memoryOf(keys: number): Promise<number> {
  const { accumulators } = await runJob('bench/jobs/bytes-per-key.ts', { records: KEYS, keys });
  return accumulators.get('resident')! + accumulators.get('external')!;
}
