/**
 * The consuming end of a channel from another slot. Frames are always taken off the link into a
 * queue of this channel, which credit bounds; so a channel that nobody reads holds up no other.
 *
 * Invariants
 * N1. Bytes queued never exceed the credit given out.
 * N2. Credit comes back only for frames that the gate has taken, and for parts of a record larger
 * than a
 *     frame as they come: the record must be whole before the gate can take it.
 */
import { ByteReader } from '../base/byte-reader.ts';
import { ByteWriter } from '../base/byte-writer.ts';
import type { Codec } from '../types/schema.ts';
import type { Batch } from './batch.ts';
import { ObjectBatch } from './batch.ts';
import { decodeBatch } from './batch-codec.ts';
import { CHANNEL_WINDOW_BYTES, ChannelFrame } from './channel-frames.ts';
import type { FrameSender } from './channel-frames.ts';
import { decodeControl } from './control-codec.ts';
import type { ControlElement } from './control-element.ts';
import type { InputChannel } from './input-channel.ts';
import { Deque } from './deque.ts';

interface DataFrame {
  /** Credit to give back once it was taken. */
  readonly cost: number;
  readonly bytes: Uint8Array;
}

/** Credit is given back in portions of at least this. */
const CREDIT_PORTION_BYTES = CHANNEL_WINDOW_BYTES / 4;

export class RemoteInputChannel implements InputChannel {
  readonly #channel: number;
  readonly #codec: Codec<unknown>;
  readonly #sender: FrameSender;
  readonly #queue = new Deque<DataFrame | ControlElement>();
  readonly #parts: Uint8Array[] = [];
  readonly #credit = new ByteWriter(16);
  readonly #reader = new ByteReader(new Uint8Array(0));
  #free: ObjectBatch | undefined = new ObjectBatch();
  #owed = 0;
  #queued = 0;
  #closed = false;
  bytesIn = 0;
  /** Whether the producer's last element has come. */
  hasEnded = false;

  constructor(channel: number, codec: Codec<unknown>, sender: FrameSender) {
    this.#channel = channel;
    this.#codec = codec;
    this.#sender = sender;
  }

  /** Opens the channel for its producer. */
  start(): void {
    this.#grant(CHANNEL_WINDOW_BYTES);
  }

  get hasData(): boolean {
    return this.#queue.length > 0;
  }

  /** A frame of this channel; `bytes[start, end)` is copied. */
  receive(kind: number, bytes: Uint8Array, start: number, end: number): void {
    if (this.#closed) return;
    if (kind === ChannelFrame.control) {
      this.#reader.wrap(bytes, start, end);
      const element = decodeControl(this.#reader);
      if (element.kind === 'end') this.hasEnded = true;
      this.#queue.push(element);
      return;
    }
    this.bytesIn += end - start;
    if (kind === ChannelFrame.part) {
      this.#parts.push(bytes.slice(start, end));
      this.#grant(end - start);
      return;
    }
    this.#queued += end - start;
    this.#queue.push({ cost: end - start, bytes: this.#assemble(bytes, start, end) });
  }

  poll(): Batch | ControlElement | undefined {
    const next = this.#queue.shift();
    if (next === undefined || 'kind' in next) return next;
    this.#queued -= next.cost;
    this.#owed += next.cost;
    // Nothing else is queued: the producer may be waiting for exactly these bytes.
    if (this.#owed >= CREDIT_PORTION_BYTES || this.#queued === 0) {
      this.#grant(this.#owed);
      this.#owed = 0;
    }
    const into = this.#free ?? new ObjectBatch();
    this.#free = undefined;
    this.#reader.wrap(next.bytes);
    return decodeBatch(this.#reader, this.#codec, into);
  }

  recycle(batch: Batch): void {
    if (batch.kind !== 'objects') return;
    batch.reset();
    this.#free = batch;
  }

  close(): void {
    this.#closed = true;
  }

  /** The frame's bytes in memory of their own, behind the parts that came before it. */
  #assemble(bytes: Uint8Array, start: number, end: number): Uint8Array {
    if (this.#parts.length === 0) return bytes.slice(start, end);
    const parts = this.#parts.splice(0);
    const before = parts.reduce((sum, part) => sum + part.length, 0);
    const whole = new Uint8Array(before + end - start);
    let position = 0;
    for (const part of parts) {
      whole.set(part, position);
      position += part.length;
    }
    whole.set(bytes.subarray(start, end), before);
    return whole;
  }

  #grant(bytes: number): void {
    if (this.#closed) return;
    this.#credit.reset();
    this.#credit.uint32(bytes);
    this.#sender.sendControl(ChannelFrame.credit, this.#channel, this.#credit.copy());
  }
}
