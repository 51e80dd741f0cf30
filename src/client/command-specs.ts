/**
 * What the commands take, apart from what they do, so that `--help` does not load the engine.
 */
import type { CommandSpec, OptionSpec } from './arguments.ts';

const JOB_OPTIONS: readonly OptionSpec[] = [
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
];

export const RUN: CommandSpec = {
  name: 'run',
  summary: 'Runs a job on this machine, to its end.',
  positionals: ['JOB_FILE'],
  options: [
    ...JOB_OPTIONS,
    { name: 'json', help: 'print one JSON object a line instead of text' },
    { name: 'verbose', help: 'print whole stacks of errors, and the log of the engine' },
    { name: 'help', short: 'h', help: 'print this' },
  ],
  examples: [
    'millrace run examples/word-count.ts',
    'millrace run examples/flight-delays.ts -p 4 --param out=out/delays',
    'millrace run jobs.ts --job hourly -D restart-strategy.type=fixed-delay --json',
  ],
};

export const INFO: CommandSpec = {
  name: 'info',
  summary: 'Builds a job without running it, and prints its plan.',
  positionals: ['JOB_FILE'],
  options: [
    ...JOB_OPTIONS,
    { name: 'json', help: 'print the plan as JSON' },
    { name: 'mermaid', help: 'print the plan as a Mermaid diagram' },
    { name: 'verbose', help: 'print whole stacks of errors' },
    { name: 'help', short: 'h', help: 'print this' },
  ],
  examples: [
    'millrace info examples/word-count.ts',
    'millrace info examples/flight-delays.ts -p 4 --mermaid',
  ],
};
