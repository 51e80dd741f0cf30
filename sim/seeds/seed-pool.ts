/**
 * Many seeds in several processes at once, each seed in one of them: a simulation is one thread.
 * Which process runs a seed changes nothing of it.
 *
 * Invariants
 * P1. Every seed is run once, and reported once, whether it passes, fails or takes its process with
 *     it.
 * P2. A process ends when it has run so many seeds: what modules of jobs were loaded stays in its
 *     memory.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { SeedOutcome } from '../run-seed.ts';

/** P2. */
const SEEDS_OF_PROCESS = 100;

export interface SeedTask {
  readonly seed: number;
  /** The second run must have the trace of the first. */
  readonly twice: boolean;
}

export type SeedReport =
  | { readonly seed: number; readonly outcome: SeedOutcome; readonly twice: boolean }
  | { readonly seed: number; readonly failure: string };

export interface SeedPoolOptions {
  readonly tasks: readonly SeedTask[];
  /** How many at once. */
  readonly processes: number;
  /** Options of `npm run sim` that a seed is run with. */
  readonly args: readonly string[];
  readonly onReport: (report: SeedReport) => void;
}

const MAIN = fileURLToPath(new URL('./seed-process.ts', import.meta.url));

/** Resolves when all seeds were reported. */
export async function runSeeds(options: SeedPoolOptions): Promise<void> {
  const left = [...options.tasks];
  const lanes = Array.from({ length: options.processes }, async () => {
    while (left.length > 0) await runSome(left, options);
  });
  await Promise.all(lanes);
}

/** Runs seeds in one process, until there are none, it has run its number, or it is lost. */
async function runSome(left: SeedTask[], { args, onReport }: SeedPoolOptions): Promise<void> {
  const child = fork(MAIN, args, { serialization: 'advanced' });
  try {
    for (let count = 0; count < SEEDS_OF_PROCESS; count += 1) {
      const task = left.shift();
      if (task === undefined) return;
      const report = await reportOf(child, task);
      onReport(report);
      if ('failure' in report) return;
    }
  } finally {
    child.kill();
  }
}

function reportOf(child: ChildProcess, task: SeedTask): Promise<SeedReport> {
  return new Promise((resolve) => {
    const onMessage = (report: SeedReport): void => {
      child.off('exit', onExit);
      resolve(report);
    };
    const onExit = (code: number | null, signal: string | null): void => {
      child.off('message', onMessage);
      const failure = `the process of the seed ended with ${code ?? signal}`;
      resolve({ seed: task.seed, failure });
    };
    child.once('message', onMessage);
    child.once('exit', onExit);
    child.send(task);
  });
}
