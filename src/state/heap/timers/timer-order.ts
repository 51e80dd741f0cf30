/**
 * The order of timers by time, each with a number that its owner knows it by. Timers mostly come in
 * the order of their times, or in a few such orders side by side (windows that overlap, records a
 * little out of order): those are in runs, and only the rest is in a heap.
 *
 * Invariants
 * O1. Every timer is in one run or in the heap. `#times` has the least time of each run, and last
 *     that of the heap; Infinity where there is none.
 * O2. `#least` is where the least of all is.
 */
import { TimerHeap } from './timer-heap.ts';
import { TimerRun } from './timer-run.ts';

const RUNS = 4;

export class TimerOrder {
  readonly #runs: readonly TimerRun[] = Array.from({ length: RUNS }, () => new TimerRun());
  readonly #heap = new TimerHeap();
  /** O1 */
  readonly #times: Float64Array = new Float64Array(RUNS + 1).fill(Infinity);
  /** O2 */
  #least = 0;

  /** The least time; Infinity if there is none. */
  get time(): number {
    return this.#times[this.#least]!;
  }

  /** The number beside the least time, if there is one. */
  get slot(): number {
    return this.#least === RUNS ? this.#heap.slot : this.#runs[this.#least]!.slot;
  }

  get bytes(): number {
    return this.#runs.reduce((sum, { bytes }) => sum + bytes, this.#heap.bytes);
  }

  push(time: number, slot: number): void {
    const into = this.#runFor(time);
    if (into === RUNS) this.#heap.push(time, slot);
    else this.#runs[into]!.push(time, slot);
    const times = this.#times;
    if (time >= times[into]!) return;
    times[into] = time;
    if (time < times[this.#least]!) this.#least = into;
  }

  /** Removes the least. */
  pop(): void {
    const from = this.#least;
    const timers = from === RUNS ? this.#heap : this.#runs[from]!;
    timers.pop();
    this.#times[from] = timers.time;
    this.#findLeast();
  }

  /** Keeps those that `keeps` says so of, under the numbers that it gives; -1 is none. */
  filter(keeps: (slot: number) => number): void {
    for (const [i, timers] of [...this.#runs, this.#heap].entries()) {
      timers.filter(keeps);
      this.#times[i] = timers.time;
    }
    this.#findLeast();
  }

  /** The run that `time` leaves the most room in below; RUNS if none can take it. */
  #runFor(time: number): number {
    let best = RUNS;
    let last = -Infinity;
    for (let i = 0; i < RUNS; i++) {
      const run = this.#runs[i]!;
      if (run.last > time || (best !== RUNS && run.last <= last)) continue;
      best = i;
      last = run.last;
    }
    return best;
  }

  /** O2 */
  #findLeast(): void {
    const times = this.#times;
    let least = 0;
    for (let i = 1; i <= RUNS; i++) if (times[i]! < times[least]!) least = i;
    this.#least = least;
  }
}
