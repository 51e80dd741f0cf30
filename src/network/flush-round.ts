/**
 * When records that have gathered for a channel are handed over though their batch is not full: at
 * the end of a slice of the slot's loop, if the consumer has taken all that came before and so
 * waits for them, or if they have waited for the time-out.
 */

/** Time-outs that mean something else: see `execution.buffer-timeout.interval`. */
export const FLUSH_AT_ONCE = 0;
export const FLUSH_WHEN_FULL: number = Number.POSITIVE_INFINITY;

/** One look at all channels of a slot. */
export class FlushRound {
  /** Monotonic milliseconds. */
  now = 0;
  /** When the next batch is due that was left to wait; infinite if there is none. */
  next: number = Number.POSITIVE_INFINITY;

  begin(now: number): void {
    this.now = now;
    this.next = Number.POSITIVE_INFINITY;
  }

  /** Whether a batch is due that has waited since `since`; if not, `next` comes to it. */
  isDue(since: number, timeout: number): boolean {
    const due = since + timeout;
    if (this.now >= due) return true;
    if (due < this.next) this.next = due;
    return false;
  }
}
