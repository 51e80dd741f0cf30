/**
 * What checkpoints every 10 s cost of the throughput of a job that takes about a minute: the part
 * of its records per second that is missing beside the same job without them. Both are run in turn,
 * so that what else the machine does is shared between them.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runJob, type JobRun } from '../core/run-job.ts';
import type { Benchmark } from '../lib/benchmark.ts';

/** About a minute's worth. */
const EVENTS = { q5: 80_000_000, q8: 60_000_000 } as const;
/** Each takes two minutes. */
const PAIRS_MAX = 3;

export const checkpointCosts: readonly Benchmark[] = (['q5', 'q8'] as const).map((query) => ({
  name: `checkpoint-cost-${query}`,
  async measure(runs) {
    const [values, cpu]: [number[], number[]] = [[], []];
    for (let pair = 0; pair < Math.min(runs, PAIRS_MAX); pair += 1) {
      const withThem = await run(query, true);
      const without = await run(query, false);
      values.push(1 - without.wallSeconds / withThem.wallSeconds);
      cpu.push(1 - without.cpuSeconds / withThem.cpuSeconds);
    }
    return { name: `checkpoint-cost-${query}`, unit: 'ratio', better: 'lower', values, cpu };
  },
}));

async function run(query: keyof typeof EVENTS, checkpoints: boolean): Promise<JobRun> {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-bench-'));
  try {
    const configuration: Readonly<Record<string, string>> = checkpoints
      ? {
          'execution.checkpointing.interval': '10 s',
          'execution.checkpointing.dir': directory,
        }
      : {};
    const parameters = { events: EVENTS[query] };
    return await runJob(`bench/nexmark/jobs/${query}.ts`, parameters, configuration);
  } finally {
    await rm(directory, { recursive: true });
  }
}
