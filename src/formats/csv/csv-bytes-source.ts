/**
 * Generates what puts a record together as a row, byte by byte: source text of straight code over
 * the columns. It answers `ODD` for whatever does not fit or is unusual; the writer of
 * `csv-writer-source.ts` then says what becomes of it. In the text `b` are the bytes that are
 * written to, `r` is the RowTarget, and `p` is where the next byte goes.
 */
import { quoteField } from '../../base/generated-code.ts';
import type { SchemaDescription } from '../../types/schema-description.ts';
import { FIXED_MAX } from '../row-bytes.ts';
import { fitsSource } from '../value-check.ts';
import { INTEGER_BYTES_MAX } from '../write-integer.ts';
import type { CsvDialect } from './csv-options.ts';
import type { WrittenColumn } from './csv-writer-source.ts';

/** What the generated text takes as parameters, in this order. */
export const ROW_BYTES_PARAMETERS: readonly string[] = ['r', 'ODD', 'integer', 'others'];

const FAIL = 'return ODD;';

/**
 * The body of a function of `ROW_BYTES_PARAMETERS` that returns a `WriteRow`; undefined for
 * rows of more columns than fit.
 */
export function rowBytesSource(
  columns: readonly WrittenColumn[],
  dialect: CsvDialect,
): string | undefined {
  if (rowBytesFixed(columns) > FIXED_MAX) return undefined;
  const cells = columns.map(({ name, type }, i) => {
    const before = i === 0 ? '' : `b[p++] = ${dialect.delimiter};`;
    return `${before}\n${type === undefined ? '' : cell(name, type, i, dialect)}`;
  });
  return [
    'return (v, b, at) => {',
    `if (typeof v !== 'object' || v === null) ${FAIL}`,
    'let p = at, x;',
    ...cells,
    // An empty line is no row.
    columns.length === 1 ? `if (p === at) ${FAIL}` : '',
    'b[p++] = 10;',
    // The delimiters, and the line end.
    `return r.row(at, p, ${columns.length});\n};`,
  ].join('\n');
}

/** Bytes that constants and numbers of a row take at most. */
export function rowBytesFixed(columns: readonly WrittenColumn[]): number {
  return columns.length * (INTEGER_BYTES_MAX + 1);
}

function cell(name: string, type: SchemaDescription, i: number, dialect: CsvDialect): string {
  const load = `x = ${quoteField('v', name)};`;
  if (type.kind !== 'optional' && type.kind !== 'nullable') {
    return `${load}\n${write(type, i, dialect)}`;
  }
  const nothing = type.kind === 'optional' ? 'undefined' : 'null';
  // An empty text in a column that may have none has quotes.
  const some = `if (x === '') ${FAIL}\n${write(type.of, i, dialect)}`;
  return `${load}\nif (x !== ${nothing}) {\n${some}\n}`;
}

/** Statements that write `x`. */
function write(type: SchemaDescription, i: number, { timestamp }: CsvDialect): string {
  const fits = fitsSource(type, 'x');
  const isText = fits === undefined || (type.kind === 'timestamp' && timestamp === 'iso');
  if (isText) return text(`others[${i}](x)`);
  const check = `if (!(${fits})) ${FAIL}`;
  switch (type.kind) {
    case 'string':
      return `${check}\n${text('x')}`;
    case 'boolean':
    case 'int64':
      return `${check}\n${text('String(x)')}`;
    case 'float64': {
      const isWhole = 'Number.isSafeInteger(x) && (x !== 0 || 1 / x > 0)';
      const other = text(`x === 0 ? '-0' : String(x)`);
      return `${check}\nif (${isWhole}) p = integer(b, p, x);\nelse {\n${other}\n}`;
    }
    default:
      return `${check}\np = integer(b, p, x);`;
  }
}

function text(expression: string): string {
  return `p = r.text(p, ${expression});\nif (p < 0) ${FAIL}`;
}
