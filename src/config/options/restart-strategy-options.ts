/** What happens to a job that has failed. */
import { milliseconds, minutes, seconds, type Duration } from '../../base/units.ts';
import { choice, duration, integer, INT32_MAX, number, option } from '../option.ts';
import type { ConfigOption } from '../option.ts';

interface RestartStrategyOptions {
  readonly failoverStrategy: ConfigOption<'region' | 'full' | 'individual'>;
  readonly type: ConfigOption<'none' | 'fixed-delay' | 'failure-rate' | 'exponential-delay'>;
  readonly fixedDelayAttempts: ConfigOption<number>;
  readonly fixedDelayDelay: ConfigOption<Duration>;
  readonly failureRateMaxFailures: ConfigOption<number>;
  readonly failureRateInterval: ConfigOption<Duration>;
  readonly failureRateDelay: ConfigOption<Duration>;
  readonly exponentialInitialBackoff: ConfigOption<Duration>;
  readonly exponentialMaxBackoff: ConfigOption<Duration>;
  readonly exponentialMultiplier: ConfigOption<number>;
  readonly exponentialJitter: ConfigOption<number>;
  readonly exponentialResetThreshold: ConfigOption<Duration>;
  readonly exponentialAttempts: ConfigOption<number>;
}

export const RestartStrategyOptions: RestartStrategyOptions = {
  failoverStrategy: option(
    'jobmanager.execution.failover-strategy',
    choice(['region', 'full', 'individual'], {
      'pipelined-region': 'region',
      'restart-pipelined-region': 'region',
      'restart-all': 'full',
      'restart-individual': 'individual',
    }),
    'region',
    'What restarts when a task fails: the tasks that exchange records with it or share a slot with one of those; all tasks; or the task alone, for jobs whose tasks exchange no records.',
  ),
  type: {
    ...option(
      'restart-strategy.type',
      choice(['none', 'fixed-delay', 'failure-rate', 'exponential-delay'], {
        off: 'none',
        disable: 'none',
        fixeddelay: 'fixed-delay',
        failurerate: 'failure-rate',
        exponentialdelay: 'exponential-delay',
      }),
      'none',
      'What happens to a job that has failed. Unset: exponential-delay where the job takes checkpoints, else none.',
      ['restart-strategy'],
    ),
    defaultText: 'exponential-delay where the job takes checkpoints, else none',
  },
  fixedDelayAttempts: option(
    'restart-strategy.fixed-delay.attempts',
    integer(1, INT32_MAX),
    1,
    'Restarts before the job fails for good.',
  ),
  fixedDelayDelay: option(
    'restart-strategy.fixed-delay.delay',
    duration,
    seconds(1),
    'The wait between a failure and the restart.',
  ),
  failureRateMaxFailures: option(
    'restart-strategy.failure-rate.max-failures-per-interval',
    integer(1, INT32_MAX),
    1,
    'Failures within the interval that are answered by a restart.',
  ),
  failureRateInterval: option(
    'restart-strategy.failure-rate.failure-rate-interval',
    duration,
    minutes(1),
    'The interval in which failures are counted.',
  ),
  failureRateDelay: option(
    'restart-strategy.failure-rate.delay',
    duration,
    seconds(1),
    'The wait between a failure and the restart.',
  ),
  exponentialInitialBackoff: option(
    'restart-strategy.exponential-delay.initial-backoff',
    duration,
    milliseconds(100),
    'The wait before the first restart. Flink waits for 1 s, which is most of what a job stands still when a process is lost.',
  ),
  exponentialMaxBackoff: option(
    'restart-strategy.exponential-delay.max-backoff',
    duration,
    minutes(1),
    'The longest wait before a restart.',
  ),
  exponentialMultiplier: option(
    'restart-strategy.exponential-delay.backoff-multiplier',
    number(1),
    1.5,
    'By what the wait grows from failure to failure.',
  ),
  exponentialJitter: option(
    'restart-strategy.exponential-delay.jitter-factor',
    number(0),
    0.1,
    'The part of the wait that is drawn at random and added or taken away.',
  ),
  exponentialResetThreshold: option(
    'restart-strategy.exponential-delay.reset-backoff-threshold',
    duration,
    minutes(60),
    'After this long without a failure the wait is the initial one again.',
  ),
  exponentialAttempts: option(
    'restart-strategy.exponential-delay.attempts-before-reset-backoff',
    integer(1, INT32_MAX),
    INT32_MAX,
    'Restarts without such a pause before the job fails for good.',
  ),
};
