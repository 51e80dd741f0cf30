/**
 * How many records a step of a task may take, so that it lasts about a millisecond whatever a
 * record costs: the other tasks of the slot, its links, time-outs and cancellation wait no longer.
 *
 * Invariants
 * U1. `records` is from 1 to STEP_RECORDS_MAX.
 * U2. What a record costs is not known at first: the first step takes one. A thousand that take
 *     60 ms each would hold up the slot for a minute, its connections among them.
 */

const STEP_RECORDS_MAX = 1024;
/** Longer steps are cut. */
const LONG_MILLIS = 2;
/** What they are cut to. */
const AIM_MILLIS = 1;
/** Shorter steps may take twice as many the next time. */
const SHORT_MILLIS = 0.5;

export class StepSize {
  /** U2. */
  records = 1;

  /** A step took that many records, and that long. */
  took(records: number, millis: number): void {
    if (millis > LONG_MILLIS) {
      const cut = Math.floor((records * AIM_MILLIS) / millis);
      this.records = Math.max(1, Math.min(cut, this.records));
    } else if (millis < SHORT_MILLIS && records >= this.records) {
      this.records = Math.min(STEP_RECORDS_MAX, this.records * 2);
    }
  }
}
