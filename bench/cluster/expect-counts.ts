/** Holds what a job has counted against what it must. */
import type { ClusterRunResult } from './run-on-cluster.ts';

/** Sums are modulo 2^32 in each subtask. */
export function expectCounts(
  { accumulators }: ClusterRunResult,
  expected: Readonly<Record<string, number>>,
): void {
  for (const [name, value] of Object.entries(expected)) {
    const total = accumulators[name];
    const actual = total !== undefined && name === 'checksum' ? total % 2 ** 32 : total;
    if (actual !== value) throw new Error(`wrong result: ${name} is ${actual}, must be ${value}`);
  }
}
