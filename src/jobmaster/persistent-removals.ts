/**
 * Removals of what nobody needs, tried again where they fail: a task may write into a folder while
 * it is removed, a disk or a store may be away for a while. What cannot be removed harms nobody,
 * but would stay for ever if nobody came back to it.
 *
 * T1. What could not be removed is tried again with every later `retry`, until it is gone; somebody
 *     is told of it once.
 * T2. What is to be tried again is remembered in the order in which it came, and no more than
 *     `MAX_REMEMBERED` of it.
 */
import { isEngineError, toEngineError } from '../base/errors.ts';
import type { EngineError } from '../base/errors.ts';

const MAX_REMEMBERED = 1000;

/** Idempotent, and as right later as it is now. */
type Removal = () => Promise<void>;

export class PersistentRemovals {
  readonly #failed: (what: string, error: EngineError) => void;
  /** T2. By what is removed. */
  readonly #left = new Map<string, Removal>();

  /** @param failed hears of what could not be removed */
  constructor(failed: (what: string, error: EngineError) => void) {
    this.#failed = failed;
  }

  /** Never rejects. @param what names it in messages, and is its own */
  async remove(what: string, removal: Removal): Promise<void> {
    const error = await failureOf(removal);
    if (error === undefined) {
      this.#left.delete(what);
      return;
    }
    const isKnown = this.#left.has(what);
    this.#left.set(what, removal);
    const [oldest] = this.#left.keys();
    if (this.#left.size > MAX_REMEMBERED) this.#left.delete(oldest!);
    if (!isKnown) this.#failed(what, error);
  }

  /** Never rejects. For what is right only now. @param what as for `remove` */
  async removeNow(what: string, removal: () => Promise<void>): Promise<void> {
    const error = await failureOf(removal);
    if (error !== undefined) this.#failed(what, error);
  }

  /** T1. Never rejects. */
  async retry(): Promise<void> {
    for (const [what, removal] of [...this.#left]) await this.remove(what, removal);
  }
}

/** What is gone already has been removed. */
async function failureOf(removal: Removal): Promise<EngineError | undefined> {
  try {
    await removal();
    return undefined;
  } catch (thrown) {
    return isEngineError(thrown, 'IO_NOT_FOUND') ? undefined : toEngineError(thrown);
  }
}
