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

function plainText(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, SHOWN_MAX));
  if (typeof value === 'number' || value === undefined) return String(value);
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
