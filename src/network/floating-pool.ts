/**
 * The part of a slot's channel memory that belongs to no input channel: it goes to those whose
 * producers have more than their windows let through, and from one that has much of it to one that
 * has little when both want it. Flink's floating buffers, in bytes.
 *
 * Invariants
 * FP1. What is free and what all channels have is the capacity, always.
 * FP2. Nothing is free while a channel waits for some.
 * FP3. A channel is asked for no more than half of what it has beyond the one that waits, so that
 *     nobody gives and asks for the same in turn.
 */
import { assert } from '../base/assert.ts';
import { FRAME_PAYLOAD_BYTES_MAX } from './channel-frames.ts';

/** Who has less than this more than another is not asked for any. */
const WORTHWHILE_BYTES: number = 2 * FRAME_PAYLOAD_BYTES_MAX;

/** An input channel, as the pool sees it. */
export interface FloatingUser {
  /** Its part of the pool. */
  readonly floatingBytes: number;
  /** What it has been asked for, and has not given back yet. */
  readonly askedBytes: number;
  /** It has that much more. */
  granted(bytes: number): void;
  /** It is to give that much back, as soon as its producer can do without. */
  askBack(bytes: number): void;
}

export class FloatingPool {
  #capacityBytes = 0;
  #freeBytes = 0;
  readonly #holders = new Set<FloatingUser>();
  /** And how much they want; the first came first. */
  readonly #waiting = new Map<FloatingUser, number>();

  get capacityBytes(): number {
    return this.#capacityBytes;
  }

  get freeBytes(): number {
    return this.#freeBytes;
  }

  /** Once, before anybody asks. */
  open(capacityBytes: number): void {
    assert(this.#capacityBytes === 0, 'FP1: a pool has one capacity');
    this.#capacityBytes = capacityBytes;
    this.#freeBytes = capacityBytes;
  }

  /**
   * Grants what there is at once, and the rest when others have given back. Who waits and asks
   * again wants no more than before, but others may have more to give by now.
   */
  request(user: FloatingUser, bytes: number): void {
    if (!this.#waiting.has(user)) this.#waiting.set(user, bytes);
    this.#serve();
    if (this.#waiting.has(user)) this.#askRichest(user);
  }

  /** A part of what `user` has is free again. */
  release(user: FloatingUser, bytes: number): void {
    this.#freeBytes += bytes;
    if (user.floatingBytes === 0) this.#holders.delete(user);
    assert(this.#freeBytes <= this.#capacityBytes, 'FP1: more is given back than was taken');
    this.#serve();
  }

  /** All that `user` had, `bytes`, is free again, and it wants nothing any more. */
  leave(user: FloatingUser, bytes: number): void {
    this.#waiting.delete(user);
    this.#holders.delete(user);
    this.release(user, bytes);
  }

  /** FP2. */
  #serve(): void {
    for (const [user, wanted] of this.#waiting) {
      if (this.#freeBytes === 0) return;
      const bytes = Math.min(wanted, this.#freeBytes);
      this.#freeBytes -= bytes;
      if (bytes === wanted) this.#waiting.delete(user);
      else this.#waiting.set(user, wanted - bytes);
      this.#holders.add(user);
      user.granted(bytes);
    }
  }

  /** FP3. */
  #askRichest(user: FloatingUser): void {
    let richest: FloatingUser | undefined;
    let missing = this.#waiting.get(user)!;
    for (const holder of this.#holders) {
      if (holder === user) continue;
      missing -= holder.askedBytes;
      if (richest === undefined || keeps(holder) > keeps(richest)) richest = holder;
    }
    if (richest === undefined || missing <= 0) return;
    const more = keeps(richest) - user.floatingBytes;
    if (more < WORTHWHILE_BYTES) return;
    // It would have back at once what it gives, where it had wanted more before.
    this.#waiting.delete(richest);
    richest.askBack(Math.min(Math.floor(more / 2), missing));
  }
}

function keeps({ floatingBytes, askedBytes }: FloatingUser): number {
  return floatingBytes - askedBytes;
}
