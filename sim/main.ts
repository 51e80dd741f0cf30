/**
 * `npm run sim`: runs seeds of the simulated cluster. One seed prints a line for every event; many
 * print a line each. Every 20th seed of many runs twice, and both runs must have the same trace.
 *
 *   npm run sim -- --seed 7            one seed, every event
 *   npm run sim -- --seeds 50          seeds 1 to 50
 *   npm run sim -- --seeds 50 --from 101
 *   npm run sim -- --seeds 50 --checkpoints   jobs that take checkpoints
 *   npm run sim -- --mutant missing-fsync --seeds 50    how soon a planted bug is found
 */
import { execFileSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { MUTANTS } from './mutants/mutants.ts';
import type { Mutant } from './mutants/mutants.ts';
import { plant } from './mutants/plant.ts';
import type { SeedOutcome } from './run-seed.ts';
import { Totals } from './totals.ts';

const TWICE_EVERY = 20;

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string' },
    from: { type: 'string', default: '1' },
    quiet: { type: 'boolean', default: false },
    mutant: { type: 'string' },
    checkpoints: { type: 'boolean', default: false },
  },
});

const mutant = values.mutant === undefined ? undefined : mutantOf(values.mutant);
if (mutant !== undefined) plant(mutant);
// The engine comes after the mutant, which changes it while it is loaded.
const { bundleJobs, runSeed } = await import('./run-seed.ts');
process.exit(await main());

async function main(): Promise<number> {
  const jobs = await bundleJobs();
  const { checkpoints } = values;
  try {
    console.log(`commit ${commit()}, Node ${process.versions.node}`);
    if (mutant !== undefined) return await hunt(mutant);
    if (values.seed !== undefined) return await single(whole(values.seed, 'seed'));
    return await many(whole(values.from, 'from'), whole(values.seeds ?? '50', 'seeds'));
  } finally {
    await jobs[Symbol.asyncDispose]();
  }

  async function single(seed: number): Promise<number> {
    const print = values.quiet ? undefined : (line: string): void => console.log(line);
    console.log(`seed ${seed}`);
    try {
      console.log(summary(await runSeed({ seed, jobs, print, checkpoints })));
      return 0;
    } catch (error) {
      return failed(seed, error);
    }
  }

  async function many(from: number, count: number): Promise<number> {
    const totals = new Totals();
    for (let seed = from; seed < from + count; seed += 1) {
      try {
        const outcome = await runSeed({ seed, jobs, checkpoints });
        totals.add(outcome);
        console.log(summary(outcome));
        if (seed % TWICE_EVERY !== 0) continue;
        const again = await runSeed({ seed, jobs, checkpoints });
        if (again.hash !== outcome.hash) {
          throw new Error(`the second run has the trace ${again.hash}, the first ${outcome.hash}`);
        }
        totals.twice += 1;
      } catch (error) {
        return failed(seed, error);
      }
    }
    console.log(totals.line());
    return 0;
  }

  /** Runs seeds against a planted bug until one finds it. */
  async function hunt({ name }: Mutant): Promise<number> {
    const limit = whole(values.seeds ?? '50', 'seeds');
    for (let seed = 1; seed <= limit; seed += 1) {
      try {
        await runSeed({ seed, jobs, checkpoints });
      } catch (error) {
        console.log(`${name} found by seed ${seed}: ${firstLine(error)}`);
        return 0;
      }
    }
    console.log(`${name} was not found within ${limit} seeds`);
    return 1;
  }
}

function summary(outcome: SeedOutcome): string {
  const { seed, hash, events, virtualSeconds, injected, jobManagerStarts, taskManagerStarts } =
    outcome;
  const faults = [...injected].map(([name, count]) => `${name} ${count}`).join(', ') || 'none';
  return (
    `seed ${seed} ok: trace ${hash}, ${events} events, ` +
    `${virtualSeconds.toFixed(1)} virtual seconds, ` +
    `${jobManagerStarts} JobManager and ${taskManagerStarts} TaskManager starts, ` +
    `${outcome.checkpoints} checkpoints, ${outcome.restores} restores; faults: ${faults}`
  );
}

function failed(seed: number, error: unknown): number {
  console.error(error);
  console.error(`seed ${seed} FAILED; run it again with: npm run sim -- --seed ${seed}`);
  return 1;
}

function firstLine(error: unknown): string {
  return String(error instanceof Error ? error.message : error).split('\n')[0]!;
}

function mutantOf(name: string): Mutant {
  const mutant = MUTANTS.find((each) => each.name === name);
  if (mutant !== undefined) return mutant;
  throw new Error(`no mutant ${name}; there are ${MUTANTS.map((each) => each.name).join(', ')}`);
}

function whole(text: string, option: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new Error(`--${option} takes a whole number, not "${text}"`);
}

function commit(): string {
  return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
}
