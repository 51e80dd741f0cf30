/**
 * A rate limit by the environment's clock: so many records per second on average, in bursts of no
 * more than a second's worth after a pause.
 *
 * T1. Between two calls of `budget`, at most what the first one allowed is spent.
 */
import { assert } from '../../base/assert.ts';
import { milliseconds, type Duration } from '../../base/units.ts';
import type { Clock } from '../../env/env.ts';

/** Wakes are no closer than this, so that high rates come in small bursts and not one by one. */
const WAKE_MILLIS = 10;
const BURST_MILLIS = 1000;

export class Throttle {
  readonly #clock: Clock;
  readonly #perMillisecond: number;
  readonly #available: () => void;
  /** At this time nothing had been spent of what the rate allows since. */
  #since: Duration | undefined;
  #spent = 0;
  #allowed = 0;
  #wake: Disposable | undefined;

  constructor(clock: Clock, ratePerSecond: number, available: () => void) {
    this.#clock = clock;
    this.#perMillisecond = ratePerSecond / 1000;
    this.#available = available;
  }

  /** How many may be spent now. If none, `available` is called when there are some again. */
  budget(): number {
    const now = this.#clock.monotonic();
    this.#since ??= now;
    if (
      (now - this.#since) * this.#perMillisecond - this.#spent >
      BURST_MILLIS * this.#perMillisecond
    ) {
      this.#since = milliseconds(now - BURST_MILLIS);
      this.#spent = 0;
    }
    // The first record comes at once.
    this.#allowed = Math.floor((now - this.#since) * this.#perMillisecond) + 1 - this.#spent;
    if (this.#allowed <= 0) {
      const due = this.#spent / this.#perMillisecond - (now - this.#since);
      this.#wakeAfter(Math.max(due, WAKE_MILLIS));
      return 0;
    }
    return this.#allowed;
  }

  spend(count: number): void {
    assert(count <= this.#allowed, 'T1: more was spent than allowed');
    this.#allowed -= count;
    this.#spent += count;
  }

  close(): void {
    this.#wake?.[Symbol.dispose]();
    this.#wake = undefined;
  }

  #wakeAfter(millis: number): void {
    if (this.#wake !== undefined) return;
    this.#wake = this.#clock.after(milliseconds(millis), () => {
      this.#wake = undefined;
      this.#available();
    });
  }
}
