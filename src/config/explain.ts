/** What there is to say of an option, for `millrace config` and the reference page. */
import type { Configuration } from './configuration.ts';
import type { ConfigOption } from './option.ts';
import type { OptionOrigin } from './origin.ts';
import { shownValue } from './secrets.ts';

export interface OptionExplanation {
  readonly key: string;
  /** As it was written, or the default; undefined where there is neither. Secrets are masked. */
  readonly value: string | undefined;
  readonly origin: OptionOrigin;
  /** The older name under which it was set, if it was. */
  readonly writtenAs: string | undefined;
  readonly default: string | undefined;
  readonly type: string;
  /** What its text must be. */
  readonly expected: string;
  readonly description: string;
  /** Names of earlier versions of Flink that are understood. */
  readonly olderKeys: readonly string[];
}

export function explainOption(
  configuration: Configuration,
  option: ConfigOption<unknown>,
): OptionExplanation {
  const { key, type, description, fallbackKeys } = option;
  const entry = configuration.entry(option);
  const byDefault = defaultText(option);
  // A text about defaults is no value.
  const valueByDefault = option.defaultText === undefined ? byDefault : undefined;
  const writtenAs = entry?.writtenAs === key ? undefined : entry?.writtenAs;
  return {
    key,
    value: entry === undefined ? valueByDefault : shownValue(key, entry.text),
    origin: configuration.origin(option),
    writtenAs,
    default: byDefault,
    type: type.name,
    expected: type.expected,
    description,
    olderKeys: fallbackKeys,
  };
}

/** The default as one would write it. Undefined where there is none. */
export function defaultText(option: ConfigOption<unknown>): string | undefined {
  const { type, defaultValue } = option;
  if (option.defaultText !== undefined) return option.defaultText;
  if (defaultValue === undefined || defaultValue === null) return undefined;
  return type.format(defaultValue);
}
