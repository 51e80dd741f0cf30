/** A process that runs the simulations that it is told, one after another, and reports each. */
import { bundleJobs, runSeed } from '../run-seed.ts';
import { tellStory } from '../sweep/story.ts';
import type { PoolReport, PoolTask } from './process-pool.ts';
import { parseSimOptions } from './sim-options.ts';

const { checkpoints, smallExchange } = parseSimOptions();
const jobs = await bundleJobs();
process.on('message', (task: PoolTask) => {
  run(task).then(
    (report) => process.send!(report),
    (error: unknown) => {
      const failure = error instanceof Error ? (error.stack ?? error.message) : String(error);
      process.send!({ task, failure } satisfies PoolReport);
    },
  );
});
process.on('SIGTERM', () => {
  const end = (): never => process.exit(0);
  jobs[Symbol.asyncDispose]().then(end, end);
});

async function run(task: PoolTask): Promise<PoolReport> {
  if (task.kind === 'crash') {
    await tellStory(jobs, task.target);
    return { task };
  }
  const { seed, twice } = task;
  const outcome = await runSeed({ seed, jobs, checkpoints, smallExchange });
  if (!twice) return { task, outcome };
  const again = await runSeed({ seed, jobs, checkpoints, smallExchange });
  if (again.hash === outcome.hash) return { task, outcome };
  throw new Error(`the second run has the trace ${again.hash}, the first ${outcome.hash}`);
}
