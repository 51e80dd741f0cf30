/**
 * Where the overdraft of an outbox goes when one call of a user's function emits more than should
 * stay in memory: encoded, into a scratch file, read back in order as the consumer catches up.
 *
 * Invariants
 * S1. `next` gives elements in the order of `batch` and `control`.
 * S2. The file is emptied (dropped) whenever everything has been read back.
 */
import { assert } from '../base/assert.ts';
import { ByteReader } from '../base/byte-reader.ts';
import { ByteWriter } from '../base/byte-writer.ts';
import type { ScratchFile } from '../env/env.ts';
import type { Codec } from '../types/schema.ts';
import type { Batch } from './batch.ts';
import { ObjectBatch } from './batch.ts';
import { decodeBatch, encodeBatch } from './batch-codec.ts';
import { decodeControl, encodeControl } from './control-codec.ts';
import type { ControlElement } from './control-element.ts';
import type { InFlight } from './in-flight.ts';

interface Segment {
  readonly kind: 'batch' | 'control';
  readonly position: number;
  readonly length: number;
  readonly records: number;
}

export class Spill {
  readonly #open: () => ScratchFile;
  readonly #codec: Codec<unknown>;
  /** Made when the first element comes: most queues never spill. */
  #scratch: ByteWriter | undefined;
  #file: ScratchFile | undefined;
  #segments: Segment[] = [];
  #next = 0;
  records = 0;

  constructor(open: () => ScratchFile, codec: Codec<unknown>) {
    this.#open = open;
    this.#codec = codec;
  }

  get isEmpty(): boolean {
    return this.#next === this.#segments.length;
  }

  batch(batch: Batch): void {
    const out = this.#writer();
    encodeBatch(batch, this.#codec, out);
    this.records += batch.size - batch.cursor;
    this.#append('batch', batch.size - batch.cursor, out);
  }

  control(element: ControlElement): void {
    const out = this.#writer();
    encodeControl(element, out);
    this.#append('control', 0, out);
  }

  next(): Batch | ControlElement | undefined {
    if (this.isEmpty) return undefined;
    const segment = this.#segments[this.#next]!;
    assert(this.#file !== undefined, 'S1: segments are in the file');
    const bytes = new Uint8Array(segment.length);
    this.#file.read(bytes, segment.position);
    this.#next += 1;
    this.records -= segment.records;
    if (this.isEmpty) this.close();
    const reader = new ByteReader(bytes);
    return segment.kind === 'batch'
      ? decodeBatch(reader, this.#codec, new ObjectBatch())
      : decodeControl(reader);
  }

  /** Into a snapshot: a batch that is not in here. */
  encode(batch: Batch, into: InFlight): void {
    into.batch(batch, this.#codec);
  }

  /** What is in here, in order, without taking it; `control` says whether to go on. */
  copy(into: InFlight, control: (element: ControlElement) => boolean): void {
    for (let index = this.#next; index < this.#segments.length; index += 1) {
      const { kind, position, length } = this.#segments[index]!;
      const bytes = new Uint8Array(length);
      this.#file!.read(bytes, position);
      if (kind === 'batch') into.encoded(bytes);
      else if (!control(decodeControl(new ByteReader(bytes)))) return;
    }
  }

  close(): void {
    this.#file?.[Symbol.dispose]();
    this.#file = undefined;
    this.#segments = [];
    this.#next = 0;
    this.records = 0;
  }

  #writer(): ByteWriter {
    this.#scratch ??= new ByteWriter();
    this.#scratch.reset();
    return this.#scratch;
  }

  #append(kind: Segment['kind'], records: number, out: ByteWriter): void {
    const bytes = out.written();
    this.#file ??= this.#open();
    this.#segments.push({ kind, position: this.#file.size, length: bytes.length, records });
    this.#file.append(bytes);
  }
}
