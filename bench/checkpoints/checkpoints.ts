/**
 * The suite of checkpoints. Of state on the heap, 1 GB in a snapshot: how fast it comes to the
 * local disk and back, the longest time for which nothing else is done meanwhile, and what a
 * snapshot of 2 % changed entries takes of a whole one's bytes and time. Of whole jobs, what
 * checkpoints cost of their throughput. Of a cluster, how long a job puts nothing out when a
 * TaskManager is killed. Rates are per second of wall time.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Benchmark } from '../lib/benchmark.ts';
import type { Measured } from '../lib/report.ts';
import { checkpointCosts } from './checkpoint-cost.ts';
import type { HeapFigures } from './heap-checkpoint.ts';
import { killToOutput } from './kill-to-output.ts';

/** Of a snapshot. */
const MEGABYTES = 1000;
const HEAP_MEGABYTES = 6000;

const NO_FIGURES: HeapFigures = {
  rates: [],
  cpuRates: [],
  pauses: [],
  restoreRates: [],
  restoreCpuRates: [],
  restorePauses: [],
  bytesRatios: [],
  timeRatios: [],
};

const heap: readonly Benchmark[] = heapBenchmarks([
  (figures) => ({
    name: 'heap-checkpoint-rate',
    unit: 'MB/s',
    better: 'higher',
    values: figures.rates,
    cpu: figures.cpuRates,
  }),
  (figures) => ({
    name: 'heap-checkpoint-pause',
    unit: 'ms',
    better: 'lower',
    values: figures.pauses,
  }),
  (figures) => ({
    name: 'restore-rate',
    unit: 'MB/s',
    better: 'higher',
    values: figures.restoreRates,
    cpu: figures.restoreCpuRates,
  }),
  (figures) => ({
    name: 'restore-pause',
    unit: 'ms',
    better: 'lower',
    values: figures.restorePauses,
  }),
  (figures) => ({
    name: 'incremental-bytes-ratio',
    unit: 'ratio',
    better: 'lower',
    values: figures.bytesRatios,
  }),
  (figures) => ({
    name: 'incremental-time-ratio',
    unit: 'ratio',
    better: 'lower',
    values: figures.timeRatios,
  }),
]);

export const checkpointsBenchmarks: readonly Benchmark[] = [
  ...heap,
  ...checkpointCosts,
  killToOutput,
];

/** All of them come from the same runs, which are made once. */
function heapBenchmarks(
  measures: readonly ((figures: HeapFigures) => Measured)[],
): readonly Benchmark[] {
  let figures: Promise<HeapFigures> | undefined;
  return measures.map((measure) => ({
    name: measure(NO_FIGURES).name,
    measure: async (runs) => measure(await (figures ??= heapFigures(runs))),
  }));
}

async function heapFigures(runs: number): Promise<HeapFigures> {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-bench-'));
  try {
    const program = join(import.meta.dirname, 'heap-checkpoint.ts');
    const { stdout } = await promisify(execFile)(process.execPath, [
      `--max-old-space-size=${HEAP_MEGABYTES}`,
      program,
      ...[`${MEGABYTES}`, `${runs}`, directory],
    ]);
    return JSON.parse(stdout) as HeapFigures;
  } finally {
    await rm(directory, { recursive: true });
  }
}
