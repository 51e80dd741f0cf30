/**
 * Timestamps as text, by RFC 3339: `2001-01-31T12:00:00.250Z`, `2001-01-31 12:00+01:00`. Strict,
 * because `Date.parse` takes much that it should not, and reads text without a zone in the zone of
 * the machine.
 */
import type { Timestamp } from './units.ts';

const PATTERN =
  /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(?:[Zz]|([+-])(\d\d):(\d\d))$/;

const MINUTE = 60_000;
const MONTH_DAYS: readonly number[] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** For messages. */
export const TIMESTAMP_FORMS =
  'a timestamp (milliseconds since 1970, or text like 2001-01-31T12:00:00Z with its zone)';

/** Undefined if the text is none. Digits below a millisecond are cut off. */
export function isoTimestamp(text: string): Timestamp | undefined {
  const match = PATTERN.exec(text);
  if (match === null) return undefined;
  const [year, month, day, hour, minute] = match.slice(1, 6).map(Number);
  const second = Number(match[6] ?? 0);
  const millis = Number((match[7] ?? '').padEnd(3, '0').slice(0, 3));
  if (month! < 1 || month! > 12 || day! < 1 || day! > daysIn(year!, month!)) return undefined;
  if (hour! > 23 || minute! > 59 || second > 59) return undefined;
  const offsetHours = Number(match[9] ?? 0);
  const offsetMinutes = Number(match[10] ?? 0);
  if (offsetHours > 23 || offsetMinutes > 59) return undefined;
  const offset = (offsetHours * 60 + offsetMinutes) * (match[8] === '-' ? -MINUTE : MINUTE);
  const days = daysSince1970(year!, month!, day!);
  const local = ((days * 24 + hour!) * 60 + minute!) * MINUTE + second * 1000 + millis;
  return (local - offset) as Timestamp;
}

/** What `Date.prototype.toISOString` gives; undefined for years of more than four digits. */
export function isoText(at: number): string | undefined {
  if (!(at >= YEAR_0 && at < YEAR_10000)) return undefined;
  const days = Math.floor(at / DAY);
  const millis = at - days * DAY;
  const minutes = Math.floor(millis / MINUTE);
  const time = `${TWO[Math.floor(minutes / 60)]}:${TWO[minutes % 60]}`;
  const rest = millis - minutes * MINUTE;
  const fraction = rest % 1000;
  const second = TWO[(rest - fraction) / 1000];
  const thousandths = `${Math.floor(fraction / 100)}${TWO[fraction % 100]}`;
  return `${dayText(days)}T${time}:${second}.${thousandths}Z`;
}

const DAY = 86_400_000;
const TWO: readonly string[] = Array.from({ length: 100 }, (_unused, i) =>
  String(i).padStart(2, '0'),
);

/** By counting from March, as `daysSince1970`, which it undoes. */
function dayText(days: number): string {
  const since = days + 719_468;
  const era = Math.floor(since / 146_097);
  const dayOfEra = since - era * 146_097;
  const leapDays =
    Math.floor(dayOfEra / 1460) - Math.floor(dayOfEra / 36_524) + Math.floor(dayOfEra / 146_096);
  const yearOfEra = Math.floor((dayOfEra - leapDays) / 365);
  const yearStart = 365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100);
  const dayOfYear = dayOfEra - yearStart;
  const m = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * m + 2) / 5) + 1;
  const month = m < 10 ? m + 3 : m - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  return `${TWO[Math.floor(year / 100)]}${TWO[year % 100]}-${TWO[month]}-${TWO[day]}`;
}

const YEAR_0 = -62_167_219_200_000;
const YEAR_10000 = 253_402_300_800_000;

function daysIn(year: number, month: number): number {
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return month === 2 && leap ? 29 : MONTH_DAYS[month - 1]!;
}

/** By counting from March, so that the leap day is the last of a year. */
function daysSince1970(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  const dayOfEra =
    yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}
