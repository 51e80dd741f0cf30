/**
 * Days of the calendar, without time or time zone: a number of days, so that differences are
 * subtraction and order is order. Text is `YYYY-MM-DD`, with a sign and more digits beyond the
 * years
 * 0 to 9999 as in ECMAScript. The calendar is the proleptic Gregorian one.
 */
import { EngineError } from '../base/errors.ts';
import type { Timestamp } from '../base/units.ts';

declare const brand: unique symbol;

/** Days since 1970-01-01; negative before it. */
export type CalendarDate = number & { readonly [brand]: 'CalendarDate' };

const DAY_MILLIS = 86_400_000;
/** What a JavaScript Date can show, 100 million days either way. */
const DAYS_MAX = 100_000_000;
const PATTERN = /^(\d{4}|[+-]\d{6})-(\d\d)-(\d\d)$/;

/**
 * The day of a text or of a number of days since 1970-01-01.
 * @throws EngineError DATA_INVALID_DATE
 * @example calendarDate('2001-01-01')
 */
export function calendarDate(value: string | number): CalendarDate {
  const days = typeof value === 'string' ? daysOf(value) : value;
  if (!isCalendarDate(days)) throw new EngineError('DATA_INVALID_DATE', { value: String(value) });
  return (days + 0) as CalendarDate;
}

/** The day in UTC. */
export function utcDateOf(at: Timestamp): CalendarDate {
  return calendarDate(Math.floor(at / DAY_MILLIS));
}

/** `YYYY-MM-DD`. */
export function dateText(date: CalendarDate): string {
  return new Date(date * DAY_MILLIS).toISOString().slice(0, -'T00:00:00.000Z'.length);
}

export function isCalendarDate(value: unknown): value is CalendarDate {
  return Number.isInteger(value) && Math.abs(value as number) <= DAYS_MAX;
}

function daysOf(text: string): number {
  const match = PATTERN.exec(text);
  if (match === null) return NaN;
  const days = Date.parse(`${text}T00:00:00Z`) / DAY_MILLIS;
  // Date.parse takes February 30 for March 2 in some engines.
  return isCalendarDate(days) && dateText(days) === text ? days : NaN;
}
