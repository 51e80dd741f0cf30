/**
 * `npm run sim`: runs seeds of the simulated cluster. One seed prints a line for every event; many
 * print a line each, and run in as many processes as there are cores. Every 20th seed of many runs
 * twice, and both runs must have the same trace.
 *
 *   npm run sim -- --seed 7            one seed, every event
 *   npm run sim -- --seeds 50          seeds 1 to 50; each draws whether its job takes checkpoints
 *   npm run sim -- --seeds 50 --from 101 --processes 1
 *   npm run sim -- --seeds 50 --checkpoints   or --no-checkpoints: all of them, or none
 *   npm run sim -- --seeds 50 --small-exchange    records wait in the outputs of some
 *   npm run sim -- --crash-points      a process is killed at every operation and message
 *   npm run sim -- --crash-points --every 12
 *   npm run sim -- --mutant missing-fsync --seeds 50    how soon a planted bug is found
 *   npm run sim -- --mutants           every planted bug is found
 */
import { execFileSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import type { CrashMode } from './crash-points.ts';
import { hunt, huntAll } from './mutants/hunt.ts';
import { MUTANTS } from './mutants/mutants.ts';
import type { Mutant } from './mutants/mutants.ts';
import type { SeedOutcome } from './run-seed.ts';
import { runInProcesses } from './seeds/process-pool.ts';
import type { PoolReport, PoolTask } from './seeds/process-pool.ts';
import { parseSimOptions } from './seeds/sim-options.ts';
import { countPoints, crashCases, partOf } from './sweep/crash-cases.ts';
import { Totals } from './totals.ts';

const TWICE_EVERY = 20;

const options = parseSimOptions();
process.exit(await main());

function main(): Promise<number> {
  console.log(`commit ${commit()}, Node ${process.versions.node}`);
  const { seed, mutant, crashPoints } = options;
  if (crashPoints) return sweep();
  if (options.crash !== undefined) return crash(options.crash);
  if (mutant !== undefined) return hunt(mutantOf(mutant), options.seeds);
  if (options.mutants) return huntAll(options.processes ?? availableParallelism());
  return seed === undefined ? many() : single(seed);
}

async function single(seed: number): Promise<number> {
  const { bundleJobs, runSeed } = await import('./run-seed.ts');
  await using jobs = await bundleJobs();
  const { checkpoints, quiet, smallExchange } = options;
  const print = quiet ? undefined : (line: string): void => console.log(line);
  console.log(`seed ${seed}`);
  try {
    console.log(summary(await runSeed({ seed, jobs, print, checkpoints, smallExchange })));
    return 0;
  } catch (error) {
    console.error(error);
    console.error(failure({ kind: 'seed', seed, twice: false }));
    return 1;
  }
}

/** One case of the sweep, every event printed. */
async function crash(text: string): Promise<number> {
  const { bundleJobs } = await import('./run-seed.ts');
  const { tellStory } = await import('./sweep/story.ts');
  await using jobs = await bundleJobs();
  const [index, mode] = text.split(' ');
  const target = { index: Number(index), mode: mode as CrashMode };
  const print = options.quiet ? undefined : (line: string): void => console.log(line);
  const point = (await tellStory(jobs, target, print))[target.index]!;
  console.log(`crash ${text} is exact: ${point.phase}, ${point.process}, ${point.what}`);
  return 0;
}

/** All of them, also when some fail. */
async function many(): Promise<number> {
  const { seeds, from } = options;
  const totals = new Totals();
  const tasks = Array.from({ length: seeds }, (_, index): PoolTask => {
    const seed = from + index;
    return { kind: 'seed', seed, twice: seed % TWICE_EVERY === 0 };
  });
  const failures = await runAll(tasks, ({ task, outcome }) => {
    totals.add(outcome!, task.kind === 'seed' && task.twice);
    console.log(summary(outcome!));
  });
  console.log(totals.line(failures));
  return failures === 0 ? 0 : 1;
}

/** Kills a process at every point of a story, or at one of so many. */
async function sweep(): Promise<number> {
  const { bundleJobs } = await import('./run-seed.ts');
  const { tellStory } = await import('./sweep/story.ts');
  await using jobs = await bundleJobs();
  const points = await tellStory(jobs);
  for (const line of countPoints(points)) console.log(line);
  const all = crashCases(points);
  const tasks = partOf(all, options.every).map((target): PoolTask => ({ kind: 'crash', target }));
  let passed = 0;
  const failures = await runAll(tasks, () => {
    passed += 1;
    if (passed % 100 === 0) console.log(`${passed} of ${tasks.length} cases are exact`);
  });
  console.log(
    `${points.length} points, ${all.length} cases, ${passed + failures} of them run, ` +
      `${failures} failures`,
  );
  return failures === 0 ? 0 : 1;
}

/** @returns how many have failed */
async function runAll(
  tasks: readonly PoolTask[],
  onPassed: (report: PoolReport) => void,
): Promise<number> {
  const { processes = availableParallelism() } = options;
  const failed: string[] = [];
  await runInProcesses({
    ...{ tasks, processes, args: argsOfSeeds() },
    onReport: (report) => {
      if (report.failure === undefined) {
        onPassed(report);
        return;
      }
      failed.push(nameOf(report.task));
      console.error(`${report.failure}\n${failure(report.task)}`);
    },
  });
  if (failed.length > 0) console.error(`failed: ${failed.join(', ')}`);
  return failed.length;
}

function summary(outcome: SeedOutcome): string {
  const { seed, hash, events, virtualSeconds, injected, jobManagerStarts, taskManagerStarts } =
    outcome;
  const faults = [...injected].map(([name, count]) => `${name} ${count}`).join(', ') || 'none';
  return (
    `seed ${seed} ok: trace ${hash}, ${outcome.what}, ${events} events, ` +
    `${virtualSeconds.toFixed(1)} virtual seconds, ` +
    `${jobManagerStarts} JobManager and ${taskManagerStarts} TaskManager starts, ` +
    `${outcome.checkpoints} checkpoints, ${outcome.restores} restores; faults: ${faults}`
  );
}

function failure(task: PoolTask): string {
  const args =
    task.kind === 'seed'
      ? ['--seed', task.seed, ...argsOfSeeds()]
      : ['--crash', `'${task.target.index} ${task.target.mode}'`];
  return `${nameOf(task)} FAILED; run it again with: npm run sim -- ${args.join(' ')}`;
}

function nameOf(task: PoolTask): string {
  if (task.kind === 'seed') return `seed ${task.seed}`;
  return `crash ${task.target.index} ${task.target.mode}`;
}

/** What a seed depends on besides its number. */
function argsOfSeeds(): readonly string[] {
  const { checkpoints, smallExchange } = options;
  return [
    ...(smallExchange ? ['--small-exchange'] : []),
    ...(checkpoints === undefined ? [] : [checkpoints ? '--checkpoints' : '--no-checkpoints']),
  ];
}

function mutantOf(name: string): Mutant {
  const mutant = MUTANTS.find((each) => each.name === name);
  if (mutant !== undefined) return mutant;
  throw new Error(`no mutant ${name}; there are ${MUTANTS.map((each) => each.name).join(', ')}`);
}

/** Of the sources, where they are in a repository. */
function commit(): string {
  try {
    const args = ['-C', import.meta.dirname, 'rev-parse', '--short', 'HEAD'];
    return execFileSync('git', args, {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return 'unknown';
  }
}
