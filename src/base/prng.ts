/**
 * A fast seeded generator (sfc32: 96 bits of state and a counter) for everything that must be
 * repeatable: simulation, generated test data, sampling. Not fit for secrets. A generator is forked
 * by purpose; a fork depends on the seed and the purpose alone, never on how much has been drawn,
 * so that a new draw in one stream does not move the others.
 *
 * Invariants
 * P1. The stream is a function of (seed, purposes from the root) only: the vectors in the test
 * never change.
 * P2. `below(limit)` is exactly uniform: the values of the incomplete last round are drawn again.
 */
import { assert } from './assert.ts';

/**
 * @example
 * const random = Prng.of(7).fork('network');
 * random.below(6); // the same on every machine
 */
export class Prng {
  readonly #low: number;
  readonly #high: number;
  #a: number;
  #b: number;
  #c: number;
  #counter: number;

  private constructor(low: number, high: number) {
    this.#low = low | 0;
    this.#high = high | 0;
    this.#a = 0;
    this.#b = low | 0;
    this.#c = high | 0;
    this.#counter = 1;
    for (let round = 0; round < 12; round++) this.uint32();
  }

  /** `seed` is any safe integer. */
  static of(seed: number): Prng {
    assert(Number.isSafeInteger(seed), `P1: the seed ${seed} is not a safe integer`);
    return new Prng(seed >>> 0, Math.floor(seed / 0x1_0000_0000));
  }

  /**
   * A generator of its own for `purpose`; asking twice for one purpose gives the same stream twice.
   */
  fork(purpose: string): Prng {
    let low = this.#low ^ 0x9e37_79b9;
    let high = this.#high ^ 0x85eb_ca6b;
    for (let index = 0; index < purpose.length; index++) {
      const unit = purpose.charCodeAt(index);
      low = Math.imul(low ^ unit, 0x0100_0193);
      high = Math.imul(rotate(high, 5) ^ unit, 0xcc9e_2d51);
      low = (low + high) | 0;
    }
    return new Prng(finish(low ^ purpose.length), finish(high ^ rotate(low, 16)));
  }

  /** Uniform in [0, 2^32). */
  uint32(): number {
    const a = this.#a;
    const b = this.#b;
    const c = this.#c;
    const out = (((a + b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = b ^ (b >>> 9);
    this.#b = (c + (c << 3)) | 0;
    this.#c = (rotate(c, 21) + out) | 0;
    return out >>> 0;
  }

  /** Uniform integer in [0, limit); `limit` is an integer in [1, 2^32]. */
  below(limit: number): number {
    assert(
      Number.isInteger(limit) && limit >= 1 && limit <= 0x1_0000_0000,
      `P2: the limit ${limit} is not an integer in [1, 2^32]`,
    );
    const unfair = 0x1_0000_0000 % limit;
    for (;;) {
      const draw = this.uint32();
      if (draw >= unfair) return draw % limit;
    }
  }

  /** Uniform integer in [least, most]. */
  between(least: number, most: number): number {
    return least + this.below(most - least + 1);
  }

  /** Uniform in [0, 1) with 53 bits. */
  unit(): number {
    return (this.uint32() * 0x20_0000 + (this.uint32() >>> 11)) / 0x20_0000_0000_0000;
  }

  /** True with the given probability. */
  chance(probability: number): boolean {
    return this.uint32() < probability * 0x1_0000_0000;
  }

  /** One of the items, which must not be none. */
  pick<T>(items: readonly T[]): T {
    assert(items.length > 0, 'P2: nothing to pick from');
    return items[this.below(items.length)] as T;
  }

  /** Puts the items of the array in a random order, in place, and returns it. */
  shuffle<T>(items: T[]): T[] {
    for (let index = items.length - 1; index > 0; index--) {
      const other = this.below(index + 1);
      const kept = items[index] as T;
      items[index] = items[other] as T;
      items[other] = kept;
    }
    return items;
  }

  /** Fills `into` with random bytes. */
  fillBytes(into: Uint8Array): void {
    for (let index = 0; index < into.length; index++) into[index] = this.uint32() >>> 24;
  }
}

function rotate(word: number, by: number): number {
  return (word << by) | (word >>> (32 - by));
}

function finish(word: number): number {
  let mixed = word ^ (word >>> 16);
  mixed = Math.imul(mixed, 0x85eb_ca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2_ae35);
  return mixed ^ (mixed >>> 16);
}
