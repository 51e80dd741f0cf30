/**
 * Clients of attached jobs who want their job cancelled when they are gone: each says from time to
 * time until when it is to be waited for.
 *
 * F3. A job is given up once, when its client has been silent for too long, and forgotten then.
 * F4. A word of the client takes the place of the one before it, sooner or later.
 */
import { minutes, seconds } from '../base/units.ts';
import type { Duration } from '../base/units.ts';
import type { MainThread } from '../rpc/main-thread.ts';

/** A client whose clock is wrong must not keep a job for ever, nor end it at once. */
const WAIT_MIN = seconds(1);
const WAIT_MAX = minutes(60);

export class ClientHeartbeats {
  readonly #main: MainThread;
  readonly #onLost: (jobId: string) => void;
  readonly #timers = new Map<string, Disposable>();

  constructor(main: MainThread, onLost: (jobId: string) => void) {
    this.#main = main;
    this.#onLost = onLost;
  }

  /** F4: waits so long for the next word. */
  expect(jobId: string, wait: number): void {
    this.forget(jobId);
    const within = Math.min(Math.max(wait, WAIT_MIN), WAIT_MAX) as Duration;
    const timer = this.#main.after(within, () => {
      this.#timers.delete(jobId);
      this.#onLost(jobId);
    });
    this.#timers.set(jobId, timer);
  }

  /** The job has ended. */
  forget(jobId: string): void {
    this.#timers.get(jobId)?.[Symbol.dispose]();
    this.#timers.delete(jobId);
  }
}
