/**
 * Writes numbers, strings and bytes one after another, little-endian, into a buffer of its own that
 * grows, or into a fixed range of somebody else's memory (a ring shared between threads). When such
 * a range is full the writer does not throw: it carries what it has written over into its own
 * buffer, goes on there and says so in `overflowed`, so that the caller decides whether to send the
 * bytes another way or to try again elsewhere. Strings of any content survive, lone surrogates too.
 *
 * W1. start <= position <= limit <= bytes.length, except between `ensure` and the store that
 *     follows.
 * W2. Bytes outside [start, limit) of the memory given to `wrap` are never touched.
 * W3. `overflowed` is true exactly if the bytes did not fit into the memory given to `wrap`, and
 *     then they are in the writer's own buffer.
 * W4. Offsets (`offset`, `patchUint32`) count from `start` and stay valid when the bytes move.
 * W5. `frame` lists exactly the definitions that stand in the bytes written since `beginFrame`.
 */
import { assert } from './assert.ts';
import { EngineError } from './errors.ts';
import { allocateTextBuffer, textBufferOf, viewOf } from './text-buffer.ts';
import type { TextBuffer } from './text-buffer.ts';
import { wtf8Length, writeWtf8 } from './wtf8.ts';

/** More than this in one buffer is a mistake of the caller, never data. */
const BYTE_WRITER_LIMIT_BYTES = 0x7fff_0000;

/** Up to this length a loop is faster than a call into Node. */
const LOOP_MAX = 10;
const MINIMUM_CAPACITY = 64;
/** Of one frame. Reader and writer count alike, so this is part of the format. */
export const DEFINITIONS_MAX = 1024;
const MAX_SAFE = Number.MAX_SAFE_INTEGER;

/**
 * @example
 * const writer = new ByteWriter();
 * writer.string('flight');
 * writer.varint(812);
 * send(writer.copy());
 */
export class ByteWriter {
  /** The memory being written; changes when the writer grows. For generated code. */
  bytes: TextBuffer;
  view: DataView;
  /** Index in `bytes` of the next byte. For generated code; others use `offset`. */
  position: number;
  start: number;
  limit: number;
  /**
   * True once the range given to `wrap` was too small: the bytes are in the writer's own buffer.
   */
  overflowed: boolean;
  /**
   * What the bytes written since `beginFrame` define for those after them (the names of a record's
   * fields), for codecs. Undefined: every value must be readable alone.
   */
  frame: Frame | undefined;
  #own: TextBuffer;
  #ownFrame: Frame | undefined;
  #wrapped: Uint8Array | undefined;
  #wrappedBuffer: TextBuffer | undefined;
  #wrappedView: DataView | undefined;

  constructor(capacity: number = 1024) {
    this.#own = allocateTextBuffer(Math.max(capacity, MINIMUM_CAPACITY));
    this.bytes = this.#own;
    this.view = viewOf(this.#own);
    this.position = 0;
    this.start = 0;
    this.limit = this.#own.length;
    this.overflowed = false;
    this.frame = undefined;
  }

  /** A writer into `bytes[start, end)`. */
  static over(bytes: Uint8Array, start: number = 0, end: number = bytes.length): ByteWriter {
    const writer = new ByteWriter(0);
    writer.wrap(bytes, start, end);
    return writer;
  }

  /** Starts again in `bytes[start, end)`; cheap when `bytes` is the object of the last call. */
  wrap(bytes: Uint8Array, start: number = 0, end: number = bytes.length): void {
    assert(start >= 0 && start <= end && end <= bytes.length, 'W1: range outside of the buffer');
    if (this.#wrapped !== bytes) {
      this.#wrapped = bytes;
      this.#wrappedBuffer = textBufferOf(bytes);
      this.#wrappedView = viewOf(bytes);
    }
    this.bytes = this.#wrappedBuffer!;
    this.view = this.#wrappedView!;
    this.start = start;
    this.position = start;
    this.limit = end;
    this.overflowed = false;
    this.frame = undefined;
  }

  /**
   * Starts again at the beginning of its own buffer; what was returned by `written` is overwritten.
   */
  reset(): void {
    if (this.bytes !== this.#own) this.#useOwn(MINIMUM_CAPACITY);
    this.start = 0;
    this.position = 0;
    this.limit = this.bytes.length;
    this.overflowed = false;
    this.frame = undefined;
  }

  /** How many bytes have been written. */
  get offset(): number {
    return this.position - this.start;
  }

  /** Forgets what was written at and after `offset`. */
  truncate(offset: number): void {
    assert(offset >= 0 && offset <= this.offset, 'W4: truncate beyond what was written');
    this.position = this.start + offset;
    this.frame?.truncate(offset);
  }

  /**
   * Until `endFrame`, `reset` or `wrap`, values may refer to what values before them have defined:
   * the bytes written in between can only be read together, from the first on, by a reader between
   * its own `beginFrame` and `endFrame`.
   */
  beginFrame(): void {
    assert(this.frame === undefined, 'W5: a frame within a frame');
    this.frame = this.#ownFrame ??= new Frame();
    this.frame.clear();
  }

  endFrame(): void {
    this.frame = undefined;
  }

  /** What has been written, without copying; valid until the next write. */
  written(from: number = 0): Uint8Array {
    return this.bytes.subarray(this.start + from, this.position);
  }

  /** A copy of what has been written. */
  copy(from: number = 0): Uint8Array {
    const begin = this.start + from;
    const copy = new Uint8Array(this.position - begin);
    copy.set(this.bytes.subarray(begin, this.position));
    return copy;
  }

  /**
   * What has been written, without copying, as memory that is the caller's from now on; the writer
   * starts again in `next`, which is its own then.
   */
  handOver(next: Uint8Array): Uint8Array {
    assert(this.bytes === this.#own, 'W3: memory of somebody else');
    const { buffer, byteOffset } = this.#own;
    // Not as a Buffer, whose `slice` is none.
    const written = new Uint8Array(buffer, byteOffset, this.position);
    this.#own = textBufferOf(next);
    this.bytes = this.#own;
    this.view = viewOf(this.#own);
    this.reset();
    return written;
  }

  /** Makes room for `count` more bytes. */
  ensure(count: number): void {
    if (this.position + count > this.limit) this.#grow(count);
  }

  /** Reserves `count` bytes to be patched later and returns their offset. */
  reserve(count: number): number {
    this.ensure(count);
    const offset = this.offset;
    this.bytes.fill(0, this.position, this.position + count);
    this.position += count;
    return offset;
  }

  patchUint32(offset: number, value: number): void {
    assert(offset >= 0 && offset + 4 <= this.offset, 'W4: patch beyond what was written');
    this.view.setUint32(this.start + offset, value, true);
  }

  uint8(value: number): void {
    if (this.position + 1 > this.limit) this.#grow(1);
    this.bytes[this.position++] = value;
  }

  boolean(value: boolean): void {
    this.uint8(value ? 1 : 0);
  }

  uint16(value: number): void {
    if (this.position + 2 > this.limit) this.#grow(2);
    this.view.setUint16(this.position, value, true);
    this.position += 2;
  }

  int32(value: number): void {
    if (this.position + 4 > this.limit) this.#grow(4);
    this.view.setInt32(this.position, value, true);
    this.position += 4;
  }

  uint32(value: number): void {
    if (this.position + 4 > this.limit) this.#grow(4);
    this.view.setUint32(this.position, value, true);
    this.position += 4;
  }

  float32(value: number): void {
    if (this.position + 4 > this.limit) this.#grow(4);
    this.view.setFloat32(this.position, value, true);
    this.position += 4;
  }

  /** Every NaN is written as the same bits. */
  float64(value: number): void {
    if (this.position + 8 > this.limit) this.#grow(8);
    // Not by a choice of the number, of which V8 would make an object.
    if (value === value) this.view.setFloat64(this.position, value, true);
    else this.view.setFloat64(this.position, NaN, true);
    this.position += 8;
  }

  /** Exact for -2^63 to 2^63 - 1; the caller checks the range. */
  int64(value: bigint): void {
    if (this.position + 8 > this.limit) this.#grow(8);
    this.view.setBigInt64(this.position, value, true);
    this.position += 8;
  }

  /** A whole number from 0 to 2^53 - 1, in one to eight bytes. */
  varint(value: number): void {
    if (value < 0x80 && value >= 0) {
      if (this.position + 1 > this.limit) this.#grow(1);
      this.bytes[this.position++] = value;
      return;
    }
    assert(value >= 0 && value <= MAX_SAFE, 'varint: not a whole number below 2^53');
    if (this.position + 8 > this.limit) this.ensure(varintLength(value));
    let rest = value;
    while (rest > 0x7fff_ffff) {
      this.bytes[this.position++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    while (rest > 0x7f) {
      this.bytes[this.position++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.bytes[this.position++] = rest;
  }

  /** A whole number from -(2^53 - 1) to 2^53 - 1; small magnitudes take few bytes. -0 becomes 0. */
  zigzag(value: number): void {
    if (value >= -0x4000_0000 && value < 0x4000_0000) {
      this.varint(((value << 1) ^ (value >> 31)) >>> 0);
      return;
    }
    const negative = value < 0;
    const magnitude = negative ? -value - 1 : value;
    this.uint8(0x80 | ((magnitude % 64) << 1) | (negative ? 1 : 0));
    this.varint(Math.floor(magnitude / 64));
  }

  /** Length and content. */
  lengthPrefixed(value: Uint8Array): void {
    this.varint(value.length);
    this.raw(value);
  }

  /** Content only; the reader must know the length. */
  raw(value: Uint8Array): void {
    if (this.position + value.length > this.limit) this.#grow(value.length);
    this.bytes.set(value, this.position);
    this.position += value.length;
  }

  /**
   * Any string: a header of byte length * 2 (+ 1 if there is anything beyond ASCII), then the text
   * in UTF-8, in which a lone surrogate takes three bytes as if it were a character.
   */
  string(value: string): void {
    const length = value.length;
    const { position } = this;
    if (length < 64 && position + 1 + length * 3 <= this.limit && this.ascii(value, position + 1)) {
      this.bytes[position] = length << 1;
      this.position = position + 1 + length;
      return;
    }
    const header = varintLength(length * 2);
    const at = this.position + header;
    if (at + length * 3 <= this.limit && this.ascii(value, at)) {
      this.varint(length * 2);
      this.position = at + length;
      return;
    }
    this.stringHeader(value);
    this.stringBody(value);
  }

  /** The first half of `string`, for layouts that put all headers before the texts. */
  stringHeader(value: string): void {
    const byteLength = wtf8Length(value);
    this.varint(byteLength * 2 + (byteLength === value.length ? 0 : 1));
  }

  /** The second half of `string`. */
  stringBody(value: string): void {
    this.ensure(wtf8Length(value));
    this.position = writeWtf8(value, this.bytes, this.position);
  }

  /**
   * Stores a string at the index `at`, where there must be room for three bytes a character, and
   * returns true if it was ASCII; else false, having written anything there. For generated code.
   */
  ascii(value: string, at: number): boolean {
    const length = value.length;
    if (length > LOOP_MAX) return this.bytes.utf8Write(value, at, length * 3) === length;
    const bytes = this.bytes;
    for (let i = 0; i < length; i++) {
      const code = value.charCodeAt(i);
      if (code > 0x7f) return false;
      bytes[at + i] = code;
    }
    return true;
  }

  #grow(count: number): void {
    const written = this.position - this.start;
    if (written + count > BYTE_WRITER_LIMIT_BYTES) {
      throw new EngineError('DATA_NOT_SERIALIZABLE', {
        field: 'value',
        reason: `it takes more than ${BYTE_WRITER_LIMIT_BYTES} bytes`,
      });
    }
    const from = this.bytes;
    const start = this.start;
    const foreign = from !== this.#own;
    this.#useOwn(
      Math.max(written + count, foreign ? 0 : Math.min(this.limit * 2, BYTE_WRITER_LIMIT_BYTES)),
    );
    from.copy(this.bytes, 0, start, start + written);
    this.start = 0;
    this.position = written;
    this.limit = this.bytes.length;
    this.overflowed ||= foreign;
  }

  /** W3: switches to our own buffer, of at least `capacity`. */
  #useOwn(capacity: number): void {
    if (this.#own.length < capacity || this.#own === this.bytes) {
      this.#own = allocateTextBuffer(Math.max(capacity, MINIMUM_CAPACITY));
    }
    this.bytes = this.#own;
    this.view = viewOf(this.#own);
  }
}

/** How many bytes `varint` writes. */
export function varintLength(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x20_0000) return 3;
  if (value < 0x1000_0000) return 4;
  let length = 4;
  for (let rest = Math.floor(value / 0x1000_0000); rest > 0; rest = Math.floor(rest / 0x80))
    length++;
  return length;
}

/** The definitions of a frame, numbered from 0 in the order of their bytes. */
export class Frame {
  /** Changes when definitions are taken back: numbers remembered by users are void then. */
  version = 0;
  readonly #numbers = new Map<string, number>();
  readonly #names: string[] = [];
  readonly #offsets: number[] = [];

  /** The number of the definition `name`, or -1. */
  numberOf(name: string): number {
    return this.#numbers.get(name) ?? -1;
  }

  /**
   * To be called before the bytes of the definition are written at `offset`. Too many are not
   * numbered.
   */
  define(name: string, offset: number): void {
    if (this.#names.length >= DEFINITIONS_MAX) return;
    this.#numbers.set(name, this.#names.length);
    this.#names.push(name);
    this.#offsets.push(offset);
  }

  clear(): void {
    this.version += 1;
    if (this.#names.length === 0) return;
    this.#numbers.clear();
    this.#names.length = 0;
    this.#offsets.length = 0;
  }

  truncate(offset: number): void {
    while (this.#offsets.length > 0 && this.#offsets.at(-1)! >= offset) {
      this.#offsets.pop();
      this.#numbers.delete(this.#names.pop()!);
      this.version += 1;
    }
  }
}
