/**
 * What the owner of a ring's memory does (a TaskManager's main thread): prepares it, retires a
 * generation when a worker has ended, and prepares the next one once nobody uses the old one.
 * The invariants are those of `ring.ts`.
 */
import { assert } from '../base/assert.ts';
import type { SharedRegion } from '../env/env.ts';
import {
  RING_CAPACITY_BYTES_MAX,
  RING_CAPACITY_BYTES_MIN,
  RING_GENERATION_MAX,
  RING_HEADER_BYTES,
  RING_MAGIC,
  RingSideState,
  RingWord,
} from './ring-layout.ts';
import type { RingSide } from './ring-layout.ts';

export interface RingSize {
  /** Bytes for frames with their headers; a power of two. */
  readonly capacityBytes: number;
  /** How much of it data frames must leave free; a multiple of 8, less than the capacity. */
  readonly controlBytes: number;
}

/** How large the region of such a ring is. */
export function ringRegionBytes(size: RingSize): number {
  return RING_HEADER_BYTES + size.capacityBytes;
}

/**
 * Prepares fresh memory for its first generation. Call before the region is handed to anybody.
 * @example
 * const size = { capacityBytes: 1 << 20, controlBytes: 1 << 16 };
 * const region = env.memory.allocate(ringRegionBytes(size));
 * formatRing(region, size, 1);
 */
export function formatRing(region: SharedRegion, size: RingSize, generation: number): void {
  const { capacityBytes, controlBytes } = size;
  assert(
    Number.isInteger(Math.log2(capacityBytes)) &&
      capacityBytes >= RING_CAPACITY_BYTES_MIN &&
      capacityBytes <= RING_CAPACITY_BYTES_MAX,
    `R1: a ring of ${capacityBytes} bytes`,
  );
  assert(
    controlBytes >= 0 && controlBytes < capacityBytes && controlBytes % 8 === 0,
    `R1: ${controlBytes} bytes for control in a ring of ${capacityBytes}`,
  );
  assert(region.byteLength === ringRegionBytes(size), 'R1: the region has another size');
  assert(region.load(RingWord.magic) === 0, 'R9: this memory holds a ring already');
  region.store(RingWord.capacity, capacityBytes);
  region.store(RingWord.control, controlBytes);
  begin(region, generation);
  region.store(RingWord.magic, RING_MAGIC);
}

/**
 * Ends a generation because a worker has ended. Call only after that worker's exit: no thread of it
 * runs any more. Nobody can attach from here on; the other side reads what was committed, then sees
 * the end. Ring its doorbell with `alarmDoorbell` afterwards. Calling again, for the same or the
 * other side, is fine; a generation that has been followed by another is left alone.
 */
export function retireRing(region: SharedRegion, generation: number, ended: RingSide): void {
  const live = generation * 2;
  const before = region.compareExchange(RingWord.generation, live, live + 1);
  if (before >> 1 !== generation) return;
  replaceState(region, 'producer', generation, RingSideState.free);
  replaceState(region, 'consumer', generation, RingSideState.free);
  replaceState(region, ended, generation, RingSideState.attached);
}

/**
 * Prepares a retired ring for the next generation.
 * @returns false while a living worker is still attached to the old one; it must close its side
 * first.
 */
export function renewRing(region: SharedRegion, generation: number): boolean {
  assert(region.load(RingWord.magic) === RING_MAGIC, 'R9: this memory holds no ring');
  const before = region.load(RingWord.generation);
  assert((before & 1) === 1, `R9: generation ${before >> 1} is not retired`);
  assert(generation > before >> 1, `R9: generation ${generation} after ${before >> 1}`);
  if ((region.load(RingWord.producer) & 3) === RingSideState.attached) return false;
  if ((region.load(RingWord.consumer) & 3) === RingSideState.attached) return false;
  begin(region, generation);
  return true;
}

function begin(region: SharedRegion, generation: number): void {
  assert(
    Number.isInteger(generation) && generation > 0 && generation <= RING_GENERATION_MAX,
    `R9: generation ${generation}`,
  );
  region.store(RingWord.tail, 0);
  region.store(RingWord.head, 0);
  region.store(RingWord.roomWanted, 0);
  region.store(RingWord.producerOwner, 0);
  region.store(RingWord.consumerOwner, 0);
  region.store(RingWord.generation, generation * 2);
  region.store(RingWord.producer, generation * 4 + RingSideState.free);
  region.store(RingWord.consumer, generation * 4 + RingSideState.free);
}

function replaceState(
  region: SharedRegion,
  side: RingSide,
  generation: number,
  state: number,
): void {
  const word = side === 'producer' ? RingWord.producer : RingWord.consumer;
  region.compareExchange(word, generation * 4 + state, generation * 4 + RingSideState.gone);
}
