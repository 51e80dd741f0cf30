/** Aligned windows by number, in the order of their ends, and the times at which they end. */
import type { WindowTime } from '../../../functions/window.ts';
import type { Slices } from '../slices.ts';
import type { WindowRun } from './range-numbers.ts';

export class WindowGrid {
  readonly #step: number;
  /** End of the window with the number 0. */
  readonly #origin: number;

  constructor(slices: Slices) {
    this.#step = slices.step;
    this.#origin = slices.endAtOrAfter(0);
  }

  numberOf(end: number): number {
    return (end - this.#origin) / this.#step;
  }

  endOf(window: number): number {
    return this.#origin + window * this.#step;
  }

  /** The last one that is over by that time: at its last millisecond, or, by the clock, its end. */
  lastUpTo(at: number, time: WindowTime): number {
    // No event time is later: what ends behind it ends there.
    if (time === 'event' && at >= Number.MAX_SAFE_INTEGER) return Infinity;
    return Math.floor((at + (time === 'event' ? 1 : 0) - this.#origin) / this.#step);
  }

  /**
   * The last one whose last millisecond is at or before `at`, though it may be no time any more.
   */
  lastEver(at: number): number {
    return Math.floor((at + 1 - this.#origin) / this.#step);
  }

  /** When a timer at its end is due. */
  dueOf(window: number, time: WindowTime): number {
    const end = this.endOf(window);
    return time === 'event' ? Math.min(end - 1, Number.MAX_SAFE_INTEGER) : end;
  }
}

/** What both have; `first` is above `last` if that is nothing. */
export function overlap(left: WindowRun, right: WindowRun): WindowRun {
  return { first: Math.max(left.first, right.first), last: Math.min(left.last, right.last) };
}

export function isEmpty({ first, last }: WindowRun): boolean {
  return first > last;
}

/** What is in one of the lists, ascending, each window once, at most so many. */
export function unionOf(
  lists: readonly (readonly WindowRun[])[],
  atMost: number,
): readonly WindowRun[] {
  const all = lists.flat().sort((left, right) => left.first - right.first);
  const union: { first: number; last: number }[] = [];
  let left = atMost;
  let next = -Infinity;
  for (const run of all) {
    const first = Math.max(run.first, next);
    const last = Math.min(run.last, first + left - 1);
    if (first > last) continue;
    left -= last - first + 1;
    next = last + 1;
    const before = union.at(-1);
    if (before !== undefined && before.last === first - 1) before.last = last;
    else union.push({ first, last });
  }
  return union;
}

/** The windows of the run that are in none of the parts, which ascend and are within it. */
export function gapsOf(run: WindowRun, parts: readonly WindowRun[]): readonly WindowRun[] {
  const gaps: WindowRun[] = [];
  let next = run.first;
  for (const { first, last } of parts) {
    if (next < first) gaps.push({ first: next, last: first - 1 });
    next = last + 1;
  }
  if (next <= run.last) gaps.push({ first: next, last: run.last });
  return gaps;
}
