/**
 * The main thread of an endpoint: everything that touches the endpoint's state runs as a mail, one
 * after another, each to its end. Timers and promises come back as mails too, so that nothing
 * happens between the lines of a mail and nothing happens after the endpoint has been closed. An
 * error that a mail throws ends the endpoint and is reported as fatal.
 *
 * M1. At most one mail runs at a time; a mail given from inside a mail runs after it.
 * M2. After `close` no mail runs and no timer is armed.
 * M3. Mails run in the order in which they were given.
 */
import { assert } from '../base/assert.ts';
import { toEngineError } from '../base/errors.ts';
import type { EngineError } from '../base/errors.ts';
import type { Duration } from '../base/units.ts';
import type { Clock } from '../env/env.ts';

/** Ends the component (or the process) that owns the endpoint; called at most once by each. */
export type FatalErrorHandler = (component: string, error: EngineError) => void;

export class MainThread {
  readonly name: string;
  readonly #clock: Clock;
  readonly #onFatal: FatalErrorHandler;
  readonly #mails: (() => void)[] = [];
  readonly #timers = new Set<Disposable>();
  #running = false;
  #closed = false;

  constructor(name: string, clock: Clock, onFatal: FatalErrorHandler) {
    this.name = name;
    this.#clock = clock;
    this.#onFatal = onFatal;
  }

  get closed(): boolean {
    return this.#closed;
  }

  now(): Duration {
    return this.#clock.monotonic();
  }

  /** Runs a mail: at once if none is running, else after those that wait. */
  run(mail: () => void): void {
    if (this.#closed) return;
    if (this.#running) {
      this.#mails.push(mail);
      return;
    }
    this.#running = true;
    try {
      mail();
      for (let i = 0; i < this.#mails.length && !this.#closed; i++) this.#mails[i]!();
    } catch (error) {
      this.fatal(error);
    } finally {
      this.#mails.length = 0;
      this.#running = false;
    }
  }

  /** M1: state of the endpoint may be touched only in its mails. */
  assertInside(): void {
    assert(this.#running, `M1: ${this.name} was touched outside of its main thread`);
  }

  /** Runs a mail after `delay` unless the returned handle is disposed before. */
  after(delay: Duration, mail: () => void): Disposable {
    assert(!this.#closed, `M2: ${this.name} is closed`);
    const timer = this.#clock.after(delay, () => {
      this.#timers.delete(handle);
      this.run(mail);
    });
    const handle: Disposable = {
      [Symbol.dispose]: () => {
        if (this.#timers.delete(handle)) timer[Symbol.dispose]();
      },
    };
    this.#timers.add(handle);
    return handle;
  }

  /** Runs `done` or `failed` as a mail when the promise has settled. */
  follow<T>(
    promise: Promise<T>,
    done: (value: T) => void,
    failed: (error: EngineError) => void,
  ): void {
    promise.then(
      (value) => this.run(() => done(value)),
      (error: unknown) => this.run(() => failed(toEngineError(error))),
    );
  }

  /** Ends the endpoint and reports the error. */
  fatal(error: unknown): void {
    if (this.#closed) return;
    this.close();
    this.#onFatal(this.name, toEngineError(error));
  }

  /** Idempotent. */
  close(): void {
    this.#closed = true;
    for (const timer of [...this.#timers]) timer[Symbol.dispose]();
    assert(this.#timers.size === 0, 'M2: a timer outlived the endpoint');
  }
}
