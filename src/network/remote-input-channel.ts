/**
 * The consuming end of a channel from another slot. Frames are always taken off the link into a
 * queue of this channel, which credit bounds; so a channel that nobody reads holds up no other.
 *
 * Invariants
 * N1. The cost of what is queued never exceeds the window: a peer that sends more breaks the
 *     protocol.
 * N2. Credit comes back only for frames that the gate has taken, and for parts of a record larger
 *     than a frame as they come: the record must be whole before the gate can take it.
 * N3. When the gate has taken everything all credit has come back but less than
 *     CREDIT_KEPT_BYTES_MAX: the producer sees from it that the consumer waits.
 * N4. A barrier that has overtaken its producer's queue in the middle of a record has its place
 *     behind that record.
 * N5. The window grows by parts of the slot's floating pool while the producer says that it has
 *     more than the window lets through, and shrinks to no less than what is the channel's own, by
 *     what the producer has given up.
 */
import { ByteWriter } from '../base/byte-writer.ts';
import { EngineError } from '../base/errors.ts';
import type { Codec } from '../types/schema.ts';
import type { Batch } from './batch.ts';
import { ObjectBatch } from './batch.ts';
import { decodeBatch } from './batch-codec.ts';
import { ChannelFrame, CREDIT_KEPT_BYTES_MAX, frameCost } from './channel-frames.ts';
import type { FrameSender } from './channel-frames.ts';
import { decodeControl } from './control-codec.ts';
import { ChannelCapture } from './channel-capture.ts';
import type { BarrierElement, ControlElement } from './control-element.ts';
import { Deque } from './deque.ts';
import type { FloatingUser } from './floating-pool.ts';
import type { FramePool, HeldFrame } from './frame-pool.ts';
import type { InFlight } from './in-flight.ts';
import type { InputChannel } from './input-channel.ts';
import type { NetworkMemory } from './network-memory.ts';

/** Credit is given back in portions of at least this part of the window. */
const PORTIONS = 4;

export interface RemoteInputOptions {
  readonly channel: number;
  readonly codec: Codec<unknown>;
  readonly sender: FrameSender;
  /** Of the slot: how many bytes may be under way or wait here. */
  readonly memory: Pick<NetworkMemory, 'windowBytes' | 'windowBytesMax' | 'floating'>;
  readonly frames: FramePool;
}

export class RemoteInputChannel implements InputChannel, FloatingUser {
  readonly #options: RemoteInputOptions;
  readonly #queue = new Deque<HeldFrame | ControlElement>();
  readonly #parts: Uint8Array[] = [];
  /** N4 */
  readonly #behindParts: ControlElement[] = [];
  readonly #capture = new ChannelCapture();
  readonly #credit = new ByteWriter(16);
  #free: ObjectBatch | undefined = new ObjectBatch();
  #owed = 0;
  /** Own and floating. */
  windowBytes: number;
  floatingBytes = 0;
  askedBytes = 0;
  /** N5: it has no part in the pool any more. */
  #hasLeft = false;
  #closed = false;
  bytesIn = 0;
  buffersIn = 0;
  /** Data frames in the queue, their bytes, and what they cost of the window. */
  queuedFrames = 0;
  queuedBytes = 0;
  queuedCost = 0;
  /** Whether the producer's last element has come. */
  hasEnded = false;

  constructor(options: RemoteInputOptions) {
    this.#options = options;
    this.windowBytes = options.memory.windowBytes;
  }

  /** Opens the channel for its producer. */
  start(): void {
    this.#tell(ChannelFrame.credit, this.windowBytes);
  }

  get hasData(): boolean {
    return this.#queue.length > 0;
  }

  /** N5. The producer has more than the window lets through. */
  backlog(): void {
    const { floating, windowBytesMax } = this.#options.memory;
    const more = Math.min(this.windowBytes, windowBytesMax - this.windowBytes);
    if (more > 0 && !this.#hasLeft) floating.request(this, more);
  }

  granted(bytes: number): void {
    this.floatingBytes += bytes;
    this.windowBytes += bytes;
    this.#tell(ChannelFrame.grow, bytes);
  }

  askBack(bytes: number): void {
    this.askedBytes += bytes;
    this.#tell(ChannelFrame.reclaim, bytes);
  }

  /** N5. The producer has given up some of its credit. */
  returned(bytes: number): void {
    if (this.#hasLeft) return;
    if (bytes > this.askedBytes) this.#refuse('its producer gave back what nobody asked for');
    this.askedBytes -= bytes;
    this.floatingBytes -= bytes;
    this.windowBytes -= bytes;
    this.#options.memory.floating.release(this, bytes);
  }

  /** A frame of this channel; `bytes[start, end)` is copied. */
  receive(kind: number, bytes: Uint8Array, start: number, end: number): void {
    if (this.#closed) return;
    const frame = this.#hold(kind, bytes, start, end);
    if (kind === ChannelFrame.control) {
      frame.reader.wrap(frame.buffer, 0, frame.length);
      const element = decodeControl(frame.reader);
      this.#options.frames.give(frame);
      if (element.kind === 'end') this.hasEnded = true;
      if (this.#parts.length > 0) this.#behindParts.push(element);
      else this.#enqueue(element);
      this.#capture.tell(element);
      return;
    }
    this.bytesIn += end - start;
    this.buffersIn += 1;
    const cost = frameCost(end - start);
    if (kind === ChannelFrame.part) {
      this.#parts.push(frame.buffer.slice(0, frame.length));
      this.#options.frames.give(frame);
      this.#tell(ChannelFrame.credit, cost);
      return;
    }
    frame.cost = cost;
    this.queuedCost += cost;
    if (this.queuedCost + this.#owed > this.windowBytes) {
      this.#refuse('its producer sent more than it had credit for');
    }
    this.queuedFrames += 1;
    this.queuedBytes += frame.length;
    this.#queue.push(frame);
    this.#capture.into?.encoded(frame.buffer.subarray(0, frame.length));
    for (const element of this.#behindParts.splice(0)) this.#enqueue(element);
  }

  #enqueue(element: ControlElement): void {
    this.#queue.push(element);
    this.#capture.control(element);
  }

  poll(): Batch | ControlElement | undefined {
    const next = this.#queue.shift();
    if (next === undefined) return undefined;
    if ('kind' in next) {
      if (next.kind === 'end') this.#leave();
      return next;
    }
    this.queuedFrames -= 1;
    this.queuedBytes -= next.length;
    this.queuedCost -= next.cost;
    this.#owed += next.cost;
    // N3
    const least = this.queuedCost === 0 ? CREDIT_KEPT_BYTES_MAX : this.windowBytes / PORTIONS;
    if (this.#owed >= least) {
      this.#tell(ChannelFrame.credit, this.#owed);
      this.#owed = 0;
    }
    const into = this.#free ?? new ObjectBatch();
    this.#free = undefined;
    next.reader.wrap(next.buffer, 0, next.length);
    const batch = decodeBatch(next.reader, this.#options.codec, into);
    this.#options.frames.give(next);
    return batch;
  }

  recycle(batch: Batch): void {
    if (batch.kind !== 'objects') return;
    batch.reset();
    this.#free = batch;
  }

  close(): void {
    this.#closed = true;
    this.#leave();
  }

  /** Nothing more will come: its part of the pool is for others. */
  #leave(): void {
    if (this.#hasLeft) return;
    this.#hasLeft = true;
    const bytes = this.floatingBytes;
    this.floatingBytes = 0;
    this.askedBytes = 0;
    this.windowBytes -= bytes;
    this.#options.memory.floating.leave(this, bytes);
  }

  get onBarrier(): ((barrier: BarrierElement) => void) | undefined {
    return this.#capture.onBarrier;
  }

  set onBarrier(listener: ((barrier: BarrierElement) => void) | undefined) {
    this.#capture.onBarrier = listener;
  }

  capture(checkpointId: number, into: InFlight, open: Batch | undefined): void {
    this.#capture.begin(checkpointId, into);
    if (open !== undefined) into.batch(open, this.#options.codec);
    for (const element of this.#queue) {
      if (!('kind' in element)) into.encoded(element.buffer.subarray(0, element.length));
      else if (!this.#capture.control(element)) return;
    }
  }

  stopCapture(): void {
    this.#capture.stop();
  }

  /** The frame's bytes in memory of their own, behind the parts that came before it. */
  #hold(kind: number, bytes: Uint8Array, start: number, end: number): HeldFrame {
    const parts = kind === ChannelFrame.data ? this.#parts.splice(0) : [];
    const before = parts.reduce((sum, part) => sum + part.length, 0);
    const frame = this.#options.frames.take(before + end - start);
    let position = 0;
    for (const part of parts) {
      frame.buffer.set(part, position);
      position += part.length;
    }
    frame.buffer.set(bytes.subarray(start, end), before);
    return frame;
  }

  /** N1. */
  #refuse(reason: string): never {
    throw new EngineError('DATA_CORRUPT', { what: `channel ${this.#options.channel}`, reason });
  }

  #tell(kind: number, bytes: number): void {
    if (this.#closed) return;
    const { sender, channel } = this.#options;
    this.#credit.reset();
    this.#credit.uint32(bytes);
    sender.sendControl(kind, channel, this.#credit.written());
  }
}
