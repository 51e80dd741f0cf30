/**
 * Records in flight: what of a channel was before an unaligned barrier when that passed it, as
 * bytes that a later attempt can read, at another parallelism too. Watermarks keep their places
 * between the records, so that the same records are late afterwards.
 *
 * Layout: version (uint8), parallelism of producer and consumer (varint), then pieces: what it is
 * (uint8), its length (varint), a batch as of batch-codec or a watermark as of control-codec; at
 * the end the CRC-32 of it all (uint32).
 *
 * Invariants
 * F1. Whole records only; in the order of the channel.
 * F2. `complete` is called once: when the barrier, or the end of the channel, has come.
 */
import { ByteReader } from '../base/byte-reader.ts';
import { ByteWriter } from '../base/byte-writer.ts';
import { crc32 } from '../base/crc32.ts';
import { EngineError } from '../base/errors.ts';
import type { Codec } from '../types/schema.ts';
import type { Batch } from './batch.ts';
import { ObjectBatch } from './batch.ts';
import { decodeBatch, encodeBatch } from './batch-codec.ts';
import { decodeControl, encodeControl } from './control-codec.ts';
import type { ControlElement, WatermarkElement } from './control-element.ts';

const VERSION = 1;
const CHECKSUM_BYTES = 4;
const Piece = { batch: 1, watermark: 2 } as const;

/** Of the edge, when the data was in flight. */
export interface EdgeParallelism {
  readonly producer: number;
  readonly consumer: number;
}

export class InFlight {
  readonly #out = new ByteWriter();
  readonly #piece = new ByteWriter();
  readonly #head: number;
  #isComplete = false;
  #onComplete: (() => void) | undefined;

  constructor(parallelism: EdgeParallelism) {
    this.#out.uint8(VERSION);
    this.#out.varint(parallelism.producer);
    this.#out.varint(parallelism.consumer);
    this.#head = this.#out.position;
  }

  get isComplete(): boolean {
    return this.#isComplete;
  }

  get isEmpty(): boolean {
    return this.#out.position === this.#head;
  }

  get size(): number {
    return this.#out.position;
  }

  /** All of it; once, when it is complete. */
  bytes(): Uint8Array {
    this.#out.uint32(crc32(this.#out.written()));
    return this.#out.copy();
  }

  /** Calls back when it is complete, at once if it is. */
  whenComplete(callback: () => void): void {
    if (this.#isComplete) callback();
    else this.#onComplete = callback;
  }

  /** The records of `batch` from its cursor on. */
  batch(batch: Batch, codec: Codec<unknown>): void {
    if (batch.cursor === batch.size) return;
    this.#piece.reset();
    encodeBatch(batch, codec, this.#piece);
    this.encoded(this.#piece.written());
  }

  /** A batch as of batch-codec. */
  encoded(bytes: Uint8Array): void {
    this.#out.uint8(Piece.batch);
    this.#out.lengthPrefixed(bytes);
  }

  /** Kept if it is a watermark: everything else is said again after a restore. */
  control(element: ControlElement): void {
    if (element.kind !== 'watermark') return;
    this.#piece.reset();
    encodeControl(element, this.#piece);
    this.#out.uint8(Piece.watermark);
    this.#out.lengthPrefixed(this.#piece.written());
  }

  /** F2 */
  complete(): void {
    if (this.#isComplete) return;
    this.#isComplete = true;
    this.#onComplete?.();
    this.#onComplete = undefined;
  }
}

export interface RestoredInFlight {
  readonly parallelism: EdgeParallelism;
  readonly elements: readonly (Batch | WatermarkElement)[];
}

/** @throws EngineError DATA_CORRUPT naming `source`. */
export function decodeInFlight(
  bytes: Uint8Array,
  codec: Codec<unknown>,
  source: string,
): RestoredInFlight {
  const end = bytes.length - CHECKSUM_BYTES;
  if (end < 0) throw corrupt(source, `it has ${bytes.length} bytes`);
  const sum = new ByteReader(bytes, end).uint32();
  if (sum !== crc32(bytes.subarray(0, end))) throw corrupt(source, 'its checksum is wrong');
  const input = new ByteReader(bytes, 0, end);
  const version = input.uint8();
  if (version !== VERSION) throw corrupt(source, `its version is ${version}`);
  const parallelism = { producer: input.varint(), consumer: input.varint() };
  const elements: (Batch | WatermarkElement)[] = [];
  while (input.remaining > 0) {
    const kind = input.uint8();
    const piece = new ByteReader(input.lengthPrefixed());
    if (kind === Piece.batch) elements.push(decodeBatch(piece, codec, new ObjectBatch()));
    else if (kind === Piece.watermark) elements.push(decodeControl(piece) as WatermarkElement);
    else throw corrupt(source, `unknown piece ${kind}`);
  }
  return { parallelism, elements };
}

function corrupt(source: string, reason: string): EngineError {
  return new EngineError('DATA_CORRUPT', { what: `the data in flight in ${source}`, reason });
}
