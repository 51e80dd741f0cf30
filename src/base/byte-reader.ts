/**
 * Reads what ByteWriter wrote, out of any memory, shared memory included. The bytes are not
 * trusted: whatever they hold, a read stays inside its range, allocates no more than the range can
 * justify, and answers with a value or with EngineError DATA_CORRUPT. Strings and byte arrays that
 * it returns are copies of their own: they never keep the buffer alive.
 *
 * R1. 0 <= start <= position <= end <= bytes.length.
 * R2. No byte outside [start, end) is read.
 */
import { asciiText } from './ascii-text.ts';
import { assert } from './assert.ts';
import { EngineError } from './errors.ts';
import { textBufferOf, viewOf } from './text-buffer.ts';
import type { TextBuffer } from './text-buffer.ts';
import { readWtf8 } from './wtf8.ts';

/**
 * @example
 * const reader = new ByteReader(message);
 * const name = reader.string();
 * const seat = reader.varint();
 * reader.expectEnd();
 */
export class ByteReader {
  /** For generated code, with `view`, `position` and `end`: they index `bytes` directly. */
  bytes: TextBuffer;
  view: DataView;
  position: number;
  end: number;
  start: number;
  /**
   * What the frame being read has defined, by number; undefined outside of frames. See
   * `ByteWriter.beginFrame`.
   */
  definitions: unknown[] | undefined;
  #wrapped: Uint8Array;

  constructor(bytes: Uint8Array, start: number = 0, end: number = bytes.length) {
    assert(start >= 0 && start <= end && end <= bytes.length, 'R1: range outside of the buffer');
    this.#wrapped = bytes;
    this.bytes = textBufferOf(bytes);
    this.view = viewOf(bytes);
    this.start = start;
    this.position = start;
    this.end = end;
    this.definitions = undefined;
  }

  /** Starts again over `bytes[start, end)`; cheap when `bytes` is the object of the last call. */
  wrap(bytes: Uint8Array, start: number = 0, end: number = bytes.length): void {
    assert(start >= 0 && start <= end && end <= bytes.length, 'R1: range outside of the buffer');
    if (this.#wrapped !== bytes) {
      this.#wrapped = bytes;
      this.bytes = textBufferOf(bytes);
      this.view = viewOf(bytes);
    }
    this.start = start;
    this.position = start;
    this.end = end;
    this.definitions = undefined;
  }

  beginFrame(): void {
    this.definitions = [];
  }

  endFrame(): void {
    this.definitions = undefined;
  }

  /** Bytes read so far. */
  get offset(): number {
    return this.position - this.start;
  }

  get remaining(): number {
    return this.end - this.position;
  }

  seek(offset: number): void {
    if (offset < 0 || this.start + offset > this.end)
      this.corrupt('a position outside of the data');
    this.position = this.start + offset;
  }

  /** @throws DATA_CORRUPT if anything is left. */
  expectEnd(): void {
    if (this.position !== this.end) this.corrupt(`${this.remaining} bytes too many`);
  }

  /** @throws DATA_CORRUPT unless `count` bytes are left. */
  need(count: number): void {
    if (this.position + count > this.end)
      this.corrupt(`an end ${count - this.remaining} bytes too early`);
  }

  corrupt(reason: string): never {
    throw new EngineError('DATA_CORRUPT', {
      what: 'an encoded value',
      reason: `there is ${reason}, found before byte ${this.offset}`,
    });
  }

  uint8(): number {
    if (this.position >= this.end) this.need(1);
    return this.bytes[this.position++]!;
  }

  boolean(): boolean {
    const value = this.uint8();
    if (value > 1) this.corrupt(`${value} as a boolean`);
    return value === 1;
  }

  uint16(): number {
    this.need(2);
    const value = this.view.getUint16(this.position, true);
    this.position += 2;
    return value;
  }

  int32(): number {
    this.need(4);
    const value = this.view.getInt32(this.position, true);
    this.position += 4;
    return value;
  }

  uint32(): number {
    this.need(4);
    const value = this.view.getUint32(this.position, true);
    this.position += 4;
    return value;
  }

  float32(): number {
    this.need(4);
    const value = this.view.getFloat32(this.position, true);
    this.position += 4;
    return value;
  }

  float64(): number {
    this.need(8);
    const value = this.view.getFloat64(this.position, true);
    this.position += 8;
    return value;
  }

  int64(): bigint {
    this.need(8);
    const value = this.view.getBigInt64(this.position, true);
    this.position += 8;
    return value;
  }

  /** A whole number from 0 to 2^53 - 1. */
  varint(): number {
    if (this.position >= this.end) this.need(1);
    const first = this.bytes[this.position++]!;
    if (first < 0x80) return first;
    let value = first & 0x7f;
    let unit = 0x80;
    for (;;) {
      const byte = this.uint8();
      value += (byte & 0x7f) * unit;
      if (value > Number.MAX_SAFE_INTEGER) this.corrupt('a number beyond 2^53');
      if (byte < 0x80) {
        if (byte === 0) this.corrupt('a number in more bytes than it needs');
        return value;
      }
      unit *= 0x80;
      if (unit > 0x2_0000_0000_0000) this.corrupt('a number beyond 2^53');
    }
  }

  /** A whole number from -(2^53 - 1) to 2^53 - 1. */
  zigzag(): number {
    const first = this.uint8();
    let magnitude = (first & 0x7f) >> 1;
    if (first > 0x7f) {
      const rest = this.varint();
      if (rest === 0) this.corrupt('a number in more bytes than it needs');
      magnitude += rest * 64;
    }
    if (magnitude > Number.MAX_SAFE_INTEGER) this.corrupt('a number beyond 2^53');
    if ((first & 1) === 0) return magnitude;
    if (magnitude === Number.MAX_SAFE_INTEGER) this.corrupt('a number beyond -2^53');
    return -magnitude - 1;
  }

  /**
   * How many elements follow, each of at least `bytesEach` bytes: an impossible number never
   * allocates.
   */
  count(bytesEach: number = 1): number {
    const count = this.varint();
    if (count * bytesEach > this.remaining) {
      this.corrupt(`${count} elements in ${this.remaining} bytes`);
    }
    return count;
  }

  /** A copy. */
  lengthPrefixed(): Uint8Array {
    return this.raw(this.varint());
  }

  /** A copy of the next `length` bytes. */
  raw(length: number): Uint8Array {
    this.need(length);
    const copy = new Uint8Array(length);
    copy.set(this.bytes.subarray(this.position, this.position + length));
    this.position += length;
    return copy;
  }

  string(): string {
    return this.text(this.varint());
  }

  /** The text after its header: see `ByteWriter.string`. */
  text(header: number): string {
    const length = Math.floor(header / 2);
    this.need(length);
    const start = this.position;
    const end = start + length;
    this.position = end;
    if (header % 2 === 1) return this.#wide(start, end);
    return asciiText(this.bytes, start, length);
  }

  #wide(start: number, end: number): string {
    const text = readWtf8(this.bytes, start, end);
    if (text !== undefined) return text;
    this.position = start;
    return this.corrupt('text that is not UTF-8');
  }
}
