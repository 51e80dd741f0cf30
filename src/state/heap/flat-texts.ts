/**
 * Strings as keys of state live long, and V8 makes a longer substring a view that keeps the whole
 * string alive that it was cut out of: a word would hold on to its line, a field to its block.
 */
import { ByteReader } from '../../base/byte-reader.ts';
import { ByteWriter } from '../../base/byte-writer.ts';

/** Shorter substrings are copies anyway. */
const SLICE_MIN = 13;

export class FlatTexts {
  readonly #writer = new ByteWriter(256);
  readonly #reader = new ByteReader(new Uint8Array(0));

  /** The same text as a string of its own. */
  of(text: string): string {
    if (text.length < SLICE_MIN) return text;
    const writer = this.#writer;
    writer.reset();
    writer.string(text);
    this.#reader.wrap(writer.bytes, 0, writer.position);
    return this.#reader.string();
  }
}
