/**
 * Finds the position of a lookup in arrays that somebody else holds: a hash table of hashes and
 * positions. A JavaScript Map would not do. It ends at 16.7 million entries, and every string that
 * it is asked for is first entered into a table of all strings: with keys that come fresh out of
 * records that takes three to four times as long as this.
 *
 * Invariants
 * X1. `words` holds hash and position + 1 of an entry at 2s and 2s + 1; 0 instead of the latter
 *     where there has been none since the last rebuild, and REMOVED where there was one.
 * X2. No slot between the home slot of a hash and the slot of its entry is empty; at least a
 *     quarter of all are.
 * X3. The holder has the lookup of every entry at its position.
 */
import { assert } from '../../base/assert.ts';
import {
  capacityFor,
  hashInt32,
  isFull,
  isSparse,
  MINIMUM_CAPACITY,
  shiftOf,
} from './hash-slots.ts';

/** What keys are compared by: a primitive, in map state also a missing one. */
export type Lookup = string | number | bigint | boolean | undefined | null;

export interface LookupHolder {
  lookupAt(position: number): Lookup;
}

const REMOVED = -1;

export class LookupIndex {
  size = 0;
  #words = new Int32Array(MINIMUM_CAPACITY * 2);
  #capacity: number = MINIMUM_CAPACITY;
  #shift: number = shiftOf(MINIMUM_CAPACITY);
  #used = 0;
  /** What was not found last is most often added next. */
  #missed: Lookup = undefined;
  #hashOfMissed: number = hashLookup(undefined);

  /** The position of the lookup, or -1. */
  find(lookup: Lookup, holder: LookupHolder): number {
    const words = this.#words;
    const last = this.#capacity - 1;
    const hash = hashLookup(lookup);
    let slot = hash >>> this.#shift;
    for (;;) {
      const entry = words[slot * 2 + 1]!;
      if (entry === 0) {
        this.#missed = lookup;
        this.#hashOfMissed = hash;
        return -1;
      }
      if (entry > 0 && words[slot * 2] === hash) {
        const candidate = holder.lookupAt(entry - 1);
        if (candidate === lookup || (lookup !== lookup && candidate !== candidate))
          return entry - 1;
      }
      slot = (slot + 1) & last;
    }
  }

  /** For a lookup that is not there. */
  add(lookup: Lookup, position: number): void {
    const hash = lookup === this.#missed ? this.#hashOfMissed : hashLookup(lookup);
    let slot = this.#place(hash);
    if (this.#words[slot * 2 + 1] === 0) {
      if (isFull(this.#used, this.#capacity)) {
        this.#rebuild(capacityFor(this.size + 1));
        slot = this.#place(hash);
      }
      this.#used += 1;
    }
    this.#words[slot * 2] = hash;
    this.#words[slot * 2 + 1] = position + 1;
    this.size += 1;
  }

  /** Adds a lookup to an index from which none was removed; false if it is there. */
  addNew(lookup: Lookup, position: number, holder: LookupHolder): boolean {
    if (isFull(this.#used, this.#capacity)) this.#rebuild(capacityFor(this.size + 1));
    const words = this.#words;
    const last = this.#capacity - 1;
    const hash = hashLookup(lookup);
    let slot = hash >>> this.#shift;
    for (; words[slot * 2 + 1] !== 0; slot = (slot + 1) & last) {
      if (words[slot * 2] !== hash) continue;
      const candidate = holder.lookupAt(words[slot * 2 + 1]! - 1);
      if (candidate === lookup || (lookup !== lookup && candidate !== candidate)) return false;
    }
    words[slot * 2] = hash;
    words[slot * 2 + 1] = position + 1;
    this.#used += 1;
    this.size += 1;
    return true;
  }

  /** For a lookup that is there, at that position. */
  remove(lookup: Lookup, position: number): void {
    const words = this.#words;
    const last = this.#capacity - 1;
    let slot = hashLookup(lookup) >>> this.#shift;
    while (words[slot * 2 + 1] !== position + 1) {
      assert(words[slot * 2 + 1] !== 0, 'X3: a lookup that is not where it should be');
      slot = (slot + 1) & last;
    }
    words[slot * 2 + 1] = REMOVED;
    this.size -= 1;
    if (isSparse(this.size, this.#capacity)) this.#rebuild(capacityFor(this.size));
  }

  /** Makes room for that many entries at once. */
  reserve(entries: number): void {
    if (capacityFor(entries) > this.#capacity) this.#rebuild(capacityFor(entries));
  }

  get bytes(): number {
    return this.#words.byteLength;
  }

  #place(hash: number): number {
    const words = this.#words;
    const last = this.#capacity - 1;
    let slot = hash >>> this.#shift;
    while (words[slot * 2 + 1]! > 0) slot = (slot + 1) & last;
    return slot;
  }

  #rebuild(capacity: number): void {
    const words = this.#words;
    this.#capacity = capacity;
    this.#shift = shiftOf(capacity);
    this.#words = new Int32Array(capacity * 2);
    this.#used = this.size;
    for (let from = 0; from < words.length; from += 2) {
      if (words[from + 1]! <= 0) continue;
      const to = this.#place(words[from]!);
      this.#words[to * 2] = words[from]!;
      this.#words[to * 2 + 1] = words[from + 1]!;
    }
  }
}

/** Use the high bits. Equal lookups have equal hashes; nothing of them is kept. */
export function hashLookup(lookup: Lookup): number {
  if (typeof lookup === 'string') return hashText(lookup);
  if (typeof lookup === 'number') return hashNumber(lookup);
  if (typeof lookup === 'bigint') {
    return hashInt32(
      Number(BigInt.asIntN(32, lookup)) ^ hashInt32(Number(BigInt.asIntN(32, lookup >> 32n))),
    );
  }
  return hashInt32(lookup === true ? 1 : 0);
}

function hashText(text: string): number {
  const length = text.length;
  let hash = length;
  let i = 0;
  for (; i + 2 <= length; i += 2) {
    hash = Math.imul(hash ^ text.charCodeAt(i) ^ (text.charCodeAt(i + 1) << 16), 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  if (i < length) hash = Math.imul(hash ^ text.charCodeAt(i), 0x9e3779b1);
  return hashInt32(hash);
}

function hashNumber(value: number): number {
  if ((value | 0) === value) return hashInt32(value);
  const whole = Math.floor(value);
  const high = Math.floor(whole / 2 ** 32) | 0;
  return hashInt32((whole | 0) ^ Math.imul(high, 0x85ebca6b) ^ (((value - whole) * 2 ** 32) | 0));
}
