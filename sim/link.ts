/**
 * One direction between two simulated hosts: how long bytes take, and whether anything comes
 * through. A blocked link holds what is sent (the senders' systems send it again) and lets it go
 * when it heals.
 *
 * Invariants
 * L1. Nothing passes a blocked link; what it held passes once it is open, unless its connection was
 *     lost.
 * L2. A link within one host is never blocked.
 */
import { assert } from '../src/base/assert.ts';
import type { Prng } from '../src/base/prng.ts';
import type { Knobs } from './knobs.ts';
import type { Scheduler } from './scheduler.ts';

const LOOPBACK_MICROS = 15;

/** Something that a blocked link holds up. */
export interface HeldUp {
  /** The link is open again. */
  passOn(): void;
  /** The link was blocked for longer than connections bear. */
  giveUp(): void;
}

export class Link {
  readonly #scheduler: Scheduler;
  readonly #random: Prng;
  readonly #local: boolean;
  readonly #baseMicros: number;
  readonly #bytesPerMicro: number;
  readonly #patienceMicros: number;
  #blocks = 0;
  #epoch = 0;
  #held: Set<HeldUp> = new Set();

  constructor(scheduler: Scheduler, random: Prng, knobs: Knobs, local: boolean) {
    this.#scheduler = scheduler;
    this.#random = random;
    this.#local = local;
    this.#baseMicros = local
      ? LOOPBACK_MICROS
      : Math.ceil(knobs.latencyMicros * (0.5 + random.unit()));
    this.#bytesPerMicro = local ? 2000 : knobs.bytesPerMicro;
    this.#patienceMicros = knobs.lostAfterMicros;
  }

  get blocked(): boolean {
    return this.#blocks > 0;
  }

  /** Microseconds that `bytes` take to the other end. */
  delay(bytes: number): number {
    const base = this.#baseMicros;
    const jitter = this.#random.below(base);
    const spike = this.#random.below(2000) === 0 ? this.#random.below(base * 100) : 0;
    return base + jitter + spike + Math.ceil(bytes / this.#bytesPerMicro);
  }

  /** Lets nothing through any more; blocks add up. */
  block(): void {
    assert(!this.#local, 'L2: a host is not parted from itself');
    this.#blocks += 1;
    if (this.#blocks > 1) return;
    this.#epoch += 1;
    const epoch = this.#epoch;
    this.#scheduler.world(this.#patienceMicros, 'net', 0, 0, () => {
      if (!this.blocked || this.#epoch !== epoch) return;
      for (const held of [...this.#held]) held.giveUp();
    });
  }

  /** Takes one block away. */
  unblock(): void {
    assert(this.#blocks > 0, 'L1: the link is open');
    this.#blocks -= 1;
    if (this.#blocks > 0) return;
    const held = this.#held;
    this.#held = new Set();
    for (const each of held) each.passOn();
  }

  hold(held: HeldUp): void {
    assert(this.blocked, 'L1: only a blocked link holds up');
    this.#held.add(held);
  }

  drop(held: HeldUp): void {
    this.#held.delete(held);
  }
}
