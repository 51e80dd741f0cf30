/**
 * A queue of frames from one thread to one other in shared memory. The producer encodes straight
 * into the ring and the consumer decodes straight out of it; a frame costs one atomic store on the
 * producer's side, and the other cursor is looked at only when the copy of it is used up.
 *
 * The proof: `ring-interleaving.test.ts` runs this code through every order of its word operations,
 * with a kill of either side at each, and shows that plain bytes are never read and written at
 * once.
 *
 * Invariants
 * R1. The capacity is a power of two; the room reserved for control frames is a part of it.
 * R2. Only the producer stores `tail`, only the consumer `head`; 0 <= tail - head <= capacity,
 *     modulo 2^32.
 * R3. The producer writes bytes in [tail, head + capacity) only, the consumer reads in [head, tail)
 *     only.
 * R4. A frame is committed by one store of `tail`, after all of its bytes. A producer that is
 *     killed before it leaves nothing, after it a whole frame.
 * R5. A frame is contiguous and begins at a multiple of 8. What is skipped at the end of the ring
 *     is committed together with the frame behind it: who sees a skip marker sees a frame.
 * R6. A data frame leaves the room of control frames free.
 * R7. A producer looks for room in vain only after it has stored `roomWanted`: whoever is woken by
 *     too little room asks again. The consumer looks at `roomWanted` after every store of `head`.
 *     So one of them sees the other.
 * R8. A consumer sees the end of the producer only when it has read all that was committed.
 * R9. A generation has one producer and one consumer, ever: their states only go from free to
 *     attached to closed or gone. A retired generation cannot be attached to, and the next one
 *     begins only when neither side is attached.
 */
import { assert } from '../base/assert.ts';
import type { SharedRegion } from '../env/env.ts';
import {
  RING_FRAME_HEADER_BYTES,
  RING_HEADER_BYTES,
  RING_MAGIC,
  RING_PAYLOAD_BYTES_LIMIT,
  RING_SKIP_KIND,
  RING_UNIT_BYTES,
  RingSideState,
  RingWord,
} from './ring-layout.ts';
import type { RingPeer, RingSide } from './ring-layout.ts';

/** Which room a frame may take: control frames may use all, data frames leave them their part. */
export type RingRoom = 'data' | 'control';

/** A frame in the ring. `bytes[start, end)` is the payload, valid until `publish`. */
export interface RingFrame {
  readonly kind: number;
  readonly channel: number;
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

/**
 * The writing side.
 * @example
 * const producer = RingProducer.attach(region, generation, slotWorker);
 * const start = producer.reserve(1024, 'data');
 * if (start >= 0) {
 *   producer.bytes[start] = 7;
 *   producer.commit(DATA, channel, 1);
 * }
 */
export class RingProducer {
  /** All of the region; `reserve` gives offsets into it. */
  readonly bytes: Uint8Array;
  /** The largest payload that always fits into an empty ring. */
  readonly payloadBytesMax: number;
  readonly #region: SharedRegion;
  readonly #generation: number;
  readonly #frames: Int32Array;
  readonly #capacity: number;
  readonly #dataLimit: number;
  #tail = 0;
  /** `head` as last seen; the true one is the same or further. */
  #head = 0;
  /**
   * Where the reserved frame begins, with what it skips, and what it may hold; -1: nothing
   * reserved.
   */
  #reservedAt = 0;
  #reservedBytes = -1;
  /** The last refused reservation, until there is room for it; -1: none. */
  #refusedBytes = -1;
  #refusedRoom: RingRoom = 'data';

  /**
   * Becomes the producer of a generation.
   * @returns undefined if the generation is over or already has had a producer.
   */
  static attach(region: SharedRegion, generation: number, owner: number): RingProducer | undefined {
    return attachSide(region, generation, 'producer', owner)
      ? new RingProducer(region, generation)
      : undefined;
  }

  private constructor(region: SharedRegion, generation: number) {
    this.#region = region;
    this.#generation = generation;
    this.bytes = region.bytes;
    this.#frames = framesOf(region);
    this.#capacity = region.load(RingWord.capacity) / RING_UNIT_BYTES;
    this.#dataLimit = this.#capacity - region.load(RingWord.control) / RING_UNIT_BYTES;
    this.payloadBytesMax = Math.min(
      Math.floor(this.#dataLimit / 2) * RING_UNIT_BYTES - RING_FRAME_HEADER_BYTES,
      RING_PAYLOAD_BYTES_LIMIT,
    );
    assert(this.payloadBytesMax > 0, 'R1: no room for data');
  }

  /**
   * Finds contiguous room for a payload of at most `maxBytes`. An earlier reservation that was not
   * committed is void.
   * @returns where the payload begins in `bytes`, or -1 if there is no room now; the consumer's
   * `publish` will ask for this side to be woken when it has made some.
   */
  reserve(maxBytes: number, room: RingRoom): number {
    assert(
      maxBytes >= 0 && maxBytes <= this.payloadBytesMax,
      'R5: a frame larger than the ring takes',
    );
    const units = unitsOf(maxBytes);
    const at = this.#tail & (this.#capacity - 1);
    const skipped = at + units > this.#capacity ? this.#capacity - at : 0;
    this.#reservedBytes = -1;
    if (!this.#fits(skipped + units, room) && !this.#wait(skipped + units, room)) {
      this.#refusedBytes = maxBytes;
      this.#refusedRoom = room;
      return -1;
    }
    this.#reservedAt = (this.#tail + skipped) | 0;
    this.#reservedBytes = maxBytes;
    const frame = skipped === 0 ? at : 0;
    return RING_HEADER_BYTES + frame * RING_UNIT_BYTES + RING_FRAME_HEADER_BYTES;
  }

  /** Makes the first `length` bytes of the reservation visible to the consumer as one frame. */
  commit(kind: number, channel: number, length: number): void {
    assert(length >= 0 && length <= this.#reservedBytes, 'R5: commit of more than was reserved');
    assert(kind >= 0 && kind < RING_SKIP_KIND, 'R5: a kind outside of [0, 255)');
    const mask = this.#capacity - 1;
    const at = this.#reservedAt & mask;
    if (this.#reservedAt !== this.#tail)
      this.#frames[(this.#tail & mask) * 2] = RING_SKIP_KIND << 24;
    this.#frames[at * 2] = (kind << 24) | length;
    this.#frames[at * 2 + 1] = channel;
    this.#reservedBytes = -1;
    this.#tail = (this.#reservedAt + unitsOf(length)) | 0;
    this.#region.store(RingWord.tail, this.#tail);
  }

  /** Whether there is room by now for what was refused last. False if nothing was. */
  get hasRoomAgain(): boolean {
    if (this.#refusedBytes < 0) return false;
    const units = unitsOf(this.#refusedBytes);
    const at = this.#tail & (this.#capacity - 1);
    const total = at + units > this.#capacity ? this.#capacity - at + units : units;
    return this.#fits(total, this.#refusedRoom) || this.#wait(total, this.#refusedRoom);
  }

  /** The refusal has been dealt with: `hasRoomAgain` is false until the next one. */
  forgetRefusal(): void {
    this.#refusedBytes = -1;
  }

  /** How the consumer is. */
  get peer(): RingPeer {
    return peerState(this.#region, RingWord.consumer, this.#generation);
  }

  /** Ends this side: what is committed stays readable, then the consumer sees the end. */
  close(): void {
    this.#reservedBytes = -1;
    closeSide(this.#region, RingWord.producer, this.#generation);
  }

  #fits(units: number, room: RingRoom): boolean {
    const limit = room === 'data' ? this.#dataLimit : this.#capacity;
    const end = (this.#tail + units) | 0;
    if (((end - this.#head) | 0) <= limit) return true;
    this.#head = this.#region.load(RingWord.head);
    const used = (this.#tail - this.#head) | 0;
    assert(used >= 0 && used <= this.#capacity, 'R2: the head is outside of the ring');
    return ((end - this.#head) | 0) <= limit;
  }

  /** Asks to be woken when there is room, and looks again after that (R7). */
  #wait(units: number, room: RingRoom): boolean {
    this.#region.store(RingWord.roomWanted, 1);
    return this.#fits(units, room);
  }
}

/**
 * The reading side.
 * @example
 * const consumer = RingConsumer.attach(region, generation, slotWorker);
 * for (let frame = consumer.peek(); frame !== undefined; frame = consumer.peek()) {
 *   consumer.release();
 *   use(frame.bytes, frame.start, frame.end);
 * }
 * if (consumer.publish()) ringDoorbell(producersDoorbell);
 */
export class RingConsumer {
  readonly #region: SharedRegion;
  readonly #generation: number;
  readonly #frames: Int32Array;
  readonly #capacity: number;
  readonly #frame: { kind: number; channel: number; bytes: Uint8Array; start: number; end: number };
  /** Next frame to peek at. */
  #head = 0;
  /** `head` as the producer knows it: bytes from here on are not overwritten. */
  #published = 0;
  /** `tail` as last seen; the true one is the same or further. */
  #tail = 0;
  /** Units of the frame peeked at; 0: none. */
  #peeked = 0;

  /**
   * Becomes the consumer of a generation.
   * @returns undefined if the generation is over or already has had a consumer.
   */
  static attach(region: SharedRegion, generation: number, owner: number): RingConsumer | undefined {
    return attachSide(region, generation, 'consumer', owner)
      ? new RingConsumer(region, generation)
      : undefined;
  }

  private constructor(region: SharedRegion, generation: number) {
    this.#region = region;
    this.#generation = generation;
    this.#frames = framesOf(region);
    this.#capacity = region.load(RingWord.capacity) / RING_UNIT_BYTES;
    this.#frame = { kind: 0, channel: 0, bytes: region.bytes, start: 0, end: 0 };
  }

  /** Whether there is a frame to peek at. */
  get hasFrame(): boolean {
    return this.#head !== this.#tail || this.#look();
  }

  /** The next frame, always the same object; undefined if there is none now. */
  peek(): RingFrame | undefined {
    if (this.#head === this.#tail && !this.#look()) return undefined;
    const mask = this.#capacity - 1;
    let at = this.#head & mask;
    let first = this.#frames[at * 2]!;
    if (first >>> 24 === RING_SKIP_KIND) {
      this.#head = (this.#head + this.#capacity - at) | 0;
      assert(((this.#tail - this.#head) | 0) > 0, 'R5: a skip marker without a frame');
      at = 0;
      first = this.#frames[0]!;
    }
    const length = first & RING_PAYLOAD_BYTES_LIMIT;
    this.#peeked = unitsOf(length);
    assert(this.#peeked <= ((this.#tail - this.#head) | 0), 'R4: a frame beyond the tail');
    assert(at + this.#peeked <= this.#capacity, 'R5: a frame beyond the end of the ring');
    const frame = this.#frame;
    frame.kind = first >>> 24;
    frame.channel = this.#frames[at * 2 + 1]! >>> 0;
    frame.start = RING_HEADER_BYTES + at * RING_UNIT_BYTES + RING_FRAME_HEADER_BYTES;
    frame.end = frame.start + length;
    return frame;
  }

  /** Goes on to the next frame. The bytes of this one stay until `publish`. */
  release(): void {
    assert(this.#peeked > 0, 'R3: release without peek');
    this.#head = (this.#head + this.#peeked) | 0;
    this.#peeked = 0;
  }

  /** How many bytes have been released and not published. */
  get unpublishedBytes(): number {
    return ((this.#head - this.#published) | 0) * RING_UNIT_BYTES;
  }

  /**
   * Gives the room of released frames back.
   * @returns whether the producer waits for it: its doorbell must be rung.
   */
  publish(): boolean {
    if (this.#head === this.#published) return false;
    this.#published = this.#head;
    this.#region.store(RingWord.head, this.#head);
    if (this.#region.load(RingWord.roomWanted) === 0) return false;
    return this.#region.exchange(RingWord.roomWanted, 0) === 1;
  }

  /** How the producer is; `open` as long as there are frames to read (R8). */
  get peer(): RingPeer {
    const peer = peerState(this.#region, RingWord.producer, this.#generation);
    return peer !== 'open' && this.hasFrame ? 'open' : peer;
  }

  /** Ends this side: frames that were not read are dropped. */
  close(): void {
    this.#tail = this.#head;
    closeSide(this.#region, RingWord.consumer, this.#generation);
  }

  #look(): boolean {
    this.#tail = this.#region.load(RingWord.tail);
    const used = (this.#tail - this.#head) | 0;
    assert(used >= 0 && used <= this.#capacity, 'R2: the tail is outside of the ring');
    return used > 0;
  }
}

/** Frame with its header, rounded up. */
function unitsOf(payloadBytes: number): number {
  return (payloadBytes + RING_FRAME_HEADER_BYTES + RING_UNIT_BYTES - 1) >>> 3;
}

/** The frames as 32-bit words, for their headers; plain memory. */
function framesOf(region: SharedRegion): Int32Array {
  const { buffer, byteOffset } = region.bytes;
  return new Int32Array(
    buffer,
    byteOffset + RING_HEADER_BYTES,
    (region.byteLength - RING_HEADER_BYTES) / 4,
  );
}

function attachSide(
  region: SharedRegion,
  generation: number,
  side: RingSide,
  owner: number,
): boolean {
  assert(region.load(RingWord.magic) === RING_MAGIC, 'R9: this memory holds no ring');
  const word = side === 'producer' ? RingWord.producer : RingWord.consumer;
  const free = generation * 4 + RingSideState.free;
  const attached = generation * 4 + RingSideState.attached;
  if (region.compareExchange(word, free, attached) !== free) return false;
  region.store(side === 'producer' ? RingWord.producerOwner : RingWord.consumerOwner, owner);
  if (region.load(RingWord.generation) === generation * 2) return true;
  closeSide(region, word, generation);
  return false;
}

function closeSide(region: SharedRegion, word: number, generation: number): void {
  const attached = generation * 4 + RingSideState.attached;
  const closed = generation * 4 + RingSideState.closed;
  const before = region.compareExchange(word, attached, closed);
  assert(before >> 2 === generation, 'R9: closing a side of another generation');
}

/**
 * What the other side does. One that is closed is closed even if its generation has been retired
 * since.
 */
function peerState(region: SharedRegion, word: number, generation: number): RingPeer {
  const state = region.load(word);
  assert(state >> 2 === generation, 'R9: the ring has gone on to another generation');
  if ((state & 3) === RingSideState.closed) return 'closed';
  if ((state & 3) === RingSideState.gone) return 'lost';
  return region.load(RingWord.generation) === generation * 2 ? 'open' : 'lost';
}
