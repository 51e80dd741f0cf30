/** Writes records as rows of CSV by RFC 4180, with a quote only where it is needed. */
import { textBufferOf } from '../../base/text-buffer.ts';
import { EngineError } from '../../base/errors.ts';
import { problemOf } from '../../types/problem.ts';
import { bytesToJson } from '../../types/to-json.ts';
import { dateText } from '../../types/calendar-date.ts';
import type { CalendarDate } from '../../types/calendar-date.ts';
import type { SchemaDescription, StructDescription } from '../../types/schema-description.ts';
import type { Schema } from '../../types/schema.ts';
import type { LineEncoder } from '../format.ts';
import { isoText } from '../iso-timestamp.ts';
import type { CsvDialect } from './csv-options.ts';

/** Text of a value that is neither undefined nor null. */
type CellText = (value: any) => string;

interface Cell {
  readonly name: string;
  readonly text: CellText;
  /** Whether an empty cell is no value, so that an empty text must be quoted. */
  readonly nothing: boolean;
}

export class CsvLineEncoder<T> implements LineEncoder<T> {
  readonly header: Uint8Array | undefined;
  readonly #description: StructDescription;
  readonly #dialect: CsvDialect;
  readonly #cells: readonly Cell[];
  /** What makes quotes necessary. */
  readonly #special: RegExp;
  readonly #quote: string;

  constructor(schema: Schema<T>, dialect: CsvDialect) {
    this.#description = schema.description as StructDescription;
    this.#dialect = dialect;
    this.#quote = dialect.quote < 0 ? '' : String.fromCharCode(dialect.quote);
    const characters = this.#quote + String.fromCharCode(dialect.delimiter);
    this.#special = new RegExp(`[${characters.replaceAll(/[\]\\^-]/g, '\\$&')}\n\r]`);
    const fields = inColumns(this.#description, dialect.columns);
    this.#cells = fields.map((field) => cellOf(field, dialect));
    const names = fields.map((field) => this.#quoted(field.name, false, field.name));
    this.header = dialect.header ? textBufferOf(Buffer.from(this.#row(names))) : undefined;
  }

  encode(value: T, out: Uint8Array, at: number): number {
    const problem = problemOf(this.#description, value);
    if (problem !== undefined) refuse(problem.path, problem.reason, FIT);
    const record = value as Readonly<Record<string, unknown>>;
    const texts = this.#cells.map(({ name, text, nothing }) => {
      const cell = record[name];
      return cell === undefined || cell === null ? '' : this.#quoted(text(cell), nothing, name);
    });
    if (texts.length === 1 && texts[0] === '' && record[this.#cells[0]!.name] !== '') {
      refuse(this.#cells[0]!.name, 'an empty line is no row', 'Add a column that is never empty.');
    }
    const row = this.#row(texts);
    if (!row.isWellFormed()) {
      refuse(
        'record',
        'it has half of a character (a lone surrogate)',
        'Use json(), which escapes it.',
      );
    }
    const length = Buffer.byteLength(row, 'utf8');
    if (at + length > out.length) return -1;
    return at + textBufferOf(out).utf8Write(row, at, length);
  }

  #row(cells: readonly string[]): string {
    const row = cells.join(String.fromCharCode(this.#dialect.delimiter));
    // An empty line is no row.
    return `${row === '' && cells.length === 1 ? this.#quote + this.#quote : row}\n`;
  }

  #quoted(text: string, nothing: boolean, name: string): string {
    const needed = (nothing && text === '') || this.#special.test(text);
    if (!needed) return text;
    const quote = this.#quote;
    if (quote === '') {
      refuse(
        name,
        `without quotes no cell can hold ${JSON.stringify(text)}`,
        'Set the option quote.',
      );
    }
    return quote + text.replaceAll(quote, quote + quote) + quote;
  }
}

interface Field {
  readonly name: string;
  readonly type: SchemaDescription;
}

function inColumns(
  { fields }: StructDescription,
  columns: readonly string[] | undefined,
): readonly Field[] {
  if (columns === undefined) return fields;
  return columns.map(
    (name) =>
      fields.find((field) => field.name === name) ?? {
        name,
        // A column that the schema does not know stays empty.
        type: { kind: 'optional', of: { kind: 'string' } },
      },
  );
}

function cellOf({ name, type }: Field, dialect: CsvDialect): Cell {
  const nothing = type.kind === 'optional' || type.kind === 'nullable';
  return { name, text: textOf(nothing ? type.of : type, dialect), nothing };
}

function textOf(description: SchemaDescription, { timestamp }: CsvDialect): CellText {
  switch (description.kind) {
    case 'date':
      return (value: CalendarDate) => dateText(value);
    case 'timestamp':
      return timestamp === 'iso' ? (at: number) => isoText(at) ?? String(at) : String;
    case 'bytes':
      return bytesToJson;
    case 'float32':
    case 'float64':
    case 'duration':
      return (value: number) => (Object.is(value, -0) ? '-0' : String(value));
    default:
      return String;
  }
}

const FIT = 'Make the records what the schema of the format says, or change that.';

function refuse(field: string, reason: string, fix: string): never {
  throw new EngineError('DATA_NOT_WRITABLE', { format: 'csv', field, reason, fix });
}
