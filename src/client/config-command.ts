/** `millrace config`: what is configured, what it means, and where it was set. */
import type { Configuration } from '../config/configuration.ts';
import { requireOption } from '../config/configuration.ts';
import { explainOption, type OptionExplanation } from '../config/explain.ts';
import { OPTION_GROUPS } from '../config/options.ts';
import { originText } from '../config/origin.ts';
import { shownValue } from '../config/secrets.ts';
import type { Env } from '../env/env.ts';
import type { ParsedArguments } from './arguments.ts';
import { commandConfiguration } from './command-configuration.ts';
import { ExitCode } from './exit-codes.ts';

export async function configCommand(env: Env, args: ParsedArguments): Promise<number> {
  const configuration = await commandConfiguration(env, args);
  const { stdout } = env.terminal;
  const [key] = args.positionals;
  if (args.has('json')) stdout.write(`${jsonText(configuration, key)}\n`);
  else if (args.has('explain')) stdout.write(explanations(configuration, key));
  else if (key === undefined) stdout.write(settings(configuration));
  else {
    const { value } = explainOption(configuration, requireOption(key));
    if (value !== undefined) stdout.write(`${value}\n`);
  }
  await stdout.flush();
  return ExitCode.success;
}

/** One object with `options`, or that of the one option that was asked for. */
function jsonText(configuration: Configuration, key: string | undefined): string {
  if (key !== undefined) {
    return JSON.stringify(explainOption(configuration, requireOption(key)), undefined, 2);
  }
  const options = OPTION_GROUPS.flatMap((group) => Object.values(group.options));
  const explained = options.map((option) => explainOption(configuration, option));
  return JSON.stringify({ options: explained }, undefined, 2);
}

/** What was set, as a file that could be read again. */
function settings(configuration: Configuration): string {
  const entries = configuration.entries();
  if (entries.length === 0) {
    return '# Nothing is set: every option has its default. See `millrace config --explain`.\n';
  }
  const texts = entries.map(({ option, text }) => yamlLine(option.key, text));
  const width = Math.max(...texts.map(({ length }) => length));
  return entries
    .map(({ origin }, index) => `${texts[index]!.padEnd(width)}  # ${originText(origin)}\n`)
    .join('');
}

function yamlLine(key: string, text: string): string {
  const shown = shownValue(key, text);
  const isPlain = /^[\w./][\w./ -]*$/.test(shown) && shown === shown.trim();
  return `${key}: ${isPlain ? shown : JSON.stringify(shown)}`;
}

function explanations(configuration: Configuration, key: string | undefined): string {
  if (key !== undefined) return block(explainOption(configuration, requireOption(key)));
  return OPTION_GROUPS.map(({ title, options }) => {
    const blocks = Object.values(options).map((option) =>
      block(explainOption(configuration, option)),
    );
    return `# ${title}\n\n${blocks.join('\n')}`;
  }).join('\n');
}

function block(option: OptionExplanation): string {
  const { key, value, origin, writtenAs, description, type, expected, olderKeys } = option;
  const as = writtenAs === undefined ? '' : `, as ${writtenAs}, its older name`;
  const set = origin.kind === 'default' ? ' (default)' : ` (${originText(origin)}${as})`;
  const rows = [
    ['value', value === undefined ? 'not set' : `${value}${set}`],
    ['default', option.default ?? 'not set'],
    ['type', `${type}: ${expected}`],
    ...(olderKeys.length === 0 ? [] : [['also', olderKeys.join(', ')]]),
  ];
  const lines = rows.map(([name, text]) => `  ${name!.padEnd(8)} ${text!}\n`);
  return `${key}\n${lines.join('')}  ${description}\n`;
}
