/** Reads a line of JSON by way of JSON.parse, and says what is wrong with it. */
import type { TextBuffer } from '../../base/text-buffer.ts';
import type { Schema } from '../../types/schema.ts';
import type { LineHandler } from '../format.ts';
import type { LineReader } from '../window-decoder.ts';
import { notUtf8, utf8Text } from '../utf8.ts';
import { jsonProblem } from './json-problem.ts';
import { jsonReaderOf } from './json-value-reader.ts';

export class JsonLineReader<T> implements LineReader<T> {
  readonly #read: (text: string) => unknown;

  constructor(schema: Schema<T>) {
    this.#read = jsonReaderOf(schema);
  }

  read(bytes: TextBuffer, start: number, end: number, handler: LineHandler<T>): boolean {
    const text = utf8Text(bytes, start, end);
    if (text === undefined) return handler.malformed(notUtf8(bytes, start, end), bytes, start, end);
    if (BLANK.test(text)) return true;
    let value: T;
    try {
      value = this.#read(text) as T;
    } catch (thrown) {
      return handler.malformed(jsonProblem(bytes, start, text, thrown), bytes, start, end);
    }
    return handler.record(value);
  }
}

const BLANK = /^[ \t\r]*$/;
