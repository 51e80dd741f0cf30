/** The exchange of records: the memory of its channels, and how long records may gather. */
import type { Duration } from '../../base/units.ts';
import { milliseconds } from '../../base/units.ts';
import { boolean, duration, memorySize, number, option, optional } from '../option.ts';
import type { ConfigOption, OptionType } from '../option.ts';

const MEBIBYTE = 1024 ** 2;
/** Frames are read and written whole. */
const SEGMENT_BYTES_MIN = 1024;
const SEGMENT_BYTES_MAX = MEBIBYTE;

/** As Flink has it, with -1 for: never. */
const timeout: OptionType<Duration> = {
  name: 'Duration',
  expected: `${duration.expected}, or -1`,
  parse: (text) => (/^-\s*1(\s*ms)?$/.test(text.trim()) ? milliseconds(-1) : duration.parse(text)),
  format: (value) => (value < 0 ? '-1 ms' : duration.format(value)),
};

const fraction: OptionType<number> = {
  ...number(0),
  expected: 'a number of at least 0 and less than 1',
  parse(text) {
    const value = number(0).parse(text);
    return value === undefined || value >= 1 ? undefined : value;
  },
};

const segmentSize: OptionType<number> = {
  ...memorySize,
  expected: 'a size from 1 kb to 1 mb, such as "32 kb"',
  parse(text) {
    const bytes = memorySize.parse(text);
    const isWithin =
      bytes !== undefined && bytes >= SEGMENT_BYTES_MIN && bytes <= SEGMENT_BYTES_MAX;
    return isWithin ? bytes : undefined;
  },
};

interface NetworkOptions {
  readonly fraction: ConfigOption<number>;
  readonly min: ConfigOption<number>;
  readonly max: ConfigOption<number | undefined>;
  readonly segmentSize: ConfigOption<number>;
  readonly bufferTimeoutEnabled: ConfigOption<boolean>;
  readonly bufferTimeout: ConfigOption<Duration>;
}

export const NetworkOptions: NetworkOptions = {
  fraction: option(
    'taskmanager.memory.network.fraction',
    fraction,
    0.1,
    'The part of the memory of a TaskManager, heap and network together, that the channels between slots may hold.',
  ),
  min: option(
    'taskmanager.memory.network.min',
    memorySize,
    64 * MEBIBYTE,
    'The least memory for channels, of the whole TaskManager.',
  ),
  max: optional(
    'taskmanager.memory.network.max',
    memorySize,
    'The most memory for channels, of the whole TaskManager. Unset: no limit but the fraction.',
  ),
  segmentSize: option(
    'taskmanager.memory.segment-size',
    segmentSize,
    32 * 1024,
    'Records for another slot are handed over when they take this much. A slot with very many channels uses less.',
  ),
  bufferTimeoutEnabled: option(
    'execution.buffer-timeout.enabled',
    boolean,
    true,
    'Whether records are handed over before their buffer is full. If not, the interval does not matter.',
  ),
  bufferTimeout: option(
    'execution.buffer-timeout.interval',
    timeout,
    milliseconds(100),
    'The longest that a record waits for its buffer to fill while the consumer is busy with earlier ones; a consumer that has taken them gets it at once. 0 never waits; -1 waits until the buffer is full.',
    ['execution.buffer-timeout'],
  ),
};
