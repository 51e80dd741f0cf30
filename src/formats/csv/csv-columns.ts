/** Which cell of a row is which field. */
import { textBufferOf } from '../../base/text-buffer.ts';
import { didYouMean } from '../../base/did-you-mean.ts';
import { EngineError } from '../../base/errors.ts';
import type { Schema } from '../../types/schema.ts';
import { lineEnd } from '../window-decoder.ts';
import { utf8Text } from '../utf8.ts';
import type { CellKind } from './csv-cell.ts';
import { cellKindOf } from './csv-cell.ts';
import type { CsvDialect } from './csv-options.ts';
import { invalid } from './csv-options.ts';
import { CsvRow } from './csv-row.ts';

/** A field of the schema, in its order. */
export interface CsvField {
  readonly name: string;
  readonly column: number;
  readonly kind: CellKind;
}

export interface CsvColumns {
  /** Cells in every row. */
  readonly count: number;
  readonly fields: readonly CsvField[];
  /** Who says so, for a sentence. */
  readonly source: string;
}

/** The fields of a schema that CSV can hold. @throws EngineError API_INVALID_ARGUMENT */
export function csvFields(schema: Schema<unknown>): Omit<CsvField, 'column'>[] {
  const { description } = schema;
  if (description.kind !== 'struct') invalid(`the schema is a t.struct, not ${description.kind}`);
  const { fields } = description;
  if (fields.length === 0) invalid('the schema has no fields');
  return fields.map(({ name, type }) => {
    const kind = cellKindOf(type);
    if (kind === undefined) {
      const field = `the field ${JSON.stringify(name)} is ${type.kind}`;
      invalid(`${field}, for which a cell has no form; use json()`);
    }
    return { name, kind };
  });
}

/** @throws EngineError DATA_BAD_HEADER */
export function columnsOfHeader(
  fields: readonly Omit<CsvField, 'column'>[],
  dialect: CsvDialect,
  header: Uint8Array,
): CsvColumns {
  const names = headerNames(dialect, header);
  return {
    count: names.length,
    fields: inColumns(fields, names, missing),
    source: 'the header has',
  };
}

/** @throws EngineError API_INVALID_ARGUMENT */
export function columnsByPosition(
  fields: readonly Omit<CsvField, 'column'>[],
  dialect: CsvDialect,
): CsvColumns {
  const names = dialect.columns ?? fields.map(({ name }) => name);
  const inOrder = inColumns(fields, names, (name) => {
    invalid(`the field ${JSON.stringify(name)} of the schema is not in columns`);
  });
  const source = dialect.columns === undefined ? 'the schema has' : 'the option columns has';
  return { count: names.length, fields: inOrder, source };
}

function inColumns(
  fields: readonly Omit<CsvField, 'column'>[],
  names: readonly string[],
  missing: (name: string, names: readonly string[]) => never,
): CsvField[] {
  return fields.map((field) => {
    const column = names.indexOf(field.name);
    if (column < 0) missing(field.name, names);
    if (names.includes(field.name, column + 1)) {
      refuse(
        `it has the column ${JSON.stringify(field.name)} twice`,
        'Rename one of them, or set header: false and name the columns with the option columns.',
      );
    }
    return { ...field, column };
  });
}

function missing(name: string, names: readonly string[]): never {
  const shown = names.slice(0, 12).map((one) => JSON.stringify(one));
  const more = names.length > shown.length ? ', ...' : '';
  refuse(
    `it has no column ${JSON.stringify(name)}, but ${shown.join(', ')}${more}`,
    `Name the fields of the schema as the columns are.${didYouMean(name, names)}`,
  );
}

function headerNames(dialect: CsvDialect, header: Uint8Array): string[] {
  const bytes = textBufferOf(header);
  const bom = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  const lf = bytes.at(-1) === 0x0a ? bytes.length - 1 : bytes.length;
  const row = new CsvRow(dialect);
  const end = lineEnd(bytes, 0, lf);
  const count = row.cut(bytes, bom ? 3 : 0, end);
  const text = utf8Text(bytes, 0, end);
  if (text === undefined) refuse('it is not UTF-8', 'Convert the file to UTF-8.');
  if (count < 0) {
    refuse(
      `its quotes do not match: ${text.slice(0, 200)}`,
      'Put names that hold a delimiter or a quote in quotes, and double quotes inside.',
    );
  }
  const quote = dialect.quote < 0 ? '' : String.fromCharCode(dialect.quote);
  return Array.from({ length: count }, (_unused, i) =>
    bytes.utf8Slice(row.starts[i]!, row.ends[i]!).replaceAll(quote + quote || '\n', quote),
  );
}

function refuse(reason: string, fix: string): never {
  throw new EngineError('DATA_BAD_HEADER', { reason, fix });
}
