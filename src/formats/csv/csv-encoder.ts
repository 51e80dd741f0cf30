/** Writes records as rows of CSV by RFC 4180, with a quote only where it is needed. */
import { assert } from '../../base/assert.ts';
import { EngineError } from '../../base/errors.ts';
import { compile } from '../../base/generated-code.ts';
import { textBufferOf } from '../../base/text-buffer.ts';
import { problemOf } from '../../types/problem.ts';
import { bytesToJson } from '../../types/to-json.ts';
import { dateText } from '../../types/calendar-date.ts';
import type { CalendarDate } from '../../types/calendar-date.ts';
import type { SchemaDescription, StructDescription } from '../../types/schema-description.ts';
import type { Schema } from '../../types/schema.ts';
import type { LineEncoder } from '../format.ts';
import { isoText } from '../../base/iso-timestamp.ts';
import { MISFIT } from '../misfit.ts';
import { ODD_ROW, RowWriter } from '../row-bytes.ts';
import type { WriteRow } from '../row-bytes.ts';
import { writeUtf8 } from '../utf8.ts';
import { refuseValue } from '../value-check.ts';
import { writeInteger } from '../write-integer.ts';
import { ROW_BYTES_PARAMETERS, rowBytesFixed, rowBytesSource } from './csv-bytes-source.ts';
import type { CsvDialect } from './csv-options.ts';
import type { WrittenColumn } from './csv-writer-source.ts';
import { ROW_WRITER_PARAMETERS, rowWriterSource } from './csv-writer-source.ts';

/** Text of a value; throws MISFIT for one that does not fit. */
type CellText = (value: any) => string;

/** CE1. A row is the same, whichever way it is written. */
export class CsvLineEncoder<T> implements LineEncoder<T> {
  readonly header: Uint8Array | undefined;
  readonly #description: StructDescription;
  readonly #single: string | undefined;
  readonly #row: (value: unknown) => string;
  readonly #rows: RowWriter | undefined;

  /** @param rows the fast way, which all encoders of a format share */
  constructor(schema: Schema<T>, dialect: CsvDialect, rows: RowWriter | undefined) {
    this.#description = schema.description as StructDescription;
    this.#rows = rows;
    const columns = columnsOf(this.#description, dialect.columns);
    this.#single = columns.length === 1 ? columns[0]!.name : undefined;
    const delimiter = String.fromCharCode(dialect.delimiter);
    const cell = quoted(dialect);
    const others = otherTexts(columns, cell, dialect);
    this.#row = compile(
      'csv/write',
      ROW_WRITER_PARAMETERS,
      rowWriterSource(columns, delimiter),
    )(...[refuseValue, cell, others]) as (value: unknown) => string;
    const names = columns.map(({ name }) => cell(name, false, name));
    this.header = dialect.header
      ? textBufferOf(Buffer.from(`${names.join(delimiter)}\n`))
      : undefined;
  }

  encode(value: T, out: Uint8Array, at: number): number {
    const end = this.#rows?.write(value, out, at) ?? ODD_ROW;
    if (end !== ODD_ROW) return end;
    const row = this.#rowOf(value);
    if (row === '\n') refuse(this.#single!, 'an empty line is no row', NOT_EMPTY);
    if (!row.isWellFormed()) refuse('record', 'it has half of a character', ESCAPE);
    return writeUtf8(row, out, at);
  }

  #rowOf(value: T): string {
    try {
      return this.#row(value);
    } catch (thrown) {
      if (thrown !== MISFIT) throw thrown;
    }
    const problem = problemOf(this.#description, value);
    assert(problem !== undefined, 'what the writer refuses does not fit the schema');
    return refuse(problem.path, problem.reason, FIT);
  }
}

/** Undefined where rows of the schema are not written as bytes. */
export function csvRowWriter<T>(schema: Schema<T>, dialect: CsvDialect): RowWriter | undefined {
  const columns = columnsOf(schema.description as StructDescription, dialect.columns);
  const source = rowBytesSource(columns, dialect);
  if (source === undefined) return undefined;
  const { quote, delimiter } = dialect;
  const others = otherTexts(columns, quoted(dialect), dialect);
  const row = compile('csv/bytes', ROW_BYTES_PARAMETERS, source);
  const marks = [quote < 0 ? delimiter : quote, delimiter] as const;
  const parts = { marks, fixed: rowBytesFixed(columns) };
  return new RowWriter(parts, (target) => row(target, ODD_ROW, writeInteger, others) as WriteRow);
}

function columnsOf(
  { fields }: StructDescription,
  names: readonly string[] | undefined,
): readonly WrittenColumn[] {
  if (names === undefined) return fields;
  return names.map((name) => ({ name, type: fields.find((field) => field.name === name)?.type }));
}

type QuotedText = (text: string, always: boolean, name: string) => string;

/** A text as a cell of a column, in quotes if it needs them or `always`. */
function quoted(dialect: CsvDialect): QuotedText {
  const mark = dialect.quote < 0 ? '' : String.fromCharCode(dialect.quote);
  const characters = mark + String.fromCharCode(dialect.delimiter);
  const special = new RegExp(`[${characters.replaceAll(/[\]\\^-]/g, '\\$&')}\n\r]`);
  return (text, always, name) => {
    if (!always && !special.test(text)) return text;
    if (mark === '') {
      refuse(name, `without quotes no cell can hold ${JSON.stringify(text)}`, QUOTE);
    }
    return mark + text.replaceAll(mark, mark + mark) + mark;
  };
}

function otherTexts(
  columns: readonly WrittenColumn[],
  cell: QuotedText,
  dialect: CsvDialect,
): readonly CellText[] {
  return columns.map((column) => otherText(column, cell, dialect, columns.length === 1));
}

/** For kinds that the generated text does not write itself. */
function otherText(
  { name, type }: WrittenColumn,
  cell: QuotedText,
  dialect: CsvDialect,
  single: boolean,
): CellText {
  const wrapped = type?.kind === 'optional' || type?.kind === 'nullable';
  const inner = wrapped ? type.of : (type ?? NOTHING);
  const text = textOf(inner, dialect);
  return (value) => {
    if (problemOf(inner, value) !== undefined) return refuseValue();
    const written = text(value);
    return cell(written, written === '' && (wrapped || single), name);
  };
}

const NOTHING: SchemaDescription = { kind: 'string' };

function textOf(description: SchemaDescription, { timestamp }: CsvDialect): CellText {
  switch (description.kind) {
    case 'date':
      return (value: CalendarDate) => dateText(value);
    case 'timestamp':
      return timestamp === 'iso' ? (at: number) => isoText(at) ?? String(at) : String;
    case 'bytes':
      return bytesToJson;
    case 'float32':
    case 'duration':
      return (value: number) => (Object.is(value, -0) ? '-0' : String(value));
    default:
      return String;
  }
}

const FIT = 'Make the records what the schema of the format says, or change that.';
const ESCAPE = 'Use the format json(), which escapes it.';
const QUOTE = 'Set the option quote.';
const NOT_EMPTY = 'Add a column that is never empty.';

function refuse(field: string, reason: string, fix: string): never {
  throw new EngineError('DATA_NOT_WRITABLE', { format: 'csv', field, reason, fix });
}
