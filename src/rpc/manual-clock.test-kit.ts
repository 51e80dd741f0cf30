/**
 * A clock that stands still until a test moves it. Test code: time passes only in `pass`, which
 * runs everything that is due in order, and lets promises settle in between.
 */
import { milliseconds } from '../base/units.ts';
import type { Duration, Timestamp } from '../base/units.ts';
import type { Clock } from '../env/env.ts';

interface Timer {
  readonly due: number;
  readonly callback: () => void;
}

export class ManualClock implements Clock {
  #now = 0;
  #soon: (() => void)[] = [];
  readonly #timers = new Set<Timer>();

  now(): Timestamp {
    return this.#now as Timestamp;
  }

  monotonic(): Duration {
    return milliseconds(this.#now);
  }

  cpuTime(): Duration {
    return milliseconds(this.#now);
  }

  after(delay: Duration, callback: () => void): Disposable {
    const timer = { due: this.#now + delay, callback };
    this.#timers.add(timer);
    return { [Symbol.dispose]: () => void this.#timers.delete(timer) };
  }

  soon(callback: () => void): void {
    this.#soon.push(callback);
  }

  /** Timers that are armed. */
  get armed(): number {
    return this.#timers.size;
  }

  /** Time passes and nothing runs, as when the process is stopped. */
  stopFor(span: number): void {
    this.#now += span;
  }

  /** Everything that happens now, and within `span` from now. */
  async pass(span: number = 0): Promise<void> {
    const end = this.#now + span;
    for (;;) {
      await this.#settle();
      let next: Timer | undefined;
      for (const timer of this.#timers)
        if (next === undefined || timer.due < next.due) next = timer;
      if (next === undefined || next.due > end) break;
      this.#timers.delete(next);
      this.#now = Math.max(this.#now, next.due);
      next.callback();
    }
    this.#now = end;
  }

  /** Promises first, then what was asked for soon, until there is neither. */
  async #settle(): Promise<void> {
    for (;;) {
      for (let turn = 0; turn < 30; turn++) await Promise.resolve();
      const batch = this.#soon;
      if (batch.length === 0) return;
      this.#soon = [];
      for (const callback of batch) {
        callback();
        await Promise.resolve();
      }
    }
  }
}
