/**
 * Benchmarks of a job's records per second of CPU, with its result held against what it must be.
 */
import type { Benchmark } from '../lib/benchmark.ts';
import { expectAccumulators, runJob } from './run-job.ts';

export interface Expected {
  /** That reach the end of the job. */
  readonly records: number;
  /** Of them; modulo 2^32 matters. */
  readonly checksum: bigint;
}

export interface Rate {
  readonly name: string;
  /** What counts in the rate. */
  readonly records: number;
  readonly parameters: () => Promise<Readonly<Record<string, string | number>>>;
  readonly expected: () => Expected;
}

/** Of the job bench/jobs/NAME.ts. */
export function rate({ name, records, parameters, expected }: Rate): Benchmark {
  return {
    name,
    async measure(runs) {
      const values: number[] = [];
      const wall: number[] = [];
      const given = await parameters();
      const must = expected();
      for (let run = 0; run < runs; run += 1) {
        const result = await runJob(`bench/jobs/${name}.ts`, given);
        expectAccumulators(result, {
          records: must.records,
          checksum: Number(BigInt.asUintN(32, must.checksum)),
        });
        values.push(records / result.cpuSeconds);
        wall.push(records / result.wallSeconds);
      }
      return { name, unit: 'records/s', better: 'higher', values, wall };
    },
  };
}
