/**
 * Whether and when a failed job starts again: Flink's four strategies, as pure functions over the
 * history of failures.
 */
import { milliseconds } from '../base/units.ts';
import type { Duration } from '../base/units.ts';
import type { Configuration } from '../config/configuration.ts';
import { CheckpointingOptions } from '../config/options/checkpointing-options.ts';
import { RestartStrategyOptions as Options } from '../config/options/restart-strategy-options.ts';

/** The options of `restart-strategy.*`. */
export type RestartStrategy =
  | { readonly kind: 'none' }
  | { readonly kind: 'fixed-delay'; readonly attempts: number; readonly delay: Duration }
  | {
      readonly kind: 'failure-rate';
      readonly maxFailuresPerInterval: number;
      readonly interval: Duration;
      readonly delay: Duration;
    }
  | {
      readonly kind: 'exponential-delay';
      readonly initialBackoff: Duration;
      readonly maxBackoff: Duration;
      readonly multiplier: number;
      /** A run this long without a failure starts over with the initial back-off. */
      readonly resetThreshold: Duration;
      /** Part of the back-off by which it varies either way, 0 to 1. */
      readonly jitter: number;
      /** Failures in a row before the job fails for good. */
      readonly attempts: number;
    };

export interface RestartHistory {
  /** Failures that were answered with a restart. */
  readonly restarts: number;
  /** Times of failures, as far as the strategy looks back. */
  readonly recent: readonly Duration[];
  readonly backoff: Duration | undefined;
  /** When the wait of the last restart is over, for a strategy that takes what fails until then
   *  for the same failure. */
  readonly restartAt?: Duration | undefined;
}

export type RestartDecision =
  | { readonly restart: false }
  | { readonly restart: true; readonly delay: Duration };

export const NO_RESTARTS: RestartHistory = { restarts: 0, recent: [], backoff: undefined };

const GIVE_UP: RestartDecision = { restart: false };

/** Flink's default: who takes checkpoints wants to go on from them. */
function typeOf(
  configuration: Configuration,
): 'none' | 'fixed-delay' | 'failure-rate' | 'exponential-delay' {
  const takesCheckpoints = (configuration.get(CheckpointingOptions.interval) ?? 0) > 0;
  if (configuration.has(Options.type) || !takesCheckpoints) return configuration.get(Options.type);
  return 'exponential-delay';
}

/** The strategy that a job's configuration asks for. */
export function restartStrategyOf(configuration: Configuration): RestartStrategy {
  const get = configuration.get.bind(configuration);
  switch (typeOf(configuration)) {
    case 'none':
      return { kind: 'none' };
    case 'fixed-delay':
      return {
        kind: 'fixed-delay',
        attempts: get(Options.fixedDelayAttempts),
        delay: get(Options.fixedDelayDelay),
      };
    case 'failure-rate':
      return {
        kind: 'failure-rate',
        maxFailuresPerInterval: get(Options.failureRateMaxFailures),
        interval: get(Options.failureRateInterval),
        delay: get(Options.failureRateDelay),
      };
    case 'exponential-delay':
      return {
        kind: 'exponential-delay',
        initialBackoff: get(Options.exponentialInitialBackoff),
        maxBackoff: get(Options.exponentialMaxBackoff),
        multiplier: get(Options.exponentialMultiplier),
        resetThreshold: get(Options.exponentialResetThreshold),
        jitter: get(Options.exponentialJitter),
        attempts: get(Options.exponentialAttempts),
      };
  }
}

/** `draw` is uniform in [0, 1). */
export function afterFailure(
  strategy: RestartStrategy,
  history: RestartHistory,
  now: Duration,
  draw: number,
): readonly [RestartHistory, RestartDecision] {
  switch (strategy.kind) {
    case 'none':
      return [history, GIVE_UP];
    case 'fixed-delay':
      if (history.restarts >= strategy.attempts) return [history, GIVE_UP];
      return again(history, history, strategy.delay);
    case 'failure-rate': {
      const recent = [...history.recent, now].filter((at) => now - at < strategy.interval);
      if (recent.length > strategy.maxFailuresPerInterval) return [{ ...history, recent }, GIVE_UP];
      return again(history, { ...history, recent }, strategy.delay);
    }
    case 'exponential-delay': {
      // Regions that fail one after the other are one failure, as in Flink.
      const { restartAt = milliseconds(-1) } = history;
      if (now < restartAt) {
        return [history, { restart: true, delay: milliseconds(restartAt - now) }];
      }
      const last = history.recent.at(-1);
      const calm =
        last === undefined || now - last >= strategy.resetThreshold + (history.backoff ?? 0);
      const failures = calm ? 1 : history.restarts + 1;
      if (failures > strategy.attempts) return [history, GIVE_UP];
      const grown = calm
        ? strategy.initialBackoff
        : Math.min(
            (history.backoff ?? strategy.initialBackoff) * strategy.multiplier,
            strategy.maxBackoff,
          );
      const jittered = grown * (1 + strategy.jitter * (2 * draw - 1));
      const delay = milliseconds(
        Math.min(Math.max(jittered, strategy.initialBackoff), strategy.maxBackoff),
      );
      const backoff = milliseconds(grown);
      const next = { restarts: failures - 1, recent: [now], backoff };
      return again(next, { ...next, restartAt: milliseconds(now + delay) }, delay);
    }
  }
}

function again(
  { restarts }: RestartHistory,
  history: RestartHistory,
  delay: Duration,
): readonly [RestartHistory, RestartDecision] {
  return [
    { ...history, restarts: restarts + 1 },
    { restart: true, delay },
  ];
}

/** As Flink words it. */
export function describeRestartStrategy(strategy: RestartStrategy): string {
  switch (strategy.kind) {
    case 'none':
      return 'Restart deactivated.';
    case 'fixed-delay': {
      const { attempts, delay } = strategy;
      return `Restart with fixed delay (${delay} ms). #${attempts} restart attempts.`;
    }
    case 'failure-rate': {
      const { maxFailuresPerInterval, interval, delay } = strategy;
      return (
        `Failure rate restart with maximum of ${maxFailuresPerInterval} failures within interval ` +
        `${interval} ms and fixed delay ${delay} ms.`
      );
    }
    case 'exponential-delay': {
      const { initialBackoff, maxBackoff, multiplier, resetThreshold, jitter } = strategy;
      return (
        `Restart with exponential delay: starting at ${initialBackoff} ms, increasing by ` +
        `${multiplier}, with maximum ${maxBackoff} ms. Delay resets after ${resetThreshold} ms ` +
        `with jitter ${jitter}.`
      );
    }
  }
}
