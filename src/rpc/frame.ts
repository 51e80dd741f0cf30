/**
 * Frames on a byte stream: a length of four bytes, little-endian, and the content. The length is
 * looked at before anything is allocated for it.
 *
 * F1. No more memory is held than the frame limit plus one chunk of the connection.
 */
import { EngineError } from '../base/errors.ts';

export const FRAME_LIMIT_BYTES: number = 16 * 1024 * 1024;
export const FRAME_HEADER_BYTES = 4;

/** Cuts a byte stream into frames. */
export class FrameReader {
  readonly #deliver: (content: Uint8Array) => void;
  readonly #header = new Uint8Array(FRAME_HEADER_BYTES);
  #headerFilled = 0;
  #content: Uint8Array | undefined;
  #contentFilled = 0;
  /** Longer frames are refused; may be changed between frames. */
  limitBytes: number;

  /** `deliver` gets the content of a frame, valid during the call. */
  constructor(limitBytes: number, deliver: (content: Uint8Array) => void) {
    this.limitBytes = limitBytes;
    this.#deliver = deliver;
  }

  /** @throws EngineError RPC_FRAME_TOO_LARGE; the stream cannot be read on then. */
  push(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length) {
      if (this.#content === undefined) {
        at = this.#readHeader(bytes, at);
        if (this.#headerFilled < FRAME_HEADER_BYTES) return;
        const length = this.#length();
        if (at + length <= bytes.length) {
          this.#headerFilled = 0;
          this.#deliver(bytes.subarray(at, at + length));
          at += length;
          continue;
        }
        this.#content = new Uint8Array(length);
        this.#contentFilled = 0;
      }
      at = this.#readContent(this.#content, bytes, at);
    }
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
    if (length > this.limitBytes) {
      throw new EngineError('RPC_FRAME_TOO_LARGE', { bytes: length, limit: this.limitBytes });
    }
    return length;
  }
}
