/**
 * The real clock. Node's timers fire up to a millisecond early and turn delays of more than 24.8
 * days into one millisecond; both are put right here.
 */
import { assert } from '../../base/assert.ts';
import type { Duration, Timestamp } from '../../base/units.ts';
import type { Clock } from '../env.ts';

/** Node's limit for one timer. */
const LONGEST_TIMER_MILLISECONDS = 2 ** 31 - 1;

export function nodeClock(): Clock {
  return new NodeClock();
}

class NodeClock implements Clock {
  now(): Timestamp {
    return Date.now() as Timestamp;
  }

  // `performance.now()` starts anew in every thread; the system's own clock is the same for all,
  // which leases in shared memory need.
  monotonic(): Duration {
    const [wholeSeconds, nanoseconds] = process.hrtime();
    return (wholeSeconds * 1000 + nanoseconds / 1e6) as Duration;
  }

  cpuTime(): Duration {
    const { user, system } = process.cpuUsage();
    return ((user + system) / 1000) as Duration;
  }

  after(delay: Duration, callback: () => void): Disposable {
    assert(Number.isFinite(delay), `Clock.after: the delay is ${String(delay)}`);
    return new NodeTimer(this, this.monotonic() + delay, callback);
  }

  soon(callback: () => void): void {
    setImmediate(callback);
  }
}

class NodeTimer implements Disposable {
  readonly #clock: Clock;
  readonly #due: number;
  #callback: (() => void) | undefined;
  #timeout: NodeJS.Timeout | undefined;

  constructor(clock: Clock, due: number, callback: () => void) {
    this.#clock = clock;
    this.#due = due;
    this.#callback = callback;
    this.#arm(due - clock.monotonic());
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timeout);
    this.#callback = undefined;
  }

  #arm(rest: number): void {
    const wait = Math.min(Math.max(Math.ceil(rest), 1), LONGEST_TIMER_MILLISECONDS);
    this.#timeout = setTimeout(() => this.#fire(), wait);
  }

  #fire(): void {
    const rest = this.#due - this.#clock.monotonic();
    if (rest > 0) {
      this.#arm(rest);
      return;
    }
    const callback = this.#callback;
    this.#callback = undefined;
    callback?.();
  }
}
