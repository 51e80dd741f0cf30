/**
 * Values of cells. Text is what it says; all other kinds must be written in full and are never
 * guessed: `12 ` with a blank, or `1,000`, is no number.
 */
import type { TextBuffer } from '../../base/text-buffer.ts';
import { calendarDate } from '../../types/calendar-date.ts';
import { decimal, decimalDigits } from '../../types/decimal.ts';
import { nameOf, problemOf } from '../../types/problem.ts';
import type { SchemaDescription } from '../../types/schema-description.ts';
import { isoTimestamp, TIMESTAMP_FORMS } from '../../base/iso-timestamp.ts';
import { MISFIT } from '../misfit.ts';
import { exactDecimalText } from '../number-text.ts';
import { shortDecimal } from '../short-decimal.ts';
import { utf8Text } from '../utf8.ts';

/** Reads `bytes[start, end)`. @throws MISFIT */
export type CellReader = (bytes: TextBuffer, start: number, end: number) => unknown;

export interface CellKind {
  readonly kind: SchemaDescription['kind'];
  readonly read: CellReader;
  /** What an empty cell is, if the field is optional or nullable. */
  readonly empty: { readonly value: null | undefined } | undefined;
  /** What the cell should be, for a sentence. */
  readonly wanted: string;
}

/** Undefined for kinds that no cell can hold. */
export function cellKindOf(description: SchemaDescription): CellKind | undefined {
  if (description.kind === 'optional' || description.kind === 'nullable') {
    const inner = cellKindOf(description.of);
    // Inside one another an empty cell would be either.
    if (inner === undefined || inner.empty !== undefined) return undefined;
    return { ...inner, empty: { value: description.kind === 'optional' ? undefined : null } };
  }
  const read = readerOf(description);
  if (read === undefined) return undefined;
  return { kind: description.kind, read, empty: undefined, wanted: wantedOf(description) };
}

function wantedOf(description: SchemaDescription): string {
  switch (description.kind) {
    case 'timestamp':
      return TIMESTAMP_FORMS;
    case 'int64':
      return 'a whole number of 64 bits';
    case 'date':
      return 'a date like 2001-01-31';
    case 'bytes':
      return 'bytes in base64';
    case 'boolean':
      return 'true or false';
    default:
      return nameOf(description);
  }
}

function readerOf(description: SchemaDescription): CellReader | undefined {
  switch (description.kind) {
    case 'string':
      return textOf;
    case 'boolean':
      return ofText((text) => BOOLEANS.get(text));
    case 'int8':
    case 'int16':
    case 'int32':
    case 'uint8':
    case 'uint16':
    case 'uint32':
    case 'integer':
    case 'float32':
    case 'float64':
    case 'duration':
      return numberReader(description);
    case 'int64':
      return ofText(int64Of);
    case 'timestamp':
      return ofText(timestampOf);
    case 'date':
      return ofText(calendarDate);
    case 'decimal': {
      const { precision, scale } = description;
      return ofText((text) => {
        const value = decimal(exactDecimalText(text), scale);
        return decimalDigits(value, precision, scale) === undefined ? undefined : value;
      });
    }
    case 'bytes':
      return ofText(base64Of);
    case 'enum': {
      const values = new Set<string>(description.values);
      return ofText((text) => (values.has(text) ? text : undefined));
    }
    case 'literal': {
      const { value } = description;
      return value === null
        ? undefined
        : ofText((text) => (text === String(value) ? value : undefined));
    }
    default:
      return undefined;
  }
}

function textOf(bytes: TextBuffer, start: number, end: number): string {
  const text = utf8Text(bytes, start, end);
  if (text === undefined) throw MISFIT;
  return text;
}

/** `parse` returns undefined or throws for text that is no value. */
function ofText(parse: (text: string) => unknown): CellReader {
  return (bytes, start, end) => {
    let value: unknown;
    try {
      value = parse(textOf(bytes, start, end));
    } catch {
      throw MISFIT;
    }
    if (value === undefined) throw MISFIT;
    return value;
  };
}

const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ...['true', 'TRUE', 'True'].map((text) => [text, true] as const),
  ...['false', 'FALSE', 'False'].map((text) => [text, false] as const),
]);

const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const OTHER_NUMBERS: ReadonlyMap<string, number> = new Map([
  ['NaN', NaN],
  ['Infinity', Infinity],
  ['-Infinity', -Infinity],
]);

function numberReader(description: SchemaDescription): CellReader {
  const whole = !/^(?:float|duration)/.test(description.kind);
  return (bytes, start, end) => {
    let value = shortDecimal(bytes, start, end);
    // NaN: not a short decimal.
    if (value !== value) value = longNumber(textOf(bytes, start, end));
    if (whole) value += 0;
    if (problemOf(description, value) !== undefined) throw MISFIT;
    return value;
  };
}

function longNumber(text: string): number {
  const value = NUMBER.test(text) ? Number(text) : OTHER_NUMBERS.get(text);
  if (value === undefined) throw MISFIT;
  return value;
}

function int64Of(text: string): bigint | undefined {
  if (!/^[+-]?\d{1,20}$/.test(text)) return undefined;
  const value = BigInt(text.replace('+', ''));
  return BigInt.asIntN(64, value) === value ? value : undefined;
}

function timestampOf(text: string): number | undefined {
  if (!/^[+-]?\d+$/.test(text)) return isoTimestamp(text);
  const at = Number(text) + 0;
  return Number.isSafeInteger(at) ? at : undefined;
}

function base64Of(text: string): Uint8Array | undefined {
  const bytes = Buffer.from(text, 'base64');
  // Node skips what is not base64.
  return bytes.toString('base64') === text ? new Uint8Array(bytes) : undefined;
}
