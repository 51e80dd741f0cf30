/**
 * How fast a count grows: the mean over a window that ends now, from samples taken at ticks.
 *
 * R1. The rate is that between the oldest sample still needed to cover the window and the newest;
 *     0 before there are two.
 * R2. Memory is bounded by the window over the spacing of samples.
 */
import type { Duration } from '../base/units.ts';

/** More samples in a window tell nothing more. */
const SPACING_PARTS = 12;

export class Rate {
  readonly #window: number;
  readonly #times: number[] = [];
  readonly #counts: number[] = [];

  constructor(window: Duration) {
    this.#window = window;
  }

  sample(now: Duration, count: number): void {
    const times = this.#times;
    const last = times.length - 1;
    const spacing = this.#window / SPACING_PARTS;
    // R2: the newest sample moves on until it is far enough from the one before.
    if (last >= 1 && times[last]! - times[last - 1]! < spacing) {
      times[last] = now;
      this.#counts[last] = count;
    } else {
      times.push(now);
      this.#counts.push(count);
    }
    while (times.length > 2 && now - times[1]! >= this.#window) {
      times.shift();
      this.#counts.shift();
    }
  }

  /** R1. Per second. */
  get perSecond(): number {
    const last = this.#times.length - 1;
    if (last < 1) return 0;
    const span = this.#times[last]! - this.#times[0]!;
    return span <= 0 ? 0 : ((this.#counts[last]! - this.#counts[0]!) * 1000) / span;
  }
}
