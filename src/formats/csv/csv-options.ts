/** The options of CSV, checked and completed. */
import { EngineError } from '../../base/errors.ts';

export interface CsvOptions {
  /**
   * True (default): the first line of every file names its columns, in any order; columns that the
   * schema does not know are ignored. False: columns are those of `columns`.
   */
  readonly header?: boolean | undefined;
  /**
   * The columns of files without a header, if they are not the fields of the schema in their order.
   */
  readonly columns?: readonly string[] | undefined;
  /** One ASCII character between cells; a comma unless told, `\t` for tab-separated files. */
  readonly delimiter?: string | undefined;
  /**
   * One ASCII character around cells that hold a delimiter, a quote (which is doubled inside) or a
   * line end; false: quotes are characters like others. A double quote unless told.
   */
  readonly quote?: string | false | undefined;
  /**
   * Whether a quoted cell may hold line ends. Such files cannot be split, so that each is read by
   * one subtask in one piece; false unless told.
   */
  readonly multiline?: boolean | undefined;
  /**
   * How timestamps are written: `iso` (default, `2001-01-31T12:00:00.000Z`) or `millis` since 1970.
   */
  readonly timestamp?: 'iso' | 'millis' | undefined;
}

/** The bytes and names that readers and writers go by. */
export interface CsvDialect {
  readonly header: boolean;
  readonly columns: readonly string[] | undefined;
  readonly delimiter: number;
  /** -1: there is none. */
  readonly quote: number;
  readonly multiline: boolean;
  readonly timestamp: 'iso' | 'millis';
}

/** @throws EngineError API_INVALID_ARGUMENT */
export function csvDialect(options: CsvOptions): CsvDialect {
  const delimiter = characterOf('delimiter', options.delimiter ?? ',');
  const quote = options.quote === false ? -1 : characterOf('quote', options.quote ?? '"');
  if (delimiter === quote) invalid('delimiter and quote are the same character');
  const header = options.header ?? true;
  if (header && options.columns !== undefined) {
    invalid('columns is for files without a header; set header: false, or leave columns out');
  }
  if (options.columns !== undefined && new Set(options.columns).size < options.columns.length) {
    invalid('a name stands in columns twice');
  }
  const multiline = options.multiline ?? false;
  if (multiline && quote < 0) invalid('multiline needs quotes, which quote: false turns off');
  const { columns, timestamp = 'iso' } = options;
  return { header, columns, delimiter, quote, multiline, timestamp };
}

function characterOf(option: string, text: string): number {
  const code = text.length === 1 ? text.charCodeAt(0) : -1;
  // Letters and digits would make numbers and names ambiguous.
  if (code < 0 || code > 0x7f || /[\n\r0-9A-Za-z.+-]/.test(text)) {
    const wanted = 'one ASCII character, no letter, digit, sign or line end';
    invalid(`${option} is ${wanted}, not ${JSON.stringify(text)}`);
  }
  return code;
}

export function invalid(reason: string): never {
  throw new EngineError('API_INVALID_ARGUMENT', { call: 'csv', reason });
}
