/**
 * The parser of the lines of a struct: generated for its fields, over a window of its own. It is
 * made once a format and thread, and shared by all decoders of the format, because it holds nothing
 * between two calls (BI2).
 */
import { asciiText } from '../../base/ascii-text.ts';
import { compile } from '../../base/generated-code.ts';
import { viewOf } from '../../base/text-buffer.ts';
import type { StructDescription } from '../../types/schema-description.ts';
import { ByteIndex } from '../byte-index.ts';
import { PARSER_PARAMETERS, parserSource } from './json-parser-source.ts';
import { JsonTokens, ODD } from './json-tokens.ts';
import { JsonValueReader } from './json-value-reader.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

export class JsonParser {
  readonly index: ByteIndex;
  /** After a line that was read: the position after its end, and the number of the entry there. */
  readonly tokens: JsonTokens;
  /** Reads the line at position `p`, whose first entry is that of number `k`; `ODD` if it cannot. */
  readonly line: (p: number, k: number) => unknown;

  constructor(description: StructDescription, index: ByteIndex = newIndex()) {
    this.index = index;
    this.tokens = new JsonTokens(index);
    const { text, parsed, enums } = parserSource(description);
    const name = `json/${description.fields.length} fields`;
    this.line = compile(name, PARSER_PARAMETERS, text)(
      ...[this.tokens, index, index.bytes, viewOf(index.bytes), index.entries, ODD, asciiText],
      parsed.map((kind) => new JsonValueReader(kind)),
      enums.map((values) => new Map(values.map((value) => [value, value]))),
    ) as (p: number, k: number) => unknown;
  }
}

function newIndex(): ByteIndex {
  return new ByteIndex([QUOTE, BACKSLASH]);
}
