/**
 * What a second slot of the process brings to keyed work: the wall time of the core suite's keyed
 * sum with one slot, over that with two. Beside it, as `bound`, what the machine allows: how much
 * two independent processes with one slot each do at once, over what one of them does alone.
 */
import type { Benchmark } from '../lib/benchmark.ts';
import { expectCounts } from './expect-counts.ts';
import { runOnCluster } from './run-on-cluster.ts';

const RECORDS = 60_000_000;
const KEYS = 100_000;

export const twoSlotsRatio: Benchmark = {
  name: 'two-slots-ratio',
  async measure(runs) {
    const values: number[] = [];
    const bound: number[] = [];
    for (let run = 0; run < runs; run += 1) {
      const one = await keyedSumSeconds(1);
      values.push(one / (await keyedSumSeconds(2)));
      const apart = await Promise.all([keyedSumSeconds(1), keyedSumSeconds(1)]);
      bound.push((2 * one) / Math.max(...apart));
    }
    return { name: this.name, unit: 'ratio', better: 'higher', values, bound };
  },
};

async function keyedSumSeconds(slots: number): Promise<number> {
  const result = await runOnCluster('keyed-sum', {
    ...{ taskManagers: 1, slots },
    parameters: { records: RECORDS, keys: KEYS },
    configuration: { 'parallelism.default': String(slots) },
  });
  // Every round meets each key once, and its sums are the number of the round.
  const rounds = RECORDS / KEYS;
  const checksum = ((KEYS * rounds * (rounds + 1)) / 2) % 2 ** 32;
  expectCounts(result, { records: RECORDS, checksum });
  return result.wallSeconds;
}
