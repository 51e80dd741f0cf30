/**
 * A FrameLink over two rings in shared memory, one each way, between two slots of one process. The
 * owner of the memory retires both rings when either worker has ended (`ring-owner.ts`).
 *
 * Invariants (besides those of FrameLink)
 * I1. The peer's doorbell is rung at most once a flush, once for each `RING_AFTER_BYTES` in
 * between,
 *     and once a poll that made room it waited for.
 * I2. Control frames that found no room wait in order, and nothing is sent past them.
 * I3. A frame is consumed before it is handed out, and its room given back after: a handler that
 *     throws never gets it again.
 * I4. After `close` has taken effect the rings are not touched any more.
 */
import { assert } from '../base/assert.ts';
import type { SharedRegion } from '../env/env.ts';
import { FRAME_PAYLOAD_BYTES_MAX } from './channel-frames.ts';
import { Deque } from './deque.ts';
import { ringDoorbell } from './doorbell.ts';
import { CONTROL_WAITING_BYTES_MAX } from './frame-link.ts';
import type { FrameHandler, FrameLink } from './frame-link.ts';
import { RingConsumer, RingProducer } from './ring.ts';
import type { RingRoom } from './ring.ts';

/**
 * Room is given back in portions of about this, so that the producer goes on while the rest is
 * read.
 */
const PUBLISH_BYTES = 64 * 1024;
/** Who sleeps is woken for as much as this without waiting for a flush. */
const RING_AFTER_BYTES = 128 * 1024;

export interface RingLinkOptions {
  readonly toPeer: SharedRegion;
  readonly fromPeer: SharedRegion;
  readonly generation: number;
  /** Number of this slot. */
  readonly owner: number;
  readonly doorbells: SharedRegion;
  /** The word of the peer's doorbell. */
  readonly peerDoorbell: number;
}

interface WaitingControl {
  readonly kind: number;
  readonly channel: number;
  readonly bytes: Uint8Array;
}

/**
 * @example const link = RingLink.open({ toPeer, fromPeer, generation, owner: slot, doorbells,
 * peerDoorbell }); link?.send(ChannelFrame.data, channel, bytes, 'data'); link?.flush();
 */
export class RingLink implements FrameLink {
  readonly #producer: RingProducer;
  readonly #consumer: RingConsumer;
  readonly #doorbells: SharedRegion;
  readonly #peerDoorbell: number;
  readonly #waiting = new Deque<WaitingControl>();
  #waitingBytes = 0;
  /** Since the doorbell was rung: bytes of payload, and 1 more for each frame. */
  #unflushedBytes = 0;
  /** Its owner has been told of the end. */
  #isEndSeen = false;
  #state: 'open' | 'closing' | 'closed' = 'open';

  /** @returns undefined if the generation is over: the peer's worker has ended already. */
  static open(options: RingLinkOptions): RingLink | undefined {
    const { generation, owner } = options;
    const producer = RingProducer.attach(options.toPeer, generation, owner);
    if (producer === undefined) return undefined;
    const consumer = RingConsumer.attach(options.fromPeer, generation, owner);
    if (consumer === undefined) {
      producer.close();
      return undefined;
    }
    return new RingLink(producer, consumer, options);
  }

  private constructor(producer: RingProducer, consumer: RingConsumer, options: RingLinkOptions) {
    assert(
      producer.payloadBytesMax >= FRAME_PAYLOAD_BYTES_MAX,
      `R5: a ring that takes ${producer.payloadBytesMax} bytes is too small for frames`,
    );
    this.#producer = producer;
    this.#consumer = consumer;
    this.#doorbells = options.doorbells;
    this.#peerDoorbell = options.peerDoorbell;
  }

  send(kind: number, channel: number, bytes: Uint8Array, room: RingRoom): boolean {
    if (this.#state !== 'open') return room === 'control';
    if (this.#waiting.length === 0 && this.#commit(kind, channel, bytes, room)) return true;
    if (room === 'data') return false;
    this.#waiting.push({ kind, channel, bytes: new Uint8Array(bytes) });
    this.#waitingBytes += bytes.length + 8;
    assert(
      this.#waitingBytes <= CONTROL_WAITING_BYTES_MAX,
      'F2: control frames without end for a peer that takes none',
    );
    return true;
  }

  flush(): void {
    if (this.#waiting.length > 0) this.#sendWaiting();
    if (this.#unflushedBytes === 0) return;
    this.#unflushedBytes = 0;
    this.#ring();
  }

  get hasInput(): boolean {
    if (this.#isEndSeen) return false;
    if (this.#state === 'open' && this.#consumer.hasFrame) return true;
    return this.#producer.hasRoomAgain || this.#consumer.peer !== 'open';
  }

  poll(handler: FrameHandler, limit: number): number {
    if (this.#state === 'closed') return 0;
    if (this.#producer.hasRoomAgain) this.#producer.forgetRefusal();
    if (this.#waiting.length > 0) this.flush();
    if (this.#state === 'closing') {
      this.#finishClose();
      return 0;
    }
    return this.#read(handler, limit);
  }

  get closed(): string | undefined {
    if (this.#state === 'closed') return 'this slot has ended';
    if (this.#state === 'closing') return undefined;
    switch (this.#consumer.peer) {
      case 'open':
        return undefined;
      case 'closed':
        return 'the other slot has ended';
      case 'lost':
        return 'the worker of the other slot has died';
    }
  }

  close(): void {
    if (this.#state !== 'open') return;
    this.#state = 'closing';
    this.flush();
    this.#finishClose();
  }

  #read(handler: FrameHandler, limit: number): number {
    const consumer = this.#consumer;
    let count = 0;
    while (count < limit && this.#state === 'open') {
      if (consumer.unpublishedBytes >= PUBLISH_BYTES) this.#publish();
      const frame = consumer.peek();
      if (frame === undefined) break;
      consumer.release();
      count += 1;
      handler.frame(frame.kind, frame.channel, frame.bytes, frame.start, frame.end);
    }
    if (this.#state !== 'open') return count;
    this.#publish();
    if (count < limit && consumer.peer !== 'open') this.#isEndSeen = true;
    return count;
  }

  #publish(): void {
    if (this.#consumer.publish()) this.#ring();
  }

  #commit(kind: number, channel: number, bytes: Uint8Array, room: RingRoom): boolean {
    const producer = this.#producer;
    const start = producer.reserve(bytes.length, room);
    if (start < 0) return false;
    producer.bytes.set(bytes, start);
    producer.commit(kind, channel, bytes.length);
    this.#unflushedBytes += bytes.length + 1;
    if (this.#unflushedBytes >= RING_AFTER_BYTES) {
      this.#unflushedBytes = 0;
      this.#ring();
    }
    return true;
  }

  /** I2. */
  #sendWaiting(): void {
    for (let next = this.#waiting.peek(); next !== undefined; next = this.#waiting.peek()) {
      if (!this.#commit(next.kind, next.channel, next.bytes, 'control')) return;
      this.#waiting.shift();
      this.#waitingBytes -= next.bytes.length + 8;
    }
  }

  /** Ends both sides once everything is in the ring, or nobody is there to read it. */
  #finishClose(): void {
    if (this.#waiting.length > 0 && this.#producer.peer === 'open') return;
    this.#state = 'closed';
    this.#isEndSeen = true;
    this.#producer.close();
    this.#consumer.close();
    this.#ring();
  }

  #ring(): void {
    ringDoorbell(this.#doorbells, this.#peerDoorbell);
  }
}
