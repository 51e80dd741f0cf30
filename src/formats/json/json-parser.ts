/**
 * The parser of the lines of a struct: generated for its fields, over a window of its own. It is
 * made once a format and thread, and shared by all decoders of the format, because it holds nothing
 * between two calls (BI2) but what it expects of lines.
 */
import { asciiText } from '../../base/ascii-text.ts';
import { compile } from '../../base/generated-code.ts';
import { viewOf } from '../../base/text-buffer.ts';
import type { RecordOrigins, StructOrigin, TextOrigin } from '../../functions/record-origins.ts';
import type { StructDescription } from '../../types/schema-description.ts';
import { ByteIndex } from '../byte-index.ts';
import type { LineParser } from '../window-decoder.ts';
import { ODD } from '../window-decoder.ts';
import { JsonLayouts } from './json-layout.ts';
import { JSON_FORM } from './json-origins.ts';
import { PARSER_PARAMETERS, parserSource } from './json-parser-source.ts';
import { JsonTokens } from './json-tokens.ts';
import { JsonValueReader } from './json-value-reader.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

export class JsonParser implements LineParser {
  readonly index: ByteIndex;
  readonly place: JsonTokens;
  readonly #description: StructDescription;
  readonly #origins: RecordOrigins | undefined;
  readonly #layouts: JsonLayouts;
  #line: (p: number, k: number) => unknown;

  /** @param origins in which is noted what their writers want */
  constructor(
    description: StructDescription,
    index: ByteIndex = jsonIndex(),
    origins?: RecordOrigins,
  ) {
    this.index = index;
    this.place = new JsonTokens(index);
    this.#description = description;
    this.#origins = origins;
    this.#layouts = new JsonLayouts(this.place);
    this.#line = this.#generated();
  }

  /** For the lines of one window: another one may be generated for the next. */
  get line(): (p: number, k: number) => unknown {
    if (this.#layouts.changed) this.#line = this.#generated();
    return this.#line;
  }

  #generated(): (p: number, k: number) => unknown {
    const { index } = this;
    const description = this.#description;
    const layouts = this.#layouts;
    layouts.changed = false;
    const texts: TextOrigin[] = [];
    const structs: StructOrigin[] = [];
    const { text, parsed, enums } = parserSource(description, {
      layout: (struct) => layouts.of(struct),
      noted: {
        text: (name) => numberIn(texts, this.#origins?.claimText(JSON_FORM, name, index.bytes)),
        struct: (kind) =>
          numberIn(structs, this.#origins?.claimStruct(JSON_FORM, kind, index.bytes)),
      },
    });
    index.origins = [...texts, ...structs];
    const name = `json/${description.fields.length} fields`;
    return compile(name, PARSER_PARAMETERS, text)(
      ...[this.place, index, index.bytes, viewOf(index.bytes), index.entries, ODD, asciiText],
      parsed.map((kind) => new JsonValueReader(kind)),
      enums.map((values) => new Map(values.map((value) => [value, value]))),
      ...[texts, structs, layouts, POWERS],
    ) as (p: number, k: number) => unknown;
  }
}

/** Of ten, by which the first nine digits of a number count for more. */
const POWERS: Float64Array = Float64Array.from({ length: 10 }, (_, i) => 10 ** i);

/** Undefined if there is none to be noted in. */
function numberIn<T>(origins: T[], origin: T | undefined): number | undefined {
  if (origin === undefined) return undefined;
  const known = origins.indexOf(origin);
  return known < 0 ? origins.push(origin) - 1 : known;
}

/** Of quotes and backslashes, beside control characters. */
export function jsonIndex(): ByteIndex {
  return new ByteIndex([QUOTE, BACKSLASH]);
}
