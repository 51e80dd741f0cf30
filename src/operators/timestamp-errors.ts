/** What is said about records without a usable event time: which operator wanted it, and which. */
import { EngineError } from '../base/errors.ts';

const SHOWN_MAX = 120;

/** A value as text of bounded length, whatever it is. */
export function shortRecord(value: unknown): string {
  const text = plainText(value);
  return text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}...` : text;
}

/** The error of an operator that needs event time, for a record that has none. */
export function noTimestamp(operator: string, value: unknown): EngineError {
  return new EngineError('DATA_NO_TIMESTAMP', { operator, record: shortRecord(value) });
}

/** Of anything that a user may give as a timestamp; undefined: it is none. */
export function millisOf(input: unknown): number | undefined {
  const millis =
    input instanceof Date
      ? input.getTime()
      : typeof input === 'object' && input !== null && 'epochMilliseconds' in input
        ? input.epochMilliseconds
        : input;
  return Number.isSafeInteger(millis) ? (millis as number) : undefined;
}

/** `by` says who gave it to or got it for the record, or what it is for. */
export function invalidTimestamp(operator: string, timestamp: unknown, by: string): EngineError {
  const value = shortRecord(timestamp);
  return new EngineError('DATA_INVALID_TIMESTAMP', { value, where: by, operator });
}

/** The error of a source that gives a record a timestamp that is none. */
export function invalidSourceTimestamp(
  operator: string,
  timestamp: unknown,
  value: unknown,
): EngineError {
  const by = `, which "${operator}" gave to the record ${shortRecord(value)}`;
  return invalidTimestamp(operator, timestamp, by);
}

function plainText(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, SHOWN_MAX));
  if (typeof value === 'number' || value === undefined) return String(value);
  if (typeof value === 'bigint') return `${value}n`;
  if (value instanceof Date && Number.isNaN(value.getTime())) return 'an invalid Date';
  try {
    return JSON.stringify(value, shortened) ?? `a ${typeof value}`;
  } catch {
    return Object.prototype.toString.call(value);
  }
}

/** JSON of a record that may hold bigints, and more than anybody wants to read. */
function shortened(_name: string, value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  if (typeof value === 'string' && value.length > SHOWN_MAX) return value.slice(0, SHOWN_MAX);
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (Array.isArray(value) && value.length > SHOWN_MAX) return value.slice(0, SHOWN_MAX);
  return value;
}
