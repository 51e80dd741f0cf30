/** `millrace info`: builds a job without running it and prints its plan. */
import { buildJobGraph } from '../deploy/build-job-graph.ts';
import type { Env } from '../env/env.ts';
import { explainMermaid } from '../graph/explain/explain-mermaid.ts';
import { explainText } from '../graph/explain/explain-text.ts';
import { planOf } from '../graph/explain/plan.ts';
import type { ParsedArguments } from './arguments.ts';
import { ExitCode } from './exit-codes.ts';
import { jobArguments } from './job-arguments.ts';

export async function infoCommand(env: Env, args: ParsedArguments): Promise<number> {
  const { job } = await jobArguments(env, args);
  const graph = await buildJobGraph(env, { ...job, jobId: 'info' });
  const plan = planOf(graph);
  const { stdout } = env.terminal;
  if (args.has('json')) stdout.write(`${JSON.stringify(plan, undefined, 2)}\n`);
  else stdout.write(args.has('mermaid') ? explainMermaid(plan) : explainText(plan));
  await stdout.flush();
  return ExitCode.success;
}
