/**
 * Runs seeds against planted bugs: each must be found by one of a bounded number of them, or by the
 * test that it names.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { messageOf } from '../../src/base/errors.ts';
import { MUTANTS } from './mutants.ts';
import type { Mutant } from './mutants.ts';
import { MUTANT, plant } from './plant.ts';

/** Of `--mutants`, for each. */
const WITHIN = 50;
const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));
const PRELOAD = new URL('./plant-for-test.ts', import.meta.url).href;
const run = promisify(execFile);

/** In this process, into which nothing of `src/` may be loaded yet. @returns an exit code */
export async function hunt(mutant: Mutant, seeds: number): Promise<number> {
  plant(mutant);
  // The engine comes after the mutant, which changes it while it is loaded.
  const { bundleJobs, runSeed } = await import('../run-seed.ts');
  await using jobs = await bundleJobs();
  const { name, checkpoints, workload, smallExchange, firstSeed = 1 } = mutant;
  for (let seed = firstSeed; seed < firstSeed + seeds; seed += 1) {
    try {
      await runSeed({ seed, jobs, checkpoints, workload, smallExchange });
    } catch (error) {
      console.log(`${name} found by seed ${seed}: ${messageOf(error).split('\n')[0]}`);
      return 0;
    }
  }
  console.log(`${name} was not found within ${seeds} seeds`);
  return 1;
}

/** All of them, each in a process of its own. @returns an exit code */
export async function huntAll(processes: number): Promise<number> {
  const left = [...MUTANTS];
  let missed = 0;
  const lanes = Array.from({ length: processes }, async () => {
    for (let mutant = left.shift(); mutant !== undefined; mutant = left.shift()) {
      try {
        console.log(await (mutant.unseen === undefined ? bySeeds(mutant) : byTest(mutant)));
      } catch (error) {
        missed += 1;
        console.error(`${mutant.name}, where ${mutant.what}: ${messageOf(error)}`);
      }
    }
  });
  await Promise.all(lanes);
  console.log(`${MUTANTS.length} planted bugs, ${missed} of them not found`);
  return missed === 0 ? 0 : 1;
}

async function bySeeds({ name }: Mutant): Promise<string> {
  const args = [MAIN, '--mutant', name, '--seeds', String(WITHIN)];
  const { stdout } = await run(process.execPath, args);
  return stdout.trimEnd().split('\n').at(-1)!;
}

/** @throws if the test passes, or fails because the mutant fits no more */
async function byTest({ name, unseen }: Mutant): Promise<string> {
  const { test, why } = unseen!;
  const args = ['--import', PRELOAD, fileURLToPath(new URL(`../../${test}`, import.meta.url))];
  const env = { ...process.env, [MUTANT]: name };
  const output = await run(process.execPath, args, { env }).then(
    () => undefined,
    (error: { readonly stdout?: string }) => error.stdout ?? '',
  );
  if (output === undefined) throw new Error(`${test} passes`);
  const failed = /^ *✖ (.*?)(?: \(|$)/m.exec(output)?.[1];
  if (failed === undefined) throw new Error(`no test of ${test} has failed: ${output}`);
  return `${name} found by ${test} (${failed}), by no seed: ${why}`;
}
