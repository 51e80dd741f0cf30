/**
 * Frames on a byte stream: a length of four bytes, little-endian, and the content. The length is
 * looked at before anything is allocated for it.
 *
 * F1. No more memory is held than the frame limit plus one chunk of the connection.
 */
import { ByteWriter } from '../base/byte-writer.ts';
import { EngineError } from '../base/errors.ts';

export const FRAME_LIMIT_BYTES: number = 16 * 1024 * 1024;
const FRAME_HEADER_BYTES = 4;

/** The bytes of a frame. @throws EngineError RPC_FRAME_TOO_LARGE */
export function frame(content: (out: ByteWriter) => void): Uint8Array {
  const out = new ByteWriter(256);
  out.reserve(FRAME_HEADER_BYTES);
  content(out);
  const length = out.offset - FRAME_HEADER_BYTES;
  if (length > FRAME_LIMIT_BYTES) {
    throw new EngineError('RPC_FRAME_TOO_LARGE', { bytes: length, limit: FRAME_LIMIT_BYTES });
  }
  out.patchUint32(0, length);
  return out.copy();
}

/** Cuts a byte stream into frames. */
export class FrameReader {
  readonly #deliver: (content: Uint8Array) => void;
  readonly #header = new Uint8Array(FRAME_HEADER_BYTES);
  #headerFilled = 0;
  #content: Uint8Array | undefined;
  #contentFilled = 0;
  #stopped = false;
  readonly #limitBytes: number;

  /** `deliver` gets the content of a frame, valid during the call. */
  constructor(limitBytes: number, deliver: (content: Uint8Array) => void) {
    this.#limitBytes = limitBytes;
    this.#deliver = deliver;
  }

  /** Called while a frame is delivered: the bytes after it are not looked at any more. */
  stop(): void {
    this.#stopped = true;
  }

  /**
   * @returns how many of the bytes belong to frames: all of them, unless it was stopped.
   * @throws EngineError RPC_FRAME_TOO_LARGE; the stream cannot be read on then.
   */
  push(bytes: Uint8Array): number {
    let at = 0;
    while (at < bytes.length && !this.#stopped) {
      if (this.#content === undefined) {
        at = this.#readHeader(bytes, at);
        if (this.#headerFilled < FRAME_HEADER_BYTES) return at;
        const length = this.#length();
        if (at + length <= bytes.length) {
          this.#headerFilled = 0;
          const start = at;
          at += length;
          this.#deliver(bytes.subarray(start, at));
          continue;
        }
        this.#content = new Uint8Array(length);
        this.#contentFilled = 0;
      }
      at = this.#readContent(this.#content, bytes, at);
    }
    return at;
  }

  #readHeader(bytes: Uint8Array, from: number): number {
    let at = from;
    while (this.#headerFilled < FRAME_HEADER_BYTES && at < bytes.length) {
      this.#header[this.#headerFilled++] = bytes[at++]!;
    }
    return at;
  }

  #readContent(content: Uint8Array, bytes: Uint8Array, at: number): number {
    const count = Math.min(content.length - this.#contentFilled, bytes.length - at);
    content.set(bytes.subarray(at, at + count), this.#contentFilled);
    this.#contentFilled += count;
    if (this.#contentFilled === content.length) {
      this.#content = undefined;
      this.#headerFilled = 0;
      this.#deliver(content);
    }
    return at + count;
  }

  /** F1: refuses before allocating. */
  #length(): number {
    const [a, b, c, d] = this.#header;
    const length = a! + b! * 0x100 + c! * 0x1_0000 + d! * 0x100_0000;
    if (length > this.#limitBytes) {
      throw new EngineError('RPC_FRAME_TOO_LARGE', { bytes: length, limit: this.#limitBytes });
    }
    return length;
  }
}
