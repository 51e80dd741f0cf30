/**
 * How long records take over a keyed edge between two TaskManagers at 10,000 a second, with default
 * settings: from the moment at which each was due, so that a stall counts for all that it delays.
 */
import type { Benchmark } from '../lib/benchmark.ts';
import { expectCounts } from './expect-counts.ts';
import { runOnCluster } from './run-on-cluster.ts';

const PER_SECOND = 10_000;
const UNCOUNTED = 3 * PER_SECOND;
const RECORDS = UNCOUNTED + 5 * PER_SECOND;

export const latencyBenchmarks: readonly Benchmark[] = [latency('p50'), latency('p99')];

function latency(percentile: 'p50' | 'p99'): Benchmark {
  const name = `latency-${percentile}`;
  return {
    name,
    async measure(runs) {
      const values: number[] = [];
      for (let run = 0; run < runs; run += 1) {
        const result = await runOnCluster('latency', {
          ...{ taskManagers: 2, slots: 1 },
          parameters: { records: RECORDS, perSecond: PER_SECOND, uncounted: UNCOUNTED },
          configuration: {},
        });
        expectCounts(result, { received: RECORDS });
        values.push(result.accumulators[percentile]! / 1000);
      }
      return { name, unit: 'ms', better: 'lower', values };
    },
  };
}
