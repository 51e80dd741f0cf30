/**
 * What a time-to-live means for a state in memory: the time that counts, and what is expired at it.
 *
 * Invariants
 * L1. The time of a TtlClock never goes back: while the clock is behind what it once showed, time
 *     stands still, so that what is written then does not expire early when the clock is set right.
 * L2. An entry is expired exactly if its time is at or before the cutoff, whatever the entry's time
 *     is to the clock's: one that lies in the future expires late, never early.
 */
import { assert } from '../../../base/assert.ts';
import type { StateTtl } from '../../../functions/state-ttl.ts';

/** As in Flink. */
const KEYS_AT_ONCE = 5;

/** One for a backend. */
export class TtlClock {
  readonly #read: (() => number) | undefined;
  /** L1 */
  #latest = -Infinity;

  constructor(read: (() => number) | undefined) {
    this.#read = read;
  }

  now(): number {
    assert(this.#read !== undefined, 'a state with a time-to-live in a backend without a clock');
    const read = this.#read();
    if (read > this.#latest) this.#latest = read;
    return this.#latest;
  }
}

export class Ttl {
  readonly clock: TtlClock;
  readonly duration: number;
  readonly updatedByRead: boolean;
  readonly showsExpired: boolean;
  /** Keys that are looked at per access or record; 0: none. */
  readonly keysAtOnce: number;
  readonly everyRecord: boolean;
  readonly cleansSnapshots: boolean;

  constructor(clock: TtlClock, declared: StateTtl) {
    const cleanup = declared.cleanup === false ? NO_CLEANUP : declared.cleanup;
    const incremental = cleanup?.incremental;
    this.clock = clock;
    this.duration = declared.duration;
    this.updatedByRead = declared.update === 'on-read-and-write';
    this.showsExpired = declared.visibility === 'return-expired-if-not-cleaned-up';
    this.keysAtOnce = incremental === false ? 0 : (incremental?.keys ?? KEYS_AT_ONCE);
    this.everyRecord = incremental !== false && incremental?.everyRecord === true;
    this.cleansSnapshots = cleanup?.inSnapshots !== false;
  }

  /** L2 */
  cutoffAt(now: number): number {
    return now - this.duration;
  }
}

const NO_CLEANUP = { incremental: false, inSnapshots: false } as const;
