/**
 * Tasks that only complete what an earlier attempt had prepared, after the decision to commit. They
 * have no chain and no part in the slot's loop.
 *
 * V2. Each reports exactly one terminal state, also where the lease never allows it to begin.
 */
import { toEngineError } from '../../base/errors.ts';
import type { ErrorData } from '../../base/errors.ts';

export interface CommitOnlyTasksOptions {
  /** Runs an effect now, later or never: see `SlotWorker`. */
  readonly underLease: (effect: () => void) => void;
  readonly ended: (
    executionId: string,
    state: 'FINISHED' | 'CANCELED' | 'FAILED',
    error: ErrorData | undefined,
  ) => void;
}

export class CommitOnlyTasks {
  readonly #options: CommitOnlyTasksOptions;
  /** Those that have not begun. */
  readonly #waiting = new Set<string>();

  constructor(options: CommitOnlyTasksOptions) {
    this.#options = options;
  }

  add(executionId: string, work: () => Promise<void>): void {
    const { underLease, ended } = this.#options;
    this.#waiting.add(executionId);
    underLease(() => {
      if (!this.#waiting.delete(executionId)) return;
      work().then(
        () => ended(executionId, 'FINISHED', undefined),
        (thrown: unknown) => ended(executionId, 'FAILED', toEngineError(thrown).toData()),
      );
    });
  }

  /** Those that have not begun never do; a commit that is under way goes on to its end. */
  cancel(): void {
    for (const executionId of [...this.#waiting]) {
      this.#waiting.delete(executionId);
      this.#options.ended(executionId, 'CANCELED', undefined);
    }
  }
}
