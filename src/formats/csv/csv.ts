/** Comma-separated values, by RFC 4180. */
import { assert } from '../../base/assert.ts';
import type { Schema } from '../../types/schema.ts';
import type { LineDecoder, LineEncoder, LineFormat } from '../format.ts';
import { ByteIndex } from '../byte-index.ts';
import type { RowWriter } from '../row-bytes.ts';
import type { LineParser } from '../window-decoder.ts';
import { oddParser, WindowDecoder } from '../window-decoder.ts';
import { columnsByPosition, columnsOfHeader, csvFields } from './csv-columns.ts';
import { CsvLineEncoder, csvRowWriter } from './csv-encoder.ts';
import { CsvLineReader } from './csv-line-reader.ts';
import { csvParser } from './csv-parser.ts';
import type { CsvColumns } from './csv-columns.ts';
import type { CsvDialect } from './csv-options.ts';
import { validatorOf } from '../../types/standard-schema.ts';
import type { CsvOptions } from './csv-options.ts';
import { csvDialect } from './csv-options.ts';
import { MultilineSplitter } from './multiline-splitter.ts';

/**
 * CSV of a schema, which is a struct of fields that a cell can hold: no lists, maps or structs.
 * Columns are found by the names in the header, in any order. Every row has as many cells as there
 * are columns; an empty one is undefined for t.optional and null for t.nullable, the empty text for
 * t.string, and malformed for other kinds (quotes make an empty text of it: `""`). Values must be
 * written in full: numbers without blanks or thousands' separators, true or false, dates as
 * `2001-01-31`, timestamps as milliseconds since 1970 or text with its zone
 * (`2001-01-31T12:00:00Z`), bytes in base64. Empty lines are no rows.
 * @example csv(t.struct({ iata: t.string, latitude: t.float64, city: t.optional(t.string) }))
 */
export function csv<T>(schema: Schema<T>, options: CsvOptions = {}): LineFormat<T> {
  const dialect = csvDialect(options);
  const fields = csvFields(schema);
  const byPosition = dialect.header ? undefined : columnsByPosition(fields, dialect);
  let writer: { readonly rows: RowWriter | undefined } | undefined;
  const parsers = new CsvParsers(dialect, validatorOf(schema) === undefined);
  return {
    kind: 'csv',
    schema,
    skipsFirstLine: dialect.header,
    splittable: !dialect.multiline,
    extension: dialect.delimiter === TAB ? 'tsv' : 'csv',
    createDecoder(header): LineDecoder<T> {
      assert(
        byPosition !== undefined || header !== undefined,
        'a decoder of CSV with a header is given that header',
      );
      const columns = byPosition ?? columnsOfHeader(fields, dialect, header!);
      const reader = new CsvLineReader<T>(schema, dialect, columns);
      return dialect.multiline
        ? new MultilineSplitter(reader, dialect.quote)
        : new WindowDecoder(parsers.of(columns), reader);
    },
    createEncoder(): LineEncoder<T> {
      writer ??= { rows: csvRowWriter(schema, dialect) };
      return new CsvLineEncoder<T>(schema, dialect, writer.rows);
    },
  };
}

const TAB = 0x09;

/**
 * The window of a format, and the parser of the columns that were met last: most files of a source
 * have the same.
 */
class CsvParsers {
  readonly #dialect: CsvDialect;
  readonly #generated: boolean;
  #index: ByteIndex | undefined;
  #columns = '';
  #parser: LineParser | undefined;

  constructor(dialect: CsvDialect, generated: boolean) {
    this.#dialect = dialect;
    this.#generated = generated;
  }

  of(columns: CsvColumns): LineParser {
    const { delimiter, quote } = this.#dialect;
    this.#index ??= new ByteIndex([delimiter, quote < 0 ? delimiter : quote]);
    // A validation sees records before they are handed over.
    if (!this.#generated) return oddParser(this.#index);
    const places = [columns.count, ...columns.fields.map(({ column }) => column)].join();
    if (this.#parser === undefined || places !== this.#columns) {
      this.#columns = places;
      this.#parser = csvParser(columns, this.#dialect, this.#index);
    }
    return this.#parser;
  }
}
