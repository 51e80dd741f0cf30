/**
 * Reads the arguments of a command by its table of options, and says what is wrong with them in one
 * sentence with the nearest option that exists.
 */
import { parseArgs } from 'node:util';
import { didYouMean } from '../base/did-you-mean.ts';
import { EngineError } from '../base/errors.ts';

export interface OptionSpec {
  /** Without dashes. */
  readonly name: string;
  readonly short?: string | undefined;
  /** Other spellings, with their dashes, as scripts for Flink have them: `-sae`. */
  readonly aliases?: readonly string[] | undefined;
  /** Name of the value in the help; undefined: a switch. */
  readonly value?: string | undefined;
  /** What the value can be, for shells that complete it. */
  readonly values?: readonly string[] | undefined;
  /** The value may be left out, and is the empty text then. */
  readonly isValueOptional?: boolean | undefined;
  /** May be given several times. */
  readonly multiple?: boolean | undefined;
  readonly help: string;
  /** Not for people. */
  readonly hidden?: boolean | undefined;
}

export interface CommandSpec {
  readonly name: string;
  readonly summary: string;
  /** Names of the positional arguments; those in brackets may be left out. */
  readonly positionals: readonly string[];
  readonly options: readonly OptionSpec[];
  readonly examples: readonly string[];
  /** What `--json` prints. */
  readonly json?: string | undefined;
  /** Where they are not those of commands that run a job. */
  /** Not for people. */
  readonly hidden?: boolean | undefined;
  readonly exitCodes?: readonly (readonly [code: number, meaning: string])[] | undefined;
}

export interface ParsedArguments {
  /** Its name. */
  readonly command: string;
  readonly positionals: readonly string[];
  has(option: string): boolean;
  /** The last value given. */
  value(option: string): string | undefined;
  values(option: string): readonly string[];
}

/** How the table of a command names the id of a job. */
export const JOB_ID = 'JOB_ID';

/** @throws EngineError CLI_* naming the argument and the command. */
export function parseArguments(command: CommandSpec, args: readonly string[]): ParsedArguments {
  const { tokens } = parseArgs({
    args: withoutAliases(command, args),
    options: Object.fromEntries(command.options.map((option) => [option.name, nodeOption(option)])),
    allowPositionals: true,
    strict: false,
    tokens: true,
  });
  const given = new Map<string, string[]>();
  const positionals: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value);
    if (token.kind !== 'option') continue;
    const option = command.options.find(({ name }) => name === token.name);
    if (option === undefined) throw unknownOption(command, token.rawName);
    if (option.value === undefined && token.value !== undefined) {
      throw new EngineError('CLI_OPTION_WITHOUT_VALUE', {
        option: token.rawName,
        command: command.name,
      });
    }
    const missing = token.value === undefined || (!token.inlineValue && isOption(token.value));
    if (option.value !== undefined && missing) {
      throw new EngineError('CLI_OPTION_VALUE_MISSING', {
        option: token.rawName,
        value: option.value,
      });
    }
    const values = given.get(option.name) ?? [];
    if (values.length > 0 && option.multiple !== true && option.value !== undefined) {
      throw new EngineError('CLI_OPTION_TWICE', { option: token.rawName });
    }
    given.set(option.name, [...values, token.value ?? '']);
  }
  if (!given.has('help')) checkPositionals(command, positionals);
  return {
    command: command.name,
    positionals,
    has: (option) => given.has(option),
    value: (option) => given.get(option)?.at(-1),
    values: (option) => given.get(option) ?? [],
  };
}

function checkPositionals(command: CommandSpec, positionals: readonly string[]): void {
  const { name, positionals: expected } = command;
  const missing = expected.slice(positionals.length).find((each) => !each.startsWith('['));
  if (missing === JOB_ID) throw new EngineError('CLI_JOB_ID_MISSING', { command: name });
  if (missing !== undefined) {
    throw new EngineError('CLI_ARGUMENT_MISSING', { argument: missing, command: name });
  }
  const unexpected = positionals[expected.length];
  if (unexpected !== undefined) {
    throw new EngineError('CLI_ARGUMENT_UNEXPECTED', { argument: unexpected, command: name });
  }
}

/** With the name of an option where one of its aliases was given. */
function withoutAliases(command: CommandSpec, args: readonly string[]): string[] {
  const end = args.includes('--') ? args.indexOf('--') : args.length;
  return args.map((arg, index) => {
    if (index >= end || !arg.startsWith('-')) return arg;
    const equals = arg.indexOf('=');
    const typed = equals < 0 ? arg : arg.slice(0, equals);
    const option = command.options.find(
      ({ aliases, isValueOptional, short, name }) =>
        aliases?.includes(typed) === true ||
        // Flink's clients take long names behind one dash, too.
        [`--${name}`, ...(aliases ?? [])].includes(`-${typed}`) ||
        (isValueOptional === true && (typed === `-${short}` || typed === `--${name}`)),
    );
    if (option === undefined) return arg;
    const next = args[index + 1];
    const isBare = equals < 0 && (next === undefined || isOption(next));
    const value = option.isValueOptional === true && isBare ? '=' : arg.slice(typed.length);
    return `--${option.name}${value}`;
  });
}

function isOption(text: string): boolean {
  return text.startsWith('-') && !/^-\d/.test(text);
}

function nodeOption(option: OptionSpec): {
  type: 'string' | 'boolean';
  multiple: boolean;
  short?: string;
} {
  return {
    type: option.value === undefined ? 'boolean' : 'string',
    multiple: true,
    ...(option.short === undefined ? {} : { short: option.short }),
  };
}

function unknownOption(command: CommandSpec, rawName: string): EngineError {
  const names = command.options.flatMap(({ name, aliases = [] }) => [`--${name}`, ...aliases]);
  return new EngineError('CLI_UNKNOWN_OPTION', {
    option: rawName,
    command: command.name,
    suggestion: didYouMean(rawName, names),
  });
}

/** Splits `key=value`. @throws EngineError CLI_NOT_AN_ASSIGNMENT */
export function parseAssignments(option: string, texts: readonly string[]): Record<string, string> {
  const values: Record<string, string> = {};
  for (const text of texts) {
    const at = text.indexOf('=');
    if (at <= 0) throw new EngineError('CLI_NOT_AN_ASSIGNMENT', { option, text });
    Object.defineProperty(values, text.slice(0, at), {
      value: text.slice(at + 1),
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  return values;
}
