/**
 * Where things lie in the memory of a ring: a header of words that both threads and the owner of
 * the memory use atomically, each busy word on a cache line of its own, and the frames behind it.
 */

/** Changes whenever the layout does, so that two builds never share a ring by mistake. */
export const RING_MAGIC = 0x4d52_0001;

/**
 * Indices of the header's 32-bit words. Two words that different threads write often are 128 bytes
 * apart.
 */
export const RingWord = {
  magic: 0,
  /** Bytes for frames, a power of two. */
  capacity: 1,
  /** Bytes of it that only control frames may take. */
  control: 2,
  /** `generation * 2`, plus 1 once the generation is retired. */
  generation: 3,
  /** `generation * 4 + RingSideState` of either side. */
  producer: 4,
  consumer: 5,
  /** Ids of the slot workers that have attached. */
  producerOwner: 6,
  consumerOwner: 7,
  /**
   * Where the producer goes on: everything before it is committed. Written by the producer only.
   */
  tail: 32,
  /**
   * Where the consumer goes on: everything before it may be overwritten. Written by the consumer
   * only.
   */
  head: 64,
  /** 1 while the producer waits for room. */
  roomWanted: 96,
} as const;

export const RING_HEADER_BYTES = 512;

/** Cursors count units of this many bytes, modulo 2^32; frames begin at multiples of it. */
export const RING_UNIT_BYTES = 8;

/** A frame begins with two plain words: payload length and kind, then the channel. */
export const RING_FRAME_HEADER_BYTES = 8;

/** The kind that says: the rest up to the end of the ring is empty. */
export const RING_SKIP_KIND = 255;

/** A frame's length has 24 bits. */
export const RING_PAYLOAD_BYTES_LIMIT = 0xff_ffff;

export const RING_CAPACITY_BYTES_MIN = 32;
export const RING_CAPACITY_BYTES_MAX = 0x4000_0000;

export const RING_GENERATION_MAX = 0x0fff_ffff;

/** What one side of a generation is doing. */
export const RingSideState = {
  /** Nobody has attached yet. */
  free: 0,
  attached: 1,
  /** Has ended in order and does not touch the ring any more. */
  closed: 2,
  /**
   * Its worker has ended without closing, or the generation was retired before anybody attached.
   */
  gone: 3,
} as const;

export type RingSide = 'producer' | 'consumer';

/** How a side sees the other: still there, ended in order, or dead. */
export type RingPeer = 'open' | 'closed' | 'lost';
