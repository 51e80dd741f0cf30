/**
 * `npm run sim`: runs seeds of the simulated cluster. One seed prints a line for every event; many
 * print a line each, and run in as many processes as there are cores. Every 20th seed of many runs
 * twice, and both runs must have the same trace.
 *
 *   npm run sim -- --seed 7            one seed, every event
 *   npm run sim -- --seeds 50          seeds 1 to 50; each draws whether its job takes checkpoints
 *   npm run sim -- --seeds 50 --from 101 --processes 1
 *   npm run sim -- --seeds 50 --checkpoints   or --no-checkpoints: all of them, or none
 *   npm run sim -- --mutant missing-fsync --seeds 50    how soon a planted bug is found
 */
import { execFileSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { MUTANTS } from './mutants/mutants.ts';
import type { Mutant } from './mutants/mutants.ts';
import { plant } from './mutants/plant.ts';
import type { SeedOutcome } from './run-seed.ts';
import { runSeeds } from './seeds/seed-pool.ts';
import { parseSimOptions } from './seeds/sim-options.ts';
import { Totals } from './totals.ts';

const TWICE_EVERY = 20;

const options = parseSimOptions();
process.exit(await main());

function main(): Promise<number> {
  console.log(`commit ${commit()}, Node ${process.versions.node}`);
  const { seed, mutant } = options;
  if (mutant !== undefined) return hunt(mutantOf(mutant));
  return seed === undefined ? many() : single(seed);
}

async function single(seed: number): Promise<number> {
  const { bundleJobs, runSeed } = await import('./run-seed.ts');
  await using jobs = await bundleJobs();
  const { checkpoints, quiet } = options;
  const print = quiet ? undefined : (line: string): void => console.log(line);
  console.log(`seed ${seed}`);
  try {
    console.log(summary(await runSeed({ seed, jobs, print, checkpoints })));
    return 0;
  } catch (error) {
    console.error(error);
    console.error(failed(seed));
    return 1;
  }
}

/** All of them, also when some fail. */
async function many(): Promise<number> {
  const { seeds, from, processes = availableParallelism() } = options;
  const totals = new Totals();
  const failures: number[] = [];
  const tasks = Array.from({ length: seeds }, (_, index) => {
    const seed = from + index;
    return { seed, twice: seed % TWICE_EVERY === 0 };
  });
  await runSeeds({
    ...{ tasks, processes, args: argsOfSeeds() },
    onReport: (report) => {
      if ('failure' in report) {
        failures.push(report.seed);
        console.error(report.failure);
        console.error(failed(report.seed));
        return;
      }
      totals.add(report.outcome, report.twice);
      console.log(summary(report.outcome));
    },
  });
  console.log(totals.line(failures.length));
  if (failures.length === 0) return 0;
  console.error(`failed: seeds ${failures.toSorted((a, b) => a - b).join(', ')}`);
  return 1;
}

/** Runs seeds against a planted bug until one finds it. */
async function hunt(mutant: Mutant): Promise<number> {
  plant(mutant);
  // The engine comes after the mutant, which changes it while it is loaded.
  const { bundleJobs, runSeed } = await import('./run-seed.ts');
  await using jobs = await bundleJobs();
  const { name, checkpoints } = mutant;
  for (let seed = 1; seed <= options.seeds; seed += 1) {
    try {
      await runSeed({ seed, jobs, checkpoints });
    } catch (error) {
      console.log(`${name} found by seed ${seed}: ${firstLine(error)}`);
      return 0;
    }
  }
  console.log(`${name} was not found within ${options.seeds} seeds`);
  return 1;
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

function failed(seed: number): string {
  const args = [seed, ...argsOfSeeds()].join(' ');
  return `seed ${seed} FAILED; run it again with: npm run sim -- --seed ${args}`;
}

/** What a seed depends on besides its number. */
function argsOfSeeds(): readonly string[] {
  const { checkpoints } = options;
  if (checkpoints === undefined) return [];
  return [checkpoints ? '--checkpoints' : '--no-checkpoints'];
}

function firstLine(error: unknown): string {
  return String(error instanceof Error ? error.message : error).split('\n')[0]!;
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
