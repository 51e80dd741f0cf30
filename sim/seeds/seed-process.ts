/** A process that runs the seeds that it is told, one after another, and reports each. */
import { parseSimOptions } from './sim-options.ts';
import type { SeedReport, SeedTask } from './seed-pool.ts';
import { bundleJobs, runSeed } from '../run-seed.ts';

const { checkpoints } = parseSimOptions();
const jobs = await bundleJobs();
process.on('message', (task: SeedTask) => {
  run(task).then(
    (report) => process.send!(report),
    (error: unknown) => {
      const failure = error instanceof Error ? (error.stack ?? error.message) : String(error);
      process.send!({ seed: task.seed, failure } satisfies SeedReport);
    },
  );
});
process.on('SIGTERM', () => {
  const end = (): never => process.exit(0);
  jobs[Symbol.asyncDispose]().then(end, end);
});

async function run({ seed, twice }: SeedTask): Promise<SeedReport> {
  const outcome = await runSeed({ seed, jobs, checkpoints });
  if (!twice) return { seed, outcome, twice };
  const again = await runSeed({ seed, jobs, checkpoints });
  if (again.hash === outcome.hash) return { seed, outcome, twice };
  throw new Error(`the second run has the trace ${again.hash}, the first ${outcome.hash}`);
}
