/**
 * Spreads numbers over the slots of a table. This hash has nothing to do with the one that chooses
 * the key group, because all keys of a table agree in that.
 */

/** Of an int32; use the high bits. */
export function hashInt32(value: number): number {
  const mixed = Math.imul(value ^ (value >>> 16), 0x9e3779b1);
  return Math.imul(mixed ^ (mixed >>> 15), 0x85ebca77);
}

/** Capacities are powers of two, this one the least. */
export const MINIMUM_CAPACITY = 8;

/** The least capacity that so many entries fill to less than 0.6. */
export function capacityFor(entries: number): number {
  let capacity = MINIMUM_CAPACITY;
  while (entries > capacity * 0.6) capacity *= 2;
  return capacity;
}

/** Whether a table with so many slots in use must be rebuilt before another is used. */
export function isFull(used: number, capacity: number): boolean {
  return (used + 1) * 4 > capacity * 3;
}

/** Whether a table has become so empty that it should give memory back. */
export function isSparse(entries: number, capacity: number): boolean {
  return capacity > MINIMUM_CAPACITY && entries * 8 < capacity;
}

/** By how much a hash is shifted to get a slot. */
export function shiftOf(capacity: number): number {
  return 32 - Math.log2(capacity);
}

/** Of arrays that are copied to grow: by half, and where they are long by a quarter. */
export function grownCapacity(capacity: number): number {
  return capacity + (capacity >> (capacity < 64 * 1024 ? 1 : 2));
}
