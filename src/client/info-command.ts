/** `millrace info`: builds a job without running it and prints its plan. */
import { Configuration, parseAssignment } from '../config/configuration.ts';
import { PipelineOptions } from '../config/options.ts';
import { buildJobGraph } from '../deploy/build-job-graph.ts';
import type { Env } from '../env/env.ts';
import { explainMermaid } from '../graph/explain/explain-mermaid.ts';
import { explainText } from '../graph/explain/explain-text.ts';
import { planOf } from '../graph/explain/plan.ts';
import type { CommandSpec, ParsedArguments } from './arguments.ts';
import { parseAssignments } from './arguments.ts';
import { ExitCode } from './exit-codes.ts';
import { jobFileUrl } from './job-file.ts';

export const INFO: CommandSpec = {
  name: 'info',
  summary: 'Builds a job without running it, and prints its plan.',
  positionals: ['JOB_FILE'],
  options: [
    {
      name: 'parallelism',
      short: 'p',
      value: 'N',
      help: 'parallel subtasks of operators that do not say otherwise',
    },
    {
      name: 'param',
      value: 'KEY=VALUE',
      multiple: true,
      help: 'a parameter of the job; may be repeated',
    },
    {
      name: 'define',
      short: 'D',
      value: 'KEY=VALUE',
      multiple: true,
      help: 'a configuration option; may be repeated',
    },
    { name: 'job', value: 'NAME', help: 'which export, where the file exports several jobs' },
    { name: 'json', help: 'print the plan as JSON' },
    { name: 'mermaid', help: 'print the plan as a Mermaid diagram' },
    { name: 'help', short: 'h', help: 'print this' },
  ],
  examples: [
    'millrace info examples/word-count.ts',
    'millrace info examples/flight-delays.ts -p 4 --mermaid',
  ],
};

export async function infoCommand(env: Env, args: ParsedArguments): Promise<number> {
  const moduleUrl = await jobFileUrl(env.disk, args.positionals[0]!);
  const parallelism = args.value('parallelism');
  const configuration = Configuration.parse({
    ...(parallelism === undefined ? {} : { [PipelineOptions.parallelism.key]: parallelism }),
    ...Object.fromEntries(args.values('define').map(parseAssignment)),
  });
  const graph = await buildJobGraph(env, {
    jobId: 'info',
    moduleUrl,
    exportName: args.value('job'),
    parameters: parseAssignments('--param', args.values('param')),
    configuration: configuration.toRecord(),
  });
  const plan = planOf(graph);
  const { stdout } = env.terminal;
  if (args.has('json')) stdout.write(`${JSON.stringify(plan, undefined, 2)}\n`);
  else stdout.write(args.has('mermaid') ? explainMermaid(plan) : explainText(plan));
  await stdout.flush();
  return ExitCode.success;
}
