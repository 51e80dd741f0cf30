/**
 * Generates the parser of a row: source text that jumps from delimiter to delimiter, reads the
 * cells that are fields of the schema and nothing of the others, and answers `ODD` for whatever is
 * malformed or unusual. In the text `b` are the bytes, `x` the entries of the index, `t` the
 * CsvTokens, `p` and `k` the position and the number of its entry.
 */
import { quoteProperty } from '../../base/generated-code.ts';
import type { CsvColumns, CsvField } from './csv-columns.ts';
import type { CsvDialect } from './csv-options.ts';

/** What the generated text takes as parameters, in this order. */
export const ROW_PARAMETERS: readonly string[] = [
  ...['t', 'index', 'b', 'x', 'ODD', 'asciiText', 'shortDecimal', 'readers'],
];

const FAIL = 'return ODD;';

const RANGES: ReadonlyMap<string, readonly [number, number]> = new Map([
  ['int8', [-0x80, 0x7f]],
  ['int16', [-0x8000, 0x7fff]],
  ['int32', [-0x8000_0000, 0x7fff_ffff]],
  ['uint8', [0, 0xff]],
  ['uint16', [0, 0xffff]],
  ['uint32', [0, 0xffff_ffff]],
  // Numbers of 15 digits are within the range, and longer ones are odd.
  ['integer', [-1e15, 1e15]],
]);

/** The body of a function of `ROW_PARAMETERS` that returns `(p, k) => object | ODD`. */
export function rowSource(columns: CsvColumns, dialect: CsvDialect): string {
  const { fields, count } = columns;
  const byColumn = new Map(fields.map((field, i) => [field.column, i]));
  const cells = Array.from({ length: count }, (_unused, column) => {
    const i = byColumn.get(column);
    const read = i === undefined ? '' : readCell(fields[i]!, i);
    return [cell(dialect), read, column < count - 1 ? delimiterAfter(dialect) : ROW_END].join('\n');
  });
  const variables = ['z', 's', 'e', ...fields.map((_field, i) => `a${i}`)];
  const properties = fields.map(({ name }, i) => `${quoteProperty(name)}: a${i}`);
  return [
    'return (p, k) => {',
    // An empty line is no row, not even of one cell.
    `if (x[k] === p && (b[p] === 10 || b[p] === 13)) ${FAIL}`,
    'const ascii = index.ascii;',
    `let ${variables.join(', ')};`,
    ...cells,
    't.p = z + 1; t.k = k + 1;',
    `return { ${properties.join(', ')} };\n};`,
  ].join('\n');
}

/** The cell at `p`: its text is `[s, e)`, what ends it stands at `z`, which is entry `k`. */
function cell({ quote }: CsvDialect): string {
  const plain = 's = p; e = z = x[k];';
  if (quote < 0) return plain;
  return [
    plain,
    `if (e === p && b[p] === ${quote}) {`,
    `e = t.quoted(k);\nif (e < 0) ${FAIL}`,
    's = p + 1; k = t.k; z = x[k];\n}',
  ].join('\n');
}

function delimiterAfter({ delimiter }: CsvDialect): string {
  return `if (b[z] !== ${delimiter}) ${FAIL}\np = z + 1; k++;`;
}

const ROW_END = `if (b[z] === 13) { z++; k++; }\nif (b[z] !== 10) ${FAIL}`;

function readCell({ kind }: CsvField, i: number): string {
  const a = `a${i}`;
  const read = readText(kind.kind, a, i);
  if (kind.empty === undefined) return read;
  // Quotes make an empty text of what would be no value.
  return `if (s === e && s === p) ${a} = ${kind.empty.value};\nelse {\n${read}\n}`;
}

function readText(kind: string, a: string, i: number): string {
  const other = `${a} = t.cell(readers[${i}], s, e);\nif (${a} === ODD) ${FAIL}`;
  const range = RANGES.get(kind);
  if (kind === 'string') return `${a} = ascii ? asciiText(b, s, e - s) : t.text(s, e);`;
  if (kind === 'timestamp') {
    return `${a} = shortDecimal(b, s, e) + 0;\nif (Math.floor(${a}) !== ${a}) {\n${other}\n}`;
  }
  if (kind === 'float64') {
    return `${a} = shortDecimal(b, s, e);\nif (${a} !== ${a}) {\n${other}\n}`;
  }
  if (range === undefined) return other;
  // + 0 makes 0 of -0.
  const fits = `${a} >= ${range[0]} && ${a} <= ${range[1]} && Math.floor(${a}) === ${a}`;
  return `${a} = shortDecimal(b, s, e) + 0;\nif (!(${fits})) ${FAIL}`;
}
