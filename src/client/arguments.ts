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
  /** Name of the value in the help; undefined: a switch. */
  readonly value?: string | undefined;
  /** May be given several times. */
  readonly multiple?: boolean | undefined;
  readonly help: string;
}

export interface CommandSpec {
  readonly name: string;
  readonly summary: string;
  /** Names of the positional arguments, all required. */
  readonly positionals: readonly string[];
  readonly options: readonly OptionSpec[];
  readonly examples: readonly string[];
  /** Where they are not those of commands that run a job. */
  readonly exitCodes?: readonly (readonly [code: number, meaning: string])[] | undefined;
}

export interface ParsedArguments {
  readonly positionals: readonly string[];
  has(option: string): boolean;
  /** The last value given. */
  value(option: string): string | undefined;
  values(option: string): readonly string[];
}

/** @throws EngineError CLI_* naming the argument and the command. */
export function parseArguments(command: CommandSpec, args: readonly string[]): ParsedArguments {
  const { tokens } = parseArgs({
    args: [...args],
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
    const missing =
      token.value === undefined ||
      (!token.inlineValue && token.value.startsWith('-') && !/^-\d/.test(token.value));
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
  const expected = command.positionals.length;
  const helpAsked = given.has('help');
  if (!helpAsked && positionals.length < expected) {
    const argument = command.positionals[positionals.length]!;
    throw new EngineError('CLI_ARGUMENT_MISSING', { argument, command: command.name });
  }
  if (positionals.length > expected) {
    throw new EngineError('CLI_ARGUMENT_UNEXPECTED', {
      argument: positionals[expected]!,
      command: command.name,
    });
  }
  return {
    positionals,
    has: (option) => given.has(option),
    value: (option) => given.get(option)?.at(-1),
    values: (option) => given.get(option) ?? [],
  };
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
  const names = command.options.map(({ name }) => `--${name}`);
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
