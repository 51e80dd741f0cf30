/** What a row of CSV means, said a second time: on text, character by character, kind by kind. */
import { timestamp } from '../json/json-oracle.test-kit.ts';
import type { SchemaDescription, StructDescription } from '../../types/schema-description.ts';

/** For rows that are malformed. */
export const NO_ROW: unique symbol = Symbol('no row');

interface CutCell {
  readonly text: string;
  readonly quoted: boolean;
}

/** Gives the record of a row; undefined if it is empty, NO_ROW if it is malformed. */
export function rowOracle(
  { fields }: StructDescription,
  columns: readonly string[],
  delimiter: string,
  quote: string | undefined,
): (row: Uint8Array) => unknown {
  return (row) => {
    if (row.length === 0) return undefined;
    try {
      const cells = cut(UTF8.decode(row), delimiter, quote);
      if (cells.length !== columns.length) return NO_ROW;
      return Object.fromEntries(
        fields.map(({ name, type }) => [name, read(type, cells[columns.indexOf(name)]!)]),
      );
    } catch {
      return NO_ROW;
    }
  };
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function cut(row: string, delimiter: string, quote: string | undefined): CutCell[] {
  const cells: CutCell[] = [];
  let rest = row;
  for (;;) {
    const quoted = quote !== undefined && rest.startsWith(quote);
    let text = '';
    if (quoted) {
      rest = rest.slice(1);
      for (;;) {
        const end = rest.indexOf(quote);
        if (end < 0) throw new Error('open');
        text += rest.slice(0, end);
        rest = rest.slice(end + 1);
        if (!rest.startsWith(quote)) break;
        text += quote;
        rest = rest.slice(1);
      }
      if (rest !== '' && !rest.startsWith(delimiter)) throw new Error('text after a quote');
    } else {
      text = rest.split(delimiter, 1)[0]!;
      rest = rest.slice(text.length);
      if (quote !== undefined && text.includes(quote)) throw new Error('stray quote');
    }
    cells.push({ text, quoted });
    if (rest === '') return cells;
    rest = rest.slice(1);
  }
}

const WHOLE: Readonly<Record<string, readonly [number, number]>> = {
  int8: [-128, 127],
  uint8: [0, 255],
  int32: [-2_147_483_648, 2_147_483_647],
  uint32: [0, 4_294_967_295],
  integer: [-Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
};

function read(type: SchemaDescription, { text, quoted }: CutCell): unknown {
  const whole = WHOLE[type.kind];
  if (whole !== undefined) {
    const value = number(text) + 0;
    return fits(value, Number.isInteger(value) && value >= whole[0] && value <= whole[1]);
  }
  switch (type.kind) {
    case 'optional':
      return text === '' && !quoted ? undefined : read(type.of, { text, quoted });
    case 'nullable':
      return text === '' && !quoted ? null : read(type.of, { text, quoted });
    case 'string':
      return text;
    case 'boolean':
      return fits(/^true$/i.test(text), /^(?:true|TRUE|True|false|FALSE|False)$/.test(text));
    case 'float64':
      return number(text);
    case 'int64': {
      const value = BigInt(/^[+-]?\d{1,20}$/.test(text) ? text.replace('+', '') : 'none');
      return fits(value, value >= -(2n ** 63n) && value < 2n ** 63n);
    }
    case 'enum':
      return fits(text, type.values.includes(text));
    case 'timestamp': {
      if (/^[+-]?\d+$/.test(text))
        return fits(Number(text) + 0, Number.isSafeInteger(Number(text)));
      return timestamp(text);
    }
    default:
      throw new Error(`the oracle does not know ${type.kind}`);
  }
}

function number(text: string): number {
  if (/^(?:NaN|-?Infinity)$/.test(text)) return Number(text);
  const form = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
  return fits(Number(text), form.test(text));
}

function fits<T>(value: T, ok: boolean): T {
  if (!ok) throw new Error('it does not fit');
  return value;
}
