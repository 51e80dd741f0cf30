/**
 * The last failures of a job: what each was, where it struck, and what else failed while the job
 * was being stopped for it.
 *
 * N3. At most `limit` failures are kept, the last ones, and as many concurrent ones with each.
 */
import { cutErrorData } from '../base/errors.ts';
import type { ErrorData } from '../base/errors.ts';
import type { FailureInfo } from '../protocol/execution-graph-info.ts';

/** Characters. */
const BRIEF_MAX = 8 * 1024;

export class FailureHistory {
  readonly #limit: number;
  #failures: readonly FailureInfo[] = [];
  /** Whether some were left out. */
  truncated = false;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Oldest first. */
  get all(): readonly FailureInfo[] {
    return this.#failures;
  }

  /** The job, or a part of it, is stopped for this. */
  add(failure: FailureInfo): void {
    this.truncated ||= this.#failures.length >= this.#limit;
    this.#failures = [...this.#failures, failure].slice(-this.#limit);
  }

  /** It came while the job was being stopped for the last one. */
  addConcurrent(failure: FailureInfo): void {
    const last = this.#failures.at(-1);
    if (last === undefined || last.concurrent.length >= this.#limit) return;
    if (isSame(last.error, failure.error) && last.taskName === failure.taskName) return;
    const concurrent = [...last.concurrent, { ...failure, error: briefly(failure.error) }];
    this.#failures = [...this.#failures.slice(0, -1), { ...last, concurrent }];
  }
}

/** Of an error of which a job may have many. */
export function briefly(error: ErrorData): ErrorData {
  return cutErrorData(error, BRIEF_MAX);
}

/** The same one, reported in two ways. */
function isSame(left: ErrorData, right: ErrorData): boolean {
  return left.code === right.code && left.stack === right.stack;
}
