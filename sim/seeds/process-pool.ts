/**
 * Many simulations in several processes at once, each in one of them: a simulation is one thread.
 * Which process runs it changes nothing of it.
 *
 * Invariants
 * P1. Every task is run once, and reported once, whether it passes, fails or takes its process with
 *     it.
 * P2. A process ends when it has run so many tasks: what modules of jobs were loaded stays in its
 *     memory.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { CrashTarget } from '../crash-points.ts';
import type { SeedOutcome } from '../run-seed.ts';

/** P2. */
const TASKS_OF_PROCESS = 100;

export type PoolTask =
  | { readonly kind: 'seed'; readonly seed: number; readonly twice: boolean }
  | { readonly kind: 'crash'; readonly target: CrashTarget };

export interface PoolReport {
  readonly task: PoolTask;
  /** Of a seed that has passed. */
  readonly outcome?: SeedOutcome | undefined;
  readonly failure?: string | undefined;
}

export interface PoolOptions {
  readonly tasks: readonly PoolTask[];
  /** How many at once. */
  readonly processes: number;
  /** Options of `npm run sim` that a task is run with. */
  readonly args: readonly string[];
  readonly onReport: (report: PoolReport) => void;
}

const MAIN = fileURLToPath(new URL('./pool-process.ts', import.meta.url));

/** Resolves when all tasks were reported. */
export async function runInProcesses(options: PoolOptions): Promise<void> {
  const left = [...options.tasks];
  const lanes = Array.from({ length: options.processes }, async () => {
    while (left.length > 0) await runSome(left, options);
  });
  await Promise.all(lanes);
}

/** Runs tasks in one process, until there are none, it has run its number, or one has failed. */
async function runSome(left: PoolTask[], { args, onReport }: PoolOptions): Promise<void> {
  const child = fork(MAIN, args, { serialization: 'advanced' });
  try {
    for (let count = 0; count < TASKS_OF_PROCESS; count += 1) {
      const task = left.shift();
      if (task === undefined) return;
      const report = await reportOf(child, task);
      onReport(report);
      if (report.failure !== undefined) return;
    }
  } finally {
    child.kill();
  }
}

function reportOf(child: ChildProcess, task: PoolTask): Promise<PoolReport> {
  return new Promise((resolve) => {
    const onMessage = (report: PoolReport): void => {
      child.off('exit', onExit);
      resolve(report);
    };
    const onExit = (code: number | null, signal: string | null): void => {
      child.off('message', onMessage);
      resolve({ task, failure: `the process ended with ${code ?? signal}` });
    };
    child.once('message', onMessage);
    child.once('exit', onExit);
    child.send(task);
  });
}
