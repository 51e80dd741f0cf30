/**
 * Points in time and spans of time as types of their own, so that a bare number never stands for
 * either: `tumbling(60_000)` does not compile, `tumbling(minutes(1))` does. Both are milliseconds.
 */
import { EngineError } from './errors.ts';

declare const brand: unique symbol;

/** Milliseconds since 1970-01-01T00:00:00Z; negative before it. Always an integer. */
export type Timestamp = number & { readonly [brand]: 'Timestamp' };

/** A span of time in milliseconds; may be fractional where a clock is finer than that. */
export type Duration = number & { readonly [brand]: 'Duration' };

/**
 * What `timestamp()` takes: epoch milliseconds, a `Date`, or anything with epoch milliseconds
 * (Temporal.Instant).
 */
export type TimestampInput = number | Date | { readonly epochMilliseconds: number };

/** @example milliseconds(250) */
export function milliseconds(count: number): Duration {
  if (!Number.isFinite(count))
    throw new EngineError('CONFIG_INVALID_DURATION', { value: String(count) });
  return count as Duration;
}

/** @example seconds(5) */
export function seconds(count: number): Duration {
  return milliseconds(count * 1000);
}

/** @example minutes(1) */
export function minutes(count: number): Duration {
  return milliseconds(count * 60_000);
}

/** @example hours(24) */
export function hours(count: number): Duration {
  return milliseconds(count * 3_600_000);
}

/** Days of 24 hours, without regard to time zones. @example days(7) */
export function days(count: number): Duration {
  return milliseconds(count * 86_400_000);
}

/**
 * Makes a Timestamp of epoch milliseconds, a Date or a Temporal.Instant.
 * @throws EngineError `DATA_INVALID_TIMESTAMP` if it is missing, NaN, infinite or not an integer.
 * @example timestamp(new Date('2001-01-01T00:47:00Z'))
 */
export function timestamp(at: TimestampInput): Timestamp {
  const value =
    typeof at === 'number' ? at : at instanceof Date ? at.getTime() : at?.epochMilliseconds;
  if (!Number.isSafeInteger(value)) {
    throw new EngineError('DATA_INVALID_TIMESTAMP', { value: String(value), where: '' });
  }
  return value as Timestamp;
}

/**
 * A later (or, with a negative duration, earlier) point in time.
 * @example plus(login.at, minutes(5))
 */
export function plus(at: Timestamp, duration: Duration): Timestamp {
  return (at + duration) as Timestamp;
}
