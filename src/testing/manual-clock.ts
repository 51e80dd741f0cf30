/**
 * A clock that stands still until a test moves it. Wall clock and monotonic time go together.
 *
 * Invariants
 * M1. Timers fire in order of time, and of their making where that is the same, with the clock at
 *     the time of each.
 * M2. What was asked for soon runs only in `runSoon`, in order.
 */
import type { Duration, Timestamp } from '../base/units.ts';
import type { Clock } from '../env/env.ts';
import { Deque } from '../network/deque.ts';

interface Timer {
  readonly at: number;
  readonly callback: () => void;
}

export class ManualClock implements Clock {
  readonly #start: number;
  #now: number;
  /** M1, the earliest first. */
  readonly #timers: Timer[] = [];
  readonly #soon = new Deque<() => void>();

  constructor(start: Timestamp) {
    this.#start = start;
    this.#now = start;
  }

  now(): Timestamp {
    return this.#now as Timestamp;
  }

  monotonic(): Duration {
    return (this.#now - this.#start) as Duration;
  }

  cpuTime(): Duration {
    return this.monotonic();
  }

  after(delay: Duration, callback: () => void): Disposable {
    const timer = { at: this.#now + Math.max(0, Math.ceil(delay)), callback };
    const timers = this.#timers;
    let index = timers.length;
    while (index > 0 && timers[index - 1]!.at > timer.at) index -= 1;
    timers.splice(index, 0, timer);
    return {
      [Symbol.dispose]: () => {
        const position = timers.indexOf(timer);
        if (position >= 0) timers.splice(position, 1);
      },
    };
  }

  soon(callback: () => void): void {
    this.#soon.push(callback);
  }

  /** Runs what was asked for soon, and what that asks for. @returns whether there was anything. */
  runSoon(): boolean {
    let callback = this.#soon.shift();
    if (callback === undefined) return false;
    for (; callback !== undefined; callback = this.#soon.shift()) callback();
    return true;
  }

  /** Time passes and nothing happens, as while a process is down. */
  jumpTo(at: Timestamp): void {
    this.#now = Math.max(this.#now, at);
  }

  /**
   * Goes to the earliest timer at or before `until` and fires it; if there is none, goes to
   * `until`. @returns whether a timer has fired.
   */
  fireNext(until: Timestamp): boolean {
    const next = this.#timers[0];
    if (next === undefined || next.at > until) {
      this.#now = until;
      return false;
    }
    this.#timers.shift();
    this.#now = Math.max(this.#now, next.at);
    next.callback();
    return true;
  }
}
