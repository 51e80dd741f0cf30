/**
 * The cluster suite: what records cost between slots of a process and between TaskManagers, how
 * long they take, and what a second slot brings. Rates are per second of wall time, over all cores
 * that there are. Each job's result is held against a closed form.
 */
import { expectCounts } from './expect-counts.ts';
import type { Benchmark } from '../lib/benchmark.ts';
import { latencyBenchmarks } from './latency.ts';
import { processBenchmarks } from './processes.ts';
import { runOnCluster } from './run-on-cluster.ts';
import { twoSlotsRatio } from './two-slots.ts';

const EXCHANGE_RECORDS = 20_000_000;
/** Of a text in each record; its amounts go round below the bound. */
const TEXT_LENGTH = 74;
const AMOUNTS = 1000;

export const clusterBenchmarks: readonly Benchmark[] = [
  exchange('exchange-slots', { taskManagers: 1, slots: 2 }),
  exchange('exchange-taskmanagers', { taskManagers: 2, slots: 1 }),
  ...latencyBenchmarks,
  twoSlotsRatio,
  ...processBenchmarks,
];

/** From a source in one slot to a sink in another: every record crosses. */
function exchange(
  name: string,
  cluster: { readonly taskManagers: number; readonly slots: number },
): Benchmark {
  return {
    name,
    async measure(runs) {
      const wall: number[] = [];
      const cpu: number[] = [];
      for (let run = 0; run < runs; run += 1) {
        const result = await runOnCluster('exchange', {
          ...cluster,
          parameters: { records: EXCHANGE_RECORDS },
          configuration: {},
        });
        expectCounts(result, { records: EXCHANGE_RECORDS, checksum: exchangeChecksum() });
        wall.push(EXCHANGE_RECORDS / result.wallSeconds);
        if (result.cpuSeconds !== undefined) cpu.push(EXCHANGE_RECORDS / result.cpuSeconds);
      }
      return { name, unit: 'records/s', better: 'higher', values: wall, cpu };
    },
  };
}

function exchangeChecksum(): number {
  const amounts = (EXCHANGE_RECORDS / AMOUNTS) * ((AMOUNTS * (AMOUNTS - 1)) / 2);
  return (amounts + EXCHANGE_RECORDS * TEXT_LENGTH) % 2 ** 32;
}
