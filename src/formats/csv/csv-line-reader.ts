/** Reads a row of CSV into a record, and says what is wrong with it. */
import { textBufferOf } from '../../base/text-buffer.ts';
import type { TextBuffer } from '../../base/text-buffer.ts';
import { isEngineError } from '../../base/errors.ts';
import { literalObject } from '../../types/literal-object.ts';
import { fieldPath, ROOT_PATH } from '../../types/path.ts';
import type { Schema } from '../../types/schema.ts';
import { validatorOf } from '../../types/standard-schema.ts';
import type { LineHandler, LineProblem } from '../format.ts';
import { excerpt, lineProblem } from '../line-problem.ts';
import type { LineReader } from '../window-decoder.ts';
import { notUtf8, utf8Text } from '../utf8.ts';
import { MISFIT } from '../misfit.ts';
import type { CsvColumns, CsvField } from './csv-columns.ts';
import type { CsvDialect } from './csv-options.ts';
import type { QuoteMistake } from './csv-row.ts';
import { CsvRow, ESCAPED, PLAIN } from './csv-row.ts';

/** CL1. `#reading` is the field whose cell is being read, whatever is thrown. */
export class CsvLineReader<T> implements LineReader<T> {
  readonly #dialect: CsvDialect;
  readonly #columns: CsvColumns;
  readonly #row: CsvRow;
  readonly #make: (values: readonly unknown[]) => unknown;
  readonly #validate: ((input: unknown) => T) | undefined;
  readonly #values: unknown[];
  #reading: CsvField | undefined = undefined;

  constructor(schema: Schema<T>, dialect: CsvDialect, columns: CsvColumns) {
    this.#dialect = dialect;
    this.#columns = columns;
    this.#row = new CsvRow(dialect);
    this.#make = literalObject(columns.fields.map(({ name }) => name));
    this.#validate = validatorOf(schema);
    this.#values = columns.fields.map(() => undefined);
  }

  read(bytes: TextBuffer, start: number, end: number, handler: LineHandler<T>): boolean {
    if (start === end) return true;
    const count = this.#row.cut(bytes, start, end);
    if (this.#row.wide && utf8Text(bytes, start, end) === undefined) {
      return handler.malformed(notUtf8(bytes, start, end), bytes, start, end);
    }
    if (count !== this.#columns.count) {
      const problem =
        count < 0 ? this.#badQuotes(bytes, start) : this.#badCount(bytes, start, count);
      return handler.malformed(problem, bytes, start, end);
    }
    let value: T;
    try {
      value = this.#record(bytes);
    } catch (thrown) {
      return handler.malformed(this.#misfit(bytes, start, thrown), bytes, start, end);
    }
    return handler.record(value);
  }

  #record(bytes: TextBuffer): T {
    const values = this.#values;
    const { fields } = this.#columns;
    for (let i = 0; i < fields.length; i++) values[i] = this.#cell(bytes, fields[i]!);
    this.#reading = undefined;
    const record = this.#make(values);
    return this.#validate === undefined ? (record as T) : this.#validate(record);
  }

  #cell(bytes: TextBuffer, field: CsvField): unknown {
    const { starts, ends, kinds } = this.#row;
    const start = starts[field.column]!;
    const end = ends[field.column]!;
    this.#reading = field;
    const { read, empty } = field.kind;
    switch (kinds[field.column]) {
      case PLAIN:
        // Quotes make an empty text of what would be no value.
        return start === end && empty !== undefined ? empty.value : read(bytes, start, end);
      case ESCAPED: {
        const plain = withoutEscapes(bytes, start, end, this.#dialect.quote);
        return read(plain, 0, plain.length);
      }
      default:
        return read(bytes, start, end);
    }
  }

  #badQuotes(bytes: TextBuffer, start: number): LineProblem {
    const { mistake, mistakeAt } = this.#row;
    return lineProblem(bytes, start, {
      offset: mistakeAt - start,
      field: undefined,
      ...QUOTE_PROBLEMS[mistake === 'open' && this.#dialect.multiline ? 'never' : mistake],
    });
  }

  #badCount(bytes: TextBuffer, start: number, count: number): LineProblem {
    const { count: wanted, source } = this.#columns;
    return lineProblem(bytes, start, {
      offset: this.#row.starts[Math.min(count, wanted) - 1]! - start,
      field: undefined,
      reason: `it has ${plural(count, 'cell')}, but ${source} ${plural(wanted, 'column')}`,
      fix:
        count > wanted
          ? 'A cell that holds the delimiter must be in quotes; see also the option delimiter.'
          : 'Write all cells, empty ones too; see also the option delimiter.',
    });
  }

  #misfit(bytes: TextBuffer, start: number, thrown: unknown): LineProblem {
    if (isEngineError(thrown, 'DATA_MALFORMED')) {
      const path = String(thrown.parameters['field']);
      return lineProblem(bytes, start, {
        offset: 0,
        field: path === ROOT_PATH ? undefined : path.slice(ROOT_PATH.length).replace(/^\./, ''),
        reason: String(thrown.parameters['reason']),
        fix: undefined,
      });
    }
    if (thrown !== MISFIT) throw thrown;
    const { name, column, kind } = this.#reading!;
    const from = this.#row.starts[column]!;
    const found = utf8Text(bytes, from, this.#row.ends[column]!)!;
    return lineProblem(bytes, start, {
      offset: from - start,
      field: fieldPath('', name).replace(/^\./, ''),
      reason: `it is ${found === '' ? 'empty' : `the text ${excerpt(found)}`}, not ${kind.wanted}`,
      fix:
        found === ''
          ? 'If the cell may be empty, declare the field as t.optional(...) or t.nullable(...).'
          : 'Correct the cell, or declare the field as what it is.',
    });
  }
}

const QUOTE_PROBLEMS: Readonly<
  Record<QuoteMistake | 'never', Pick<LineProblem, 'reason' | 'fix'>>
> = {
  open: {
    reason: 'the quote that opens here is not closed on this line',
    fix: 'If cells hold line ends, set multiline: true, with which each file is read in one piece.',
  },
  never: {
    reason: 'the quote that opens here is not closed',
    fix: 'Close it, or double it if it belongs to the text.',
  },
  stray: {
    reason: 'there is a quote inside a cell that does not begin with one',
    fix: 'Put the cell in quotes and double the quote, or set quote: false if quotes mean nothing.',
  },
  after: {
    reason: 'there is text after the closing quote of a cell',
    fix: 'Double a quote that belongs to the text.',
  },
};

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

function withoutEscapes(bytes: TextBuffer, start: number, end: number, quote: number): TextBuffer {
  const plain = Buffer.alloc(end - start);
  let length = 0;
  for (let i = start; i < end; i++) {
    plain[length++] = bytes[i]!;
    if (bytes[i] === quote) i++;
  }
  return textBufferOf(plain.subarray(0, length));
}
