/** What a JobManager remembers of its jobs. */
import { seconds, type Duration } from '../../base/units.ts';
import { INT32_MAX, integer, option, type ConfigOption, type OptionType } from '../option.ts';

interface HistoryOptions {
  readonly exceptionHistorySize: ConfigOption<number>;
  readonly attemptsHistorySize: ConfigOption<number>;
  readonly storeExpiration: ConfigOption<Duration>;
  readonly storeCapacity: ConfigOption<number>;
  readonly storeBytes: ConfigOption<number>;
}

/** As old options of Flink have it. */
const wholeSeconds: OptionType<Duration> = {
  name: 'Long',
  expected: 'a whole number of seconds of at least 1',
  parse: (value) => {
    const count = integer(1, INT32_MAX).parse(value);
    return count === undefined ? undefined : seconds(count);
  },
  format: (value) => String(value / 1000),
};

export const HistoryOptions: HistoryOptions = {
  exceptionHistorySize: option(
    'web.exception-history-size',
    integer(1, INT32_MAX),
    16,
    'Failures of a job that are remembered, with what failed at the same time.',
  ),
  attemptsHistorySize: option(
    'jobmanager.execution.attempts-history-size',
    integer(1, INT32_MAX),
    16,
    'Earlier attempts of a subtask that are remembered.',
  ),
  storeExpiration: option(
    'jobstore.expiration-time',
    wholeSeconds,
    seconds(3600),
    'For this many seconds a job that has ended is shown in detail.',
  ),
  storeCapacity: option(
    'jobstore.max-capacity',
    integer(1, INT32_MAX),
    1000,
    'Jobs that have ended and are shown in detail. Flink has no bound by default, as it keeps them on disk.',
  ),
  storeBytes: option(
    'jobstore.cache-size',
    integer(1),
    16 * 2 ** 20,
    'Bytes for the details of jobs that have ended; the oldest go first. Flink keeps 50 mb in memory and the rest on disk.',
  ),
};
