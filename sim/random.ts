/**
 * Random draws of a simulated thread, and `buggify`: each site in the engine is active in a quarter
 * of all seeds and, where it is active, true in a quarter of its calls.
 */
import { assert } from '../src/base/assert.ts';
import type { Prng } from '../src/base/prng.ts';
import type { Random } from '../src/env/env.ts';
import type { SimThread } from './thread.ts';

const ACTIVE = 0.25;
const FIRED = 0.25;

/** The sites of one simulation: which are active, and how often each was true. */
export class Buggify {
  readonly #random: Prng;
  readonly #enabled: boolean;
  readonly #sites: Map<string, { readonly active: boolean; readonly draws: Prng; fired: number }> =
    new Map();

  constructor(random: Prng, enabled: boolean) {
    this.#random = random;
    this.#enabled = enabled;
  }

  fires(site: string): boolean {
    if (!this.#enabled) return false;
    let known = this.#sites.get(site);
    if (known === undefined) {
      const draws = this.#random.fork(site);
      known = { active: draws.chance(ACTIVE), draws, fired: 0 };
      this.#sites.set(site, known);
    }
    if (!known.active || !known.draws.chance(FIRED)) return false;
    known.fired += 1;
    return true;
  }

  /** How often each site was true, of those that were asked for. */
  get fired(): ReadonlyMap<string, number> {
    return new Map([...this.#sites].map(([site, { fired }]) => [site, fired]));
  }
}

export class SimRandom implements Random {
  readonly #thread: SimThread;
  readonly #random: Prng;
  readonly #buggify: Buggify;

  constructor(thread: SimThread, random: Prng, buggify: Buggify) {
    this.#thread = thread;
    this.#random = random;
    this.#buggify = buggify;
  }

  uint32(): number {
    this.#thread.enter();
    return this.#random.uint32();
  }

  below(limit: number): number {
    this.#thread.enter();
    return this.#random.below(limit);
  }

  bytes(count: number): Uint8Array {
    this.#thread.enter();
    const bytes = new Uint8Array(count);
    this.#random.fillBytes(bytes);
    return bytes;
  }

  uuid(): string {
    const bytes = this.bytes(16);
    bytes[6] = (bytes[6]! & 0x0f) | 0x40;
    bytes[8] = (bytes[8]! & 0x3f) | 0x80;
    const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
    const parts = [0, 8, 12, 16, 20, 32].map((at, index, all) => hex.slice(at, all[index + 1]));
    return parts.slice(0, 5).join('-');
  }

  buggify(site: string): boolean {
    this.#thread.enter();
    assert(site.length > 0, 'a site has a name');
    return this.#buggify.fires(site);
  }
}
