/**
 * Generates what writes a record as a row: source text that checks the fields and joins their
 * cells.
 */
import { quote, quoteField } from '../../base/generated-code.ts';
import type { SchemaDescription } from '../../types/schema-description.ts';
import { checkSource, fitsSource } from '../value-check.ts';

/** What the generated text takes as parameters, in this order. */
export const ROW_WRITER_PARAMETERS: readonly string[] = ['refuse', 'cell', 'others'];

/** A column of the file. */
export interface WrittenColumn {
  readonly name: string;
  /** Undefined: the schema does not know it, and it stays empty. */
  readonly type: SchemaDescription | undefined;
}

/**
 * The body of a function of `ROW_WRITER_PARAMETERS` that returns `(record) => row`, with its end.
 */
export function rowWriterSource(columns: readonly WrittenColumn[], delimiter: string): string {
  const cells = columns.map(({ name, type }, i) => {
    const before = i === 0 ? '' : `s += ${quote(delimiter)};\n`;
    // An empty line is no row, so that a single cell has quotes at least.
    const empty = columns.length === 1 ? `x === ''` : 'false';
    return before + (type === undefined ? '' : writeCell(name, type, i, empty));
  });
  return [
    'return (v) => {',
    `if (typeof v !== 'object' || v === null) refuse();`,
    `let s = '', x;`,
    ...cells,
    `return s + '\\n';\n};`,
  ].join('\n');
}

function writeCell(name: string, type: SchemaDescription, i: number, empty: string): string {
  const load = `x = ${quoteField('v', name)};`;
  if (type.kind !== 'optional' && type.kind !== 'nullable')
    return `${load}\n${append(name, type, i, empty)}`;
  const nothing = type.kind === 'optional' ? 'undefined' : 'null';
  // Quotes tell an empty text from nothing.
  const inner = append(name, type.of, i, `x === ''`);
  return `${load}\nif (x !== ${nothing}) {\n${inner}\n}`;
}

/**
 * Statements that append the text of `x` to `s`; `always` says when it needs quotes in any case.
 */
function append(name: string, type: SchemaDescription, i: number, always: string): string {
  const fits = fitsSource(type, 'x');
  if (fits === undefined || type.kind === 'timestamp') return `s += others[${i}](x);`;
  const check = checkSource(fits);
  switch (type.kind) {
    case 'string':
      return `${check}\ns += cell(x, ${always}, ${quote(name)});`;
    case 'float64':
      return `${check}\ns += x === 0 && 1 / x < 0 ? '-0' : x;`;
    default:
      return `${check}\ns += x;`;
  }
}
