/**
 * The forms in which Flink writes values in its configuration: durations (`10 s`, `PT10S`, `500
 * ms`; a bare number is milliseconds), sizes of memory (`64 mb`, `1g`; a bare number is bytes; the
 * units are powers of 1024), booleans, whole numbers and choices. A parser returns undefined for
 * what it does not understand; the caller knows key and fix.
 */
import { milliseconds, type Duration } from '../base/units.ts';

const DURATION_UNITS: readonly (readonly [names: readonly string[], millis: number])[] = [
  [['ns', 'nano', 'nanos', 'nanosecond', 'nanoseconds'], 1e-6],
  [['us', 'µs', 'micro', 'micros', 'microsecond', 'microseconds'], 1e-3],
  [['ms', 'milli', 'millis', 'millisecond', 'milliseconds', ''], 1],
  [['s', 'sec', 'secs', 'second', 'seconds'], 1000],
  [['m', 'min', 'minute', 'minutes'], 60_000],
  [['h', 'hour', 'hours'], 3_600_000],
  [['d', 'day', 'days'], 86_400_000],
];

const MEMORY_UNITS: readonly (readonly [names: readonly string[], bytes: number])[] = [
  [['b', 'byte', 'bytes', ''], 1],
  [['k', 'kb', 'kibibyte', 'kibibytes'], 1024],
  [['m', 'mb', 'mebibyte', 'mebibytes'], 1024 ** 2],
  [['g', 'gb', 'gibibyte', 'gibibytes'], 1024 ** 3],
  [['t', 'tb', 'tebibyte', 'tebibytes'], 1024 ** 4],
];

/** @example parseDuration('1 min') // 60000 */
export function parseDuration(text: string): Duration | undefined {
  const trimmed = text.trim();
  const millis = /^p/i.test(trimmed) ? isoDuration(trimmed) : scaled(trimmed, DURATION_UNITS);
  return millis === undefined ? undefined : milliseconds(millis);
}

/** Bytes. @example parseMemorySize('64 mb') // 67108864 */
export function parseMemorySize(text: string): number | undefined {
  const bytes = scaled(text.trim(), MEMORY_UNITS);
  return bytes !== undefined && Number.isSafeInteger(bytes) ? bytes : undefined;
}

export function parseBoolean(text: string): boolean | undefined {
  const lower = text.trim().toLowerCase();
  return lower === 'true' ? true : lower === 'false' ? false : undefined;
}

/** A whole decimal number within the safe range. */
export function parseInteger(text: string): number | undefined {
  const trimmed = text.trim();
  if (!/^[+-]?\d+$/.test(trimmed)) return undefined;
  const value = Number(trimmed);
  return Number.isSafeInteger(value) ? value : undefined;
}

export function parseNumber(text: string): number | undefined {
  const trimmed = text.trim();
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(trimmed)) return undefined;
  const value = Number(trimmed);
  return Number.isFinite(value) ? value : undefined;
}

/** The largest unit that gives a whole number. @example formatDuration(seconds(90)) // '90 s' */
export function formatDuration(duration: Duration): string {
  if (duration === 0) return '0 ms';
  for (const [names, millis] of DURATION_UNITS.toReversed()) {
    const count = duration / millis;
    if (Number.isInteger(count)) return `${count} ${names[millis === 60_000 ? 1 : 0]!}`;
  }
  return `${duration} ms`;
}

/** @example formatMemorySize(67108864) // '64 mb' */
export function formatMemorySize(bytes: number): string {
  for (const [names, size] of MEMORY_UNITS.toReversed()) {
    if (bytes >= size && bytes % size === 0)
      return `${bytes / size} ${names[1]!.replace('byte', 'bytes')}`;
  }
  return `${bytes} bytes`;
}

function scaled(
  text: string,
  units: readonly (readonly [readonly string[], number])[],
): number | undefined {
  const match = /^(\d+)\s*([^\d\s]*)$/.exec(text);
  if (match === null) return undefined;
  const unit = match[2]!.toLowerCase();
  const factor = units.find(([names]) => names.includes(unit))?.[1];
  if (factor === undefined) return undefined;
  const value = factor < 1 ? Number(match[1]) / Math.round(1 / factor) : Number(match[1]) * factor;
  return Number.isSafeInteger(Math.trunc(value)) ? value : undefined;
}

/** ISO-8601 as Java's Duration reads it: days, hours, minutes and (fractional) seconds. */
function isoDuration(text: string): number | undefined {
  const pattern = /^p(?:(\d+)d)?(t(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d{1,9})?)s)?)?$/i;
  const match = pattern.exec(text);
  if (match === null) return undefined;
  const [, days, time, hours, minutes, secs] = match;
  const parts = [days, hours, minutes, secs];
  if (parts.every((part) => part === undefined) || time?.length === 1) return undefined;
  const millis = (part: string | undefined, unit: number): number =>
    part === undefined ? 0 : Math.round(Number(part) * unit * 1e6) / 1e6;
  const sum =
    millis(days, 86_400_000) +
    millis(hours, 3_600_000) +
    millis(minutes, 60_000) +
    millis(secs, 1000);
  return Number.isSafeInteger(Math.trunc(sum)) ? sum : undefined;
}
