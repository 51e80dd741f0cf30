/**
 * Work of a slot that must not keep its records waiting: snapshots are written piece by piece
 * between the slices of the loop.
 *
 * Invariants
 * W1. A turn lasts about SLICE_MILLIS at most; while tasks have work it takes a part of the time
 *     that they took.
 * W2. Jobs take turns.
 */
import type { Clock } from '../../../env/env.ts';

/** Of one turn: what a record may have to wait longer than without snapshots. */
const SLICE_MILLIS = 5;
/** Turns while tasks have work: this much for each millisecond of theirs, once it is worth it. */
const SHARE = 0.5;
const SLICE_MILLIS_BUSY_MIN = 1;

export interface BackgroundJob {
  /** Works for about `millis`. `waiting`: it will be told of again by `wake`. */
  slice(millis: number): 'more' | 'waiting' | 'done';
}

export class BackgroundWork {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #wake: () => void;
  readonly #ready: BackgroundJob[] = [];
  /** They wait for something that nobody tells them of. */
  readonly #watching = new Set<() => void>();
  #saved = 0;

  constructor(clock: Pick<Clock, 'monotonic'>, wake: () => void) {
    this.#clock = clock;
    this.#wake = wake;
  }

  get hasWork(): boolean {
    return this.#ready.length > 0;
  }

  /** It has something to do, for the first time or again. */
  wake(job: BackgroundJob): void {
    if (!this.#ready.includes(job)) this.#ready.push(job);
    this.#wake();
  }

  remove(job: BackgroundJob): void {
    const index = this.#ready.indexOf(job);
    if (index !== -1) this.#ready.splice(index, 1);
  }

  /** Calls `look` after every slice of the loop, until it is disposed of. */
  watch(look: () => void): Disposable {
    this.#watching.add(look);
    return { [Symbol.dispose]: () => void this.#watching.delete(look) };
  }

  /** After a slice of the tasks, which took so long; `busy`: they have more to do. */
  turn(tookMillis: number, busy: boolean): void {
    if (this.#watching.size > 0) for (const look of [...this.#watching]) look();
    if (this.#ready.length === 0) return;
    this.#saved = Math.min(this.#saved + tookMillis * SHARE, SLICE_MILLIS);
    if (busy && this.#saved < SLICE_MILLIS_BUSY_MIN) return;
    const budget = busy ? this.#saved : SLICE_MILLIS;
    const began = this.#clock.monotonic();
    const job = this.#ready.shift()!;
    if (job.slice(budget) === 'more') this.#ready.push(job);
    this.#saved = Math.max(0, this.#saved - (this.#clock.monotonic() - began));
  }
}
