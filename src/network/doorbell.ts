/**
 * One word of shared memory per slot worker, on which the worker sleeps and which everybody rings
 * who has put something into one of its rings. Ringing costs one load as long as the worker is
 * awake.
 *
 * The word is 1 while the worker sleeps or is about to, else 0. Proven, with the rings, by
 * `ring-interleaving.test.ts`.
 *
 * Invariants
 * D1. The sleeper stores 1 and looks for work after that; a ringer makes work visible first and
 *     looks at the word after that. So one of them sees the other.
 * D2. At most one wait is armed, whatever else has woken the worker since it was armed.
 * D3. Of the ringers that find 1 exactly one notifies: the one that changed it to 0.
 * D4. `wake` is called at most once per `sleep`, and never after `awake`.
 * D5. A ringer that is killed between changing the word and notifying leaves a sleeper that nobody
 *     else rings: whoever finds a worker dead alarms the doorbells of all its peers.
 */
import { assert } from '../base/assert.ts';
import type { SharedRegion } from '../env/env.ts';

/**
 * Doorbells of several slots in one region lie this far apart, so that they share no cache line.
 */
export const DOORBELL_BYTES = 128;

/** The word of the doorbell with this number in a region of doorbells. */
export function doorbellWord(index: number): number {
  return (index * DOORBELL_BYTES) / 4;
}

/**
 * Wakes the worker if it sleeps. Call once a flush, after everything it is to find is visible.
 * @returns whether this call woke it.
 */
export function ringDoorbell(region: SharedRegion, word: number): boolean {
  if (region.load(word) === 0 || region.exchange(word, 0) === 0) return false;
  region.notify(word);
  return true;
}

/**
 * Wakes the worker whatever the word says (D5). For owners only, when a peer of the worker has
 * died.
 */
export function alarmDoorbell(region: SharedRegion, word: number): void {
  region.store(word, 0);
  region.notify(word);
}

/**
 * The sleeper's side; one per slot worker.
 * @example
 * if (!doorbell.sleep(() => links.some((link) => link.isReady), () => runSteps())) runSteps();
 */
export class Doorbell {
  readonly region: SharedRegion;
  readonly word: number;
  #isArmed = false;
  #wake: (() => void) | undefined;

  constructor(region: SharedRegion, word: number) {
    this.region = region;
    this.word = word;
  }

  get isAsleep(): boolean {
    return this.#wake !== undefined;
  }

  /**
   * Sleeps unless `hasWork` finds something. While asleep, `wake` is called in a later turn when
   * somebody rings; it may also be called for nothing.
   * @returns whether it sleeps; if not, `wake` is not called.
   */
  sleep(hasWork: () => boolean, wake: () => void): boolean {
    assert(this.#wake === undefined, 'D4: already asleep');
    this.region.store(this.word, 1);
    if (hasWork()) {
      this.region.store(this.word, 0);
      return false;
    }
    this.#wake = wake;
    if (!this.#isArmed) {
      this.#isArmed = true;
      this.region.wait(this.word, 1, () => this.#onNotified());
    }
    return true;
  }

  /** Ends the sleep for another reason: a timer, a message, a socket. `wake` is not called. */
  awake(): void {
    if (this.#wake === undefined) return;
    this.#wake = undefined;
    this.region.store(this.word, 0);
  }

  #onNotified(): void {
    this.#isArmed = false;
    const wake = this.#wake;
    if (wake === undefined) return;
    this.#wake = undefined;
    this.region.store(this.word, 0);
    wake();
  }
}
