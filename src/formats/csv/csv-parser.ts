/**
 * The parser of rows, generated for the columns of a file, and the parts of CSV that it reads by a
 * call.
 */
import { asciiText } from '../../base/ascii-text.ts';
import { compile } from '../../base/generated-code.ts';
import type { TextBuffer } from '../../base/text-buffer.ts';
import type { ByteIndex } from '../byte-index.ts';
import { shortDecimal } from '../short-decimal.ts';
import { validUtf8Text } from '../utf8.ts';
import type { LineParser, WindowPlace } from '../window-decoder.ts';
import { ODD } from '../window-decoder.ts';
import type { CellReader } from './csv-cell.ts';
import { MISFIT } from '../misfit.ts';
import type { CsvColumns } from './csv-columns.ts';
import type { CsvDialect } from './csv-options.ts';
import { ROW_PARAMETERS, rowSource } from './csv-parser-source.ts';

/** CT1. `p` and `k` are the place after what was read last, as in `WindowPlace`. */
class CsvTokens implements WindowPlace {
  readonly #index: ByteIndex;
  readonly #bytes: TextBuffer;
  readonly #quote: number;
  p = 0;
  k = 0;

  constructor(index: ByteIndex, quote: number) {
    this.#index = index;
    this.#bytes = index.bytes;
    this.#quote = quote;
  }

  /**
   * The position of the quote that closes the cell whose opening quote is entry `opening`, with the
   * number of the entry after it in `k`; -1 if it is not that simple.
   */
  quoted(opening: number): number {
    const { entries } = this.#index;
    const bytes = this.#bytes;
    let k = opening + 1;
    while (bytes[entries[k]!] !== this.#quote) {
      if (bytes[entries[k]!] === 0x0a) return -1;
      k++;
    }
    const end = entries[k]!;
    this.k = k + 1;
    // Not so if text comes after it; another quote there is no delimiter.
    return entries[k + 1] === end + 1 ? end : -1;
  }

  text(start: number, end: number): string {
    return validUtf8Text(this.#bytes, start, end);
  }

  cell(read: CellReader, start: number, end: number): unknown {
    try {
      return read(this.#bytes, start, end);
    } catch (thrown) {
      if (thrown === MISFIT) return ODD;
      throw thrown;
    }
  }
}

/** A parser for files of these columns, over the window that all files of a format share. */
export function csvParser(columns: CsvColumns, dialect: CsvDialect, index: ByteIndex): LineParser {
  const tokens = new CsvTokens(index, dialect.quote);
  const row = compile(`csv/${columns.count} columns`, ROW_PARAMETERS, rowSource(columns, dialect));
  const line = row(
    ...[tokens, index, index.bytes, index.entries, ODD, asciiText, shortDecimal],
    columns.fields.map(({ kind }) => kind.read),
  ) as LineParser['line'];
  return { index, place: tokens, line };
}
