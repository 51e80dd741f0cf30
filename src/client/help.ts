/** The texts of `--help`: written for somebody who sees the command for the first time. */
import type { CommandSpec, OptionSpec } from './arguments.ts';
import { EXIT_CODES_HELP } from './exit-codes.ts';

export function programHelp(commands: readonly CommandSpec[]): string {
  const width = Math.max(...commands.map(({ name }) => name.length));
  return [
    'Millrace runs stateful computations over streams, written in TypeScript.',
    '',
    'Usage: millrace COMMAND [OPTIONS]',
    '',
    'Commands:',
    ...commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`),
    '',
    'Examples:',
    ...commands.map(({ examples }) => `  ${examples[0]!}`),
    '',
    '`millrace COMMAND --help` explains a command; `millrace --version` prints the version.',
    '',
  ].join('\n');
}

export function commandHelp(command: CommandSpec): string {
  const options = command.options.filter(({ hidden }) => hidden !== true);
  const names = options.map(optionNames);
  const width = Math.max(...names.map(({ length }) => length));
  const lines = [
    command.summary,
    '',
    `Usage: ${['millrace', command.name, ...command.positionals, '[OPTIONS]'].join(' ')}`,
    '',
    'Options:',
    ...options.map((option, index) => `  ${names[index]!.padEnd(width)}  ${option.help}`),
    '',
    'Examples:',
    ...command.examples.map((example) => `  ${example}`),
    ...(command.json === undefined ? [] : ['', `With --json: ${command.json}`]),
    '',
    'Exit codes:',
    ...(command.exitCodes ?? EXIT_CODES_HELP).map(
      ([code, meaning]) => `  ${String(code).padStart(3)}  ${meaning}`,
    ),
    '',
  ];
  return lines.join('\n');
}

function optionNames({ name, short, aliases, value, isValueOptional }: OptionSpec): string {
  const shown = isValueOptional === true ? `[${value!}]` : value;
  const long = `--${name}${shown === undefined ? '' : ` ${shown}`}`;
  // The one that Flink has for it.
  const alias = aliases?.find((each) => !each.startsWith('--'));
  if (short !== undefined) return `-${short}, ${long}`;
  return alias === undefined ? `    ${long}` : `${alias}, ${long}`;
}
