/**
 * The clocks of a simulated thread. Reading a clock takes time, so that a loop that waits for a
 * clock ends; timers come late by up to a millisecond, as they do in Node.
 *
 * Invariants
 * C1. `monotonic` never goes back within a thread, and differs between hosts in origin and rate.
 * C2. A timer fires at most once, not before its delay has passed on its host's clock, and not at
 *     all after it was disposed or its thread has ended.
 */
import type { Prng } from '../src/base/prng.ts';
import type { Duration, Timestamp } from '../src/base/units.ts';
import type { Clock } from '../src/env/env.ts';
import type { SimEvent } from './event-queue.ts';
import type { SimHost } from './host.ts';
import type { Held, SimThread } from './thread.ts';

/** Wall-clock time at which a simulation begins: 2026-01-01T00:00:00Z. */
const EPOCH = 1_767_225_600_000;
/** Microseconds that one reading of a clock takes at most. */
const READING = 8;
const LATENESS = 1000;

export class SimClock implements Clock {
  readonly #thread: SimThread;
  readonly #host: SimHost;
  readonly #random: Prng;
  #timers = 0;

  constructor(thread: SimThread, host: SimHost, random: Prng) {
    this.#thread = thread;
    this.#host = host;
    this.#random = random;
  }

  now(): Timestamp {
    return wallClock(this.#host, this.#read());
  }

  monotonic(): Duration {
    return (this.#host.bootMillis + (this.#read() / 1000) * this.#host.rate) as Duration;
  }

  /** Follows `monotonic`, as the contract says. */
  cpuTime(): Duration {
    return this.monotonic();
  }

  after(delay: Duration, callback: () => void): Disposable {
    const thread = this.#thread;
    thread.enter();
    this.#timers += 1;
    const timer = this.#timers;
    // One more, because times are rounded.
    const micros = (Math.max(0, delay) * 1000) / this.#host.rate + 1 + this.#random.below(LATENESS);
    const fire = (): void => {
      thread.held.delete(held);
      callback();
    };
    const scheduler = thread.scheduler;
    const event: SimEvent = scheduler.post(thread, micros, 'timer', timer, 0, fire);
    const held: Held = {
      kind: 'timer',
      what: `of ${delay} ms`,
      release: () => scheduler.cancel(event),
    };
    thread.held.add(held);
    return {
      [Symbol.dispose]: () => {
        if (thread.held.delete(held)) scheduler.cancel(event);
      },
    };
  }

  soon(callback: () => void): void {
    this.#thread.enter();
    this.#thread.soon(callback);
  }

  #read(): number {
    this.#thread.enter();
    const scheduler = this.#thread.scheduler;
    scheduler.spend(1 + this.#random.below(READING));
    return scheduler.time;
  }
}

/** What the wall clock of a host shows at a point in virtual time. */
export function wallClock(host: SimHost, micros: number): Timestamp {
  return Math.floor(EPOCH + host.wallOffset + micros / 1000) as Timestamp;
}
