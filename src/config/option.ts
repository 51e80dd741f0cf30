/**
 * A typed option: its key, how its text is read, its default, and the sentence that the reference
 * page prints. Options are declared in `options/`; a Configuration is read through them.
 */
import type { Duration } from '../base/units.ts';
import {
  formatDuration,
  formatMemorySize,
  parseBoolean,
  parseDuration,
  parseInteger,
  parseMemorySize,
  parseNumber,
} from './values.ts';

/** How the text of an option becomes a value. */
export interface OptionType<T> {
  /** As Flink's pages name it. */
  readonly name: string;
  /** Shown in errors and on the reference page, e.g. `a duration such as "10 s"`. */
  readonly expected: string;
  /** Undefined for a text that is not such a value. */
  parse(text: string): T | undefined;
  format(value: T): string;
}

export interface ConfigOption<T> {
  readonly key: string;
  readonly type: OptionType<T & {}>;
  /** Undefined for an option that has none: then `T` includes undefined. */
  readonly defaultValue: T;
  /** A sentence. */
  readonly description: string;
  /** Older keys that are still read. */
  readonly fallbackKeys: readonly string[];
  /** What there is to say of the default where it is not always the same: then none is shown. */
  readonly defaultText?: string | undefined;
}

export const INT32_MAX = 2_147_483_647;

/** Declares an option that has a default. */
export function option<T extends {}>(
  key: string,
  type: OptionType<T>,
  defaultValue: NoInfer<T>,
  description: string,
  fallbackKeys: readonly string[] = [],
): ConfigOption<T> {
  return { key, type, defaultValue, description, fallbackKeys };
}

/** Declares an option that is undefined where nobody sets it. */
export function optional<T extends {}>(
  key: string,
  type: OptionType<T>,
  description: string,
  fallbackKeys: readonly string[] = [],
): ConfigOption<T | undefined> {
  return { key, type, defaultValue: undefined, description, fallbackKeys };
}

export const duration: OptionType<Duration> = {
  name: 'Duration',
  expected: 'a duration such as "10 s", "500 ms" or "PT10S"',
  parse: parseDuration,
  format: formatDuration,
};

export const memorySize: OptionType<number> = {
  name: 'MemorySize',
  expected: 'a size such as "64 mb" or "1g"',
  parse: parseMemorySize,
  format: formatMemorySize,
};

export const boolean: OptionType<boolean> = {
  name: 'Boolean',
  expected: '"true" or "false"',
  parse: parseBoolean,
  format: String,
};

export const text: OptionType<string> = {
  name: 'String',
  expected: 'a text',
  parse: (value) => value,
  format: (value) => value,
};

/** Several, with semicolons or commas between them. */
export const textList: OptionType<readonly string[]> = {
  name: 'List',
  expected: 'texts with semicolons between them',
  parse: (value) =>
    value
      .split(/[;,]/)
      .map((each) => each.trim())
      .filter((each) => each !== ''),
  format: (values) => values.join(';'),
};

/** A whole number within bounds, both included. */
export function integer(least: number, most: number = Number.MAX_SAFE_INTEGER): OptionType<number> {
  const expected =
    most === Number.MAX_SAFE_INTEGER
      ? `a whole number of at least ${least}`
      : `a whole number from ${least} to ${most}`;
  return {
    name: 'Integer',
    expected,
    parse: (value) => within(parseInteger(value), least, most),
    format: String,
  };
}

/** A number of at least `least`. */
export function number(least: number): OptionType<number> {
  return {
    name: 'Double',
    expected: `a number of at least ${least}`,
    parse: (value) => within(parseNumber(value), least, Number.MAX_VALUE),
    format: String,
  };
}

/** The highest port of a host. */
export const PORT_MAX = 65_535;

/** A port, or several: `8081`, `50100-50200`, `8081,8090-8099`. Read by `portsOf`. */
export const portRange: OptionType<string> = {
  name: 'String',
  expected: 'a port or ranges of ports such as "8081" or "50100-50200,50300"',
  parse: (value) => (portsOf(value) === undefined ? undefined : value.trim()),
  format: String,
};

/** The ports of a range in the order in which they are tried. */
export function portsOf(range: string): Iterable<number> | undefined {
  const parts = range.split(',').map((part) => /^\s*(\d{1,5})\s*(?:-\s*(\d{1,5})\s*)?$/.exec(part));
  const bounds = parts.map((part) => {
    const first = Number(part?.[1]);
    return [first, part?.[2] === undefined ? first : Number(part[2])] as const;
  });
  if (!bounds.every(([first, last]) => first <= last && last <= PORT_MAX)) return undefined;
  return eachPort(bounds);
}

function* eachPort(bounds: readonly (readonly [number, number])[]): Iterable<number> {
  for (const [first, last] of bounds) for (let port = first; port <= last; port++) yield port;
}

/** One of some words, whatever their case; `aliases` are other spellings that Flink reads. */
export function choice<const T extends string>(
  words: readonly T[],
  aliases: Readonly<Record<string, T>> = {},
): OptionType<T> {
  return {
    name: 'Enum',
    expected: words.map((word) => `"${word}"`).join(', '),
    parse(value) {
      const lower = value.trim().toLowerCase();
      const known = words.find((word) => word.toLowerCase() === lower);
      return known ?? (Object.hasOwn(aliases, lower) ? aliases[lower] : undefined);
    },
    format: String,
  };
}

function within(value: number | undefined, least: number, most: number): number | undefined {
  return value !== undefined && value >= least && value <= most ? value : undefined;
}
