/**
 * Operations that a client starts and asks after: what became of each is kept for a while.
 *
 * O1. A trigger starts one operation, however often it is sent.
 * O2. What has not ended is never forgotten; what has ended is, after `keep`.
 */
import type { EngineError } from '../base/errors.ts';
import { toEngineError } from '../base/errors.ts';
import type { Duration } from '../base/units.ts';
import type { Clock } from '../env/env.ts';

/** Undefined as long as it goes on. */
export type OperationOutcome<T> =
  | { readonly kind: 'result'; readonly result: T }
  | { readonly kind: 'failure'; readonly error: EngineError };

interface Operation<T> {
  outcome: OperationOutcome<T> | undefined;
  ended: Duration | undefined;
}

export class AsyncOperations<T> {
  readonly #clock: Clock;
  readonly #keep: Duration;
  readonly #operations = new Map<string, Operation<T>>();

  constructor(clock: Clock, keep: Duration) {
    this.#clock = clock;
    this.#keep = keep;
  }

  /** O1. */
  start(key: string, run: () => Promise<T>): void {
    this.#forgetOld();
    if (this.#operations.has(key)) return;
    const operation: Operation<T> = { outcome: undefined, ended: undefined };
    this.#operations.set(key, operation);
    const end = (outcome: OperationOutcome<T>): void => {
      operation.outcome = outcome;
      operation.ended = this.#clock.monotonic();
    };
    // A function that throws at once is a failure like any other.
    const running = Promise.resolve().then(run);
    running.then(
      (result) => end({ kind: 'result', result }),
      (thrown: unknown) => end({ kind: 'failure', error: toEngineError(thrown) }),
    );
  }

  /** Undefined for a key that is not known. */
  find(key: string): { readonly outcome: OperationOutcome<T> | undefined } | undefined {
    this.#forgetOld();
    return this.#operations.get(key);
  }

  get size(): number {
    return this.#operations.size;
  }

  /** O2. */
  #forgetOld(): void {
    const now = this.#clock.monotonic();
    for (const [key, { ended }] of this.#operations) {
      if (ended !== undefined && now - ended > this.#keep) this.#operations.delete(key);
    }
  }
}
