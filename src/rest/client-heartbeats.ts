/**
 * Clients of attached jobs that have promised to cancel them by their own death: each says from
 * time to time until when it is to be waited for.
 *
 * K1. A job is cancelled once when its client has been silent for too long, and then forgotten.
 */
import { messageOf } from '../base/errors.ts';
import { minutes } from '../base/units.ts';
import type { Duration } from '../base/units.ts';
import type { Clock, Log } from '../env/env.ts';

/** A client whose clock is wrong must not keep a job for ever, nor end it at once. */
const SHORTEST = 1000;
const LONGEST = minutes(60);

export class ClientHeartbeats {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #cancel: (jobId: string) => Promise<void>;
  readonly #timers = new Map<string, Disposable>();

  constructor(clock: Clock, log: Log, cancel: (jobId: string) => Promise<void>) {
    this.#clock = clock;
    this.#log = log;
    this.#cancel = cancel;
  }

  /** `until` is of the wall clock. */
  beat(jobId: string, until: number): void {
    this.#timers.get(jobId)?.[Symbol.dispose]();
    const wait = Math.min(Math.max(until - this.#clock.now(), SHORTEST), LONGEST) as Duration;
    const timer = this.#clock.after(wait, () => this.#lost(jobId));
    this.#timers.set(jobId, timer);
  }

  close(): void {
    for (const timer of this.#timers.values()) timer[Symbol.dispose]();
    this.#timers.clear();
  }

  /** K1. */
  #lost(jobId: string): void {
    this.#timers.delete(jobId);
    const fields = { jobId };
    this.#log.write('warn', 'The client of an attached job is gone: the job is cancelled', fields);
    this.#cancel(jobId).catch((thrown: unknown) => {
      this.#log.write('warn', `A job could not be cancelled: ${messageOf(thrown)}`, fields);
    });
  }
}
