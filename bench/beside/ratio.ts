/** Figures of runs, and the ratios between those of two systems. */

/** Of one run of one system. */
export interface Run {
  readonly wallSeconds: number;
  /** Of the process that executes the job. */
  readonly cpuSeconds: number;
  /** The most that was resident in it. */
  readonly peakMegabytes: number;
  /** That were completed. */
  readonly checkpoints: number;
}

export interface Spread {
  readonly min: number;
  readonly median: number;
  readonly max: number;
}

/** Medians over the runs; rates in events per second. */
export interface Side {
  readonly wallSeconds: number;
  readonly cpuSeconds: number;
  readonly perCpuSecond: number;
  readonly perWallSecond: number;
  /** The greatest of all runs. */
  readonly peakMegabytes: number;
  /** Completed in a run: the median. */
  readonly checkpoints: number;
}

export function sideOf(events: number, runs: readonly Run[]): Side {
  const wallSeconds = spreadOf(runs.map((run) => run.wallSeconds)).median;
  const cpuSeconds = spreadOf(runs.map((run) => run.cpuSeconds)).median;
  return {
    wallSeconds,
    cpuSeconds,
    perCpuSecond: events / cpuSeconds,
    perWallSecond: events / wallSeconds,
    peakMegabytes: Math.max(...runs.map((run) => run.peakMegabytes)),
    checkpoints: spreadOf(runs.map((run) => run.checkpoints)).median,
  };
}

/**
 * How many times as many events per second of CPU ours gets through. Runs are paired in the order
 * in which they were made, next to one another, so that both of a pair met the same machine.
 */
export function ratioOf(ours: readonly Run[], flink: readonly Run[]): Spread {
  if (ours.length !== flink.length) throw new Error('as many runs of one as of the other');
  return spreadOf(ours.map((run, i) => flink[i]!.cpuSeconds / run.cpuSeconds));
}

export function spreadOf(values: readonly number[]): Spread {
  if (values.length === 0) throw new Error('there are no values');
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median =
    sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  return { min: sorted[0]!, median, max: sorted.at(-1)! };
}
