/**
 * A Configuration: texts under keys, checked once when it is made and read through typed options.
 * Immutable; a later source of values wins by `with`.
 */
import { didYouMean } from '../base/did-you-mean.ts';
import { EngineError } from '../base/errors.ts';
import { isFlinkKey } from './flink-keys.ts';
import type { ConfigOption } from './option.ts';
import { OPTIONS, TaskManagerOptions } from './options.ts';
import { DEFAULT_SLOT_HEAP_BYTES } from './slot-heap.ts';

/** Why some of Flink's options have no meaning here, where a user may wonder. */
const REASONS: Readonly<Record<string, string>> = {
  'pipeline.object-reuse': 'Records are immutable, so they are always handed on without a copy.',
  'pipeline.jars': 'A job is a module; there are no jars.',
  'pipeline.classpaths': 'A job is a module; there are no class paths.',
};

export class Configuration {
  static readonly empty: Configuration = new Configuration(new Map());

  readonly #texts: ReadonlyMap<string, string>;

  private constructor(texts: ReadonlyMap<string, string>) {
    this.#texts = texts;
  }

  /**
   * @throws EngineError CONFIG_UNKNOWN_OPTION, CONFIG_UNSUPPORTED_OPTION, CONFIG_INVALID_VALUE
   * @example
   * const configuration = Configuration.parse({ 'heartbeat.interval': '1 s' });
   * configuration.get(ClusterOptions.heartbeatInterval);
   */
  static parse(values: Readonly<Record<string, string>>): Configuration {
    return Configuration.empty.with(values);
  }

  /** This configuration with further values, which win over those it has. */
  with(values: Readonly<Record<string, string>>): Configuration {
    const texts = new Map(this.#texts);
    for (const [key, value] of Object.entries(values)) {
      const option = requireOption(key);
      read(option, value);
      texts.set(option.key, value);
    }
    return new Configuration(texts);
  }

  get<T>(option: ConfigOption<T>): T {
    const value = this.#texts.get(option.key);
    return value === undefined ? option.defaultValue : read(option, value);
  }

  has(option: ConfigOption<unknown>): boolean {
    return this.#texts.has(option.key);
  }

  /** What was set, by key in order, for storing and sending. */
  toRecord(): Readonly<Record<string, string>> {
    const entries = [...this.#texts].sort(([left], [right]) => (left < right ? -1 : 1));
    return Object.fromEntries(entries);
  }
}

/** What a slot may use of V8's heap before its tasks fail. */
export function slotHeapBytes(configuration: Configuration): number {
  const total = configuration.get(TaskManagerOptions.taskHeap);
  if (total === undefined) return DEFAULT_SLOT_HEAP_BYTES;
  return Math.floor(total / configuration.get(TaskManagerOptions.slots));
}

/** `-D key=value` as typed. @throws EngineError CONFIG_INVALID_ASSIGNMENT */
export function parseAssignment(assignment: string): readonly [key: string, value: string] {
  const equals = assignment.indexOf('=');
  if (equals <= 0) throw new EngineError('CONFIG_INVALID_ASSIGNMENT', { text: assignment });
  return [assignment.slice(0, equals).trim(), assignment.slice(equals + 1).trim()];
}

function requireOption(key: string): ConfigOption<unknown> {
  const option = OPTIONS.get(key) ?? optionOfFallback(key);
  if (option !== undefined) return option;
  if (isFlinkKey(key)) {
    const reason = Object.hasOwn(REASONS, key) ? ` ${REASONS[key]!}` : '';
    throw new EngineError('CONFIG_UNSUPPORTED_OPTION', { key, reason });
  }
  throw new EngineError('CONFIG_UNKNOWN_OPTION', {
    key,
    suggestion: didYouMean(key, OPTIONS.keys()),
  });
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
      value: JSON.stringify(value),
      expected: option.type.expected,
    });
  }
  return parsed;
}
