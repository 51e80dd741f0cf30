/**
 * Removals of what nobody needs, tried again where they fail: a task may write into a folder while
 * it is removed, a disk or a store may be away for a while. What cannot be removed harms nobody,
 * but would stay for ever if nobody came back to it.
 *
 * T1. What could not be removed is tried again with every later `retry`, until it is gone; somebody
 *     is told of it once.
 * T2. What is to be tried again is remembered in the order in which it came, and no more than
 *     `MAX_REMEMBERED` of it.
 * T3. At the end of the job, after which nobody comes back to it, it is tried again for a while,
 *     with pauses, unless no waiting helps; then somebody is told what stays.
 */
import { isEngineError, toEngineError } from '../base/errors.ts';
import type { EngineError } from '../base/errors.ts';
import { milliseconds } from '../base/units.ts';
import type { Clock } from '../env/env.ts';

const MAX_REMEMBERED = 1000;
/** T3. Milliseconds; a user waits for the end of the job meanwhile. */
const PAUSES = [100, 200, 400, 800, 1600, 3200, 6400];

/** Idempotent, and as right later as it is now. */
type Removal = () => Promise<void>;

export interface PersistentRemovalsOptions {
  readonly clock: Pick<Clock, 'after'>;
  /** Hears of what could not be removed just now. */
  readonly failed: (what: string, error: EngineError) => void;
  /** T3. Hears of what stays. */
  readonly gaveUp: (what: string, error: EngineError) => void;
}

interface Failed {
  readonly removal: Removal;
  readonly error: EngineError;
}

export class PersistentRemovals {
  readonly #options: PersistentRemovalsOptions;
  /** T2. By what is removed. */
  readonly #left = new Map<string, Failed>();

  constructor(options: PersistentRemovalsOptions) {
    this.#options = options;
  }

  /** Never rejects. @param what names it in messages, and is its own */
  async remove(what: string, removal: Removal): Promise<void> {
    const error = await failureOf(removal);
    if (error === undefined) {
      this.#left.delete(what);
      return;
    }
    const isKnown = this.#left.has(what);
    this.#left.set(what, { removal, error });
    const [oldest] = this.#left.keys();
    if (this.#left.size > MAX_REMEMBERED) this.#left.delete(oldest!);
    if (!isKnown) this.#options.failed(what, error);
  }

  /** Never rejects. For what is right only now. @param what as for `remove` */
  async removeNow(what: string, removal: () => Promise<void>): Promise<void> {
    const error = await failureOf(removal);
    if (error !== undefined) this.#options.failed(what, error);
  }

  /** T1. Never rejects. */
  async retry(): Promise<void> {
    for (const [what, { removal }] of [...this.#left]) await this.remove(what, removal);
  }

  /** T3. Never rejects. */
  async finish(): Promise<void> {
    const { clock, gaveUp } = this.#options;
    for (const pause of PAUSES) {
      if (![...this.#left.values()].some(({ error }) => mayPass(error))) break;
      await wait(clock, pause);
      await this.retry();
    }
    for (const [what, { error }] of this.#left) gaveUp(what, error);
    this.#left.clear();
  }
}

/** T3, for what somebody has to know before he removes anything. */
export async function tryForAWhile<T>(
  clock: Pick<Clock, 'after'>,
  work: () => Promise<T>,
): Promise<T> {
  for (const pause of PAUSES) {
    try {
      return await work();
    } catch (thrown) {
      if (!mayPass(toEngineError(thrown))) throw thrown;
    }
    await wait(clock, pause);
  }
  return work();
}

function wait(clock: Pick<Clock, 'after'>, pause: number): Promise<void> {
  return new Promise((resolve) => void clock.after(milliseconds(pause), resolve));
}

/** T3. */
function mayPass({ code, retry }: EngineError): boolean {
  return retry !== 'never' && code !== 'IO_ACCESS_DENIED';
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
