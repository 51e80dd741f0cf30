/**
 * A Configuration: texts under keys, checked once when it is made and read through typed options.
 * Immutable; a later source of values wins by `with`, and every value remembers where it was set.
 */
import { didYouMean } from '../base/did-you-mean.ts';
import { EngineError } from '../base/errors.ts';
import { isFlinkKey } from './flink-keys.ts';
import type { ConfigOption } from './option.ts';
import { OPTIONS } from './options.ts';
import type { OptionOrigin } from './origin.ts';
import { isSecretKey } from './secrets.ts';
import { isUnsupportedKey, unsupportedReason } from './unsupported.ts';

/** A value that was set. */
export interface ConfigurationEntry {
  readonly option: ConfigOption<unknown>;
  readonly text: string;
  /** As it was written: the option's key, or an older name. */
  readonly writtenAs: string;
  readonly origin: OptionOrigin;
}

const PROGRAM: OptionOrigin = { kind: 'program' };
const DEFAULT: OptionOrigin = { kind: 'default' };

export class Configuration {
  static readonly empty: Configuration = new Configuration(new Map());

  readonly #entries: ReadonlyMap<string, ConfigurationEntry>;

  private constructor(entries: ReadonlyMap<string, ConfigurationEntry>) {
    this.#entries = entries;
  }

  /**
   * @throws EngineError CONFIG_UNKNOWN_OPTION, CONFIG_UNSUPPORTED_OPTION, CONFIG_INVALID_VALUE
   * @example
   * const configuration = Configuration.parse({ 'heartbeat.interval': '1 s' });
   * configuration.get(ClusterOptions.heartbeatInterval);
   */
  static parse(
    values: Readonly<Record<string, string>>,
    origin: OptionOrigin = PROGRAM,
  ): Configuration {
    return Configuration.empty.with(values, origin);
  }

  /**
   * This configuration with further values, which win over those it has. Among them the current
   * name of an option wins over its older ones.
   */
  with(
    values: Readonly<Record<string, string>>,
    origin: OptionOrigin | ((key: string) => OptionOrigin) = PROGRAM,
  ): Configuration {
    const entries = new Map(this.#entries);
    const current = new Set<string>();
    for (const [writtenAs, text] of Object.entries(values)) {
      const option = requireOption(writtenAs);
      read(option, text);
      if (writtenAs === option.key) current.add(writtenAs);
      else if (current.has(option.key)) continue;
      const from = typeof origin === 'function' ? origin(writtenAs) : origin;
      entries.set(option.key, { option, text, writtenAs, origin: from });
    }
    return new Configuration(entries);
  }

  /** This configuration with all that was set in `other`, which wins. */
  overriddenBy(other: Configuration): Configuration {
    return new Configuration(new Map([...this.#entries, ...other.#entries]));
  }

  get<T>(option: ConfigOption<T>): T {
    const entry = this.#entries.get(option.key);
    return entry === undefined ? option.defaultValue : read(option, entry.text);
  }

  has(option: ConfigOption<unknown>): boolean {
    return this.#entries.has(option.key);
  }

  /** Undefined where nobody set it. */
  entry(option: ConfigOption<unknown>): ConfigurationEntry | undefined {
    return this.#entries.get(option.key);
  }

  origin(option: ConfigOption<unknown>): OptionOrigin {
    return this.#entries.get(option.key)?.origin ?? DEFAULT;
  }

  /** What was set, by key in order. */
  entries(): readonly ConfigurationEntry[] {
    return [...this.#entries.values()].sort((left, right) =>
      left.option.key < right.option.key ? -1 : 1,
    );
  }

  /** What was set, by key in order, for storing and sending. It may hold secrets: `shownValue`. */
  toRecord(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.entries().map(({ option, text }) => [option.key, text]));
  }
}

/** @throws EngineError CONFIG_UNKNOWN_OPTION, CONFIG_UNSUPPORTED_OPTION */
export function requireOption(key: string): ConfigOption<unknown> {
  const option = OPTIONS.get(key) ?? optionOfFallback(key);
  if (option !== undefined) return option;
  const suggestion = didYouMean(key, OPTIONS.keys());
  const reason = unsupportedReason(key);
  // A row for a family of keys does not hide that one of ours was mistyped.
  const isMeant = isUnsupportedKey(key) || (reason !== undefined && suggestion === '');
  if (isMeant || isFlinkKey(key)) {
    throw new EngineError('CONFIG_UNSUPPORTED_OPTION', {
      key,
      reason: reason === undefined ? '' : ` ${reason}`,
    });
  }
  throw new EngineError('CONFIG_UNKNOWN_OPTION', { key, suggestion });
}

function optionOfFallback(key: string): ConfigOption<unknown> | undefined {
  for (const option of OPTIONS.values()) if (option.fallbackKeys.includes(key)) return option;
  return undefined;
}

function read<T>(option: ConfigOption<T>, value: string): T & {} {
  const parsed = option.type.parse(value);
  if (parsed === undefined) {
    throw new EngineError('CONFIG_INVALID_VALUE', {
      key: option.key,
      value: isSecretKey(option.key) ? 'what was given' : JSON.stringify(value),
      expected: option.type.expected,
    });
  }
  return parsed;
}
