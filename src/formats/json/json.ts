/** JSON lines: a JSON value a line. */
import type { Schema } from '../../types/schema.ts';
import { validatorOf } from '../../types/standard-schema.ts';
import type { LineDecoder, LineEncoder, LineFormat } from '../format.ts';
import type { LineParser } from '../window-decoder.ts';
import { oddParser, WindowDecoder } from '../window-decoder.ts';
import { JsonLineEncoder, jsonLineWriter } from './json-encoder.ts';
import { JsonLineReader } from './json-line-reader.ts';
import { OfOrigins } from '../of-origins.ts';
import type { RowWriter } from '../row-bytes.ts';
import { jsonIndex, JsonParser } from './json-parser.ts';

/**
 * How values are written that JSON has no kind of its own for; all forms are read, whatever is set.
 */
export interface JsonOptions {
  /**
   * `text` (default) is safe everywhere; `number` is what most other systems write, but readers
   * that use doubles, as JavaScript does, lose the last digits of long ones.
   */
  readonly int64?: 'text' | 'number' | undefined;
  /** As int64: `"12.50"`, or the number 12.50. */
  readonly decimal?: 'text' | 'number' | undefined;
  /** `millis` (default) since 1970, or `iso`: `"2001-01-31T12:00:00.000Z"`. */
  readonly timestamp?: 'millis' | 'iso' | undefined;
}

/**
 * JSON lines of a schema. A line is accepted exactly if it is UTF-8, JSON.parse accepts it and the
 * result fits the schema: its fields are there and of their types, which are never converted.
 * Fields that the schema does not know are skipped, but must be well-formed; of a field that stands
 * there twice the last counts. Lines of white space only are no records.
 *
 * int64 and decimals are read from numbers or text, exact in every digit; timestamps from
 * milliseconds since 1970 or from text with its zone (`2001-01-31T12:00:00Z`), dates from
 * `2001-01-31`, bytes from base64.
 * @example json(t.struct({ origin: t.string, delay: t.int32, note: t.optional(t.string) }))
 */
export function json<T>(schema: Schema<T>, options: JsonOptions = {}): LineFormat<T> {
  const { description } = schema;
  // What a validation makes of a line is seen only when it gets the whole line.
  const generated = description.kind === 'struct' && validatorOf(schema) === undefined;
  const parsers = new OfOrigins<LineParser>();
  const writers = new OfOrigins<RowWriter | undefined>();
  return {
    kind: 'json',
    schema,
    skipsFirstLine: false,
    splittable: true,
    extension: 'jsonl',
    createDecoder(_header, origins): LineDecoder<T> {
      const wanted = origins?.isWanted === true ? origins : undefined;
      const parser = parsers.of(wanted, () =>
        generated ? new JsonParser(description, jsonIndex(), wanted) : oddParser(jsonIndex()),
      );
      return new WindowDecoder<T>(parser, new JsonLineReader<T>(schema));
    },
    createEncoder(origins): LineEncoder<T> {
      const lines = writers.of(origins, () => jsonLineWriter(description, options, origins));
      return new JsonLineEncoder<T>(schema, options, lines);
    },
  };
}
