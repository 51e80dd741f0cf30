/**
 * What triggers plan for runs of windows: timers at the end of each, and at a time of their own.
 */
import type { WindowTime } from '../../../functions/window.ts';
import type { KeyWindows, RunNumbers } from './key-windows.ts';
import type { WindowRun } from './range-numbers.ts';
import type { WindowGrid } from './window-grid.ts';
import { overlap } from './window-grid.ts';

/** Timers at the end of windows. */
export class EndTimers {
  readonly #grid: WindowGrid;
  readonly #time: WindowTime;
  /** 0 of those that have one. */
  readonly #numbers: RunNumbers;

  constructor(keyWindows: KeyWindows, grid: WindowGrid, time: WindowTime) {
    this.#grid = grid;
    this.#time = time;
    this.#numbers = keyWindows.slot(Infinity);
  }

  register(run: WindowRun): void {
    this.#numbers.set(run, 0);
  }

  cancel(run: WindowRun): void {
    this.#numbers.reset(run);
  }

  next(time: WindowTime): number {
    const first = time === this.#time ? this.first : undefined;
    return first === undefined ? Infinity : this.#grid.dueOf(first, time);
  }

  /** The earliest window that has one. */
  get first(): number | undefined {
    return this.#numbers.upTo(0, undefined, 1)[0]?.first;
  }

  due(time: WindowTime, at: number, atMost: number): readonly WindowRun[] {
    if (time !== this.#time) return [];
    const last = this.#grid.lastUpTo(at, time);
    return this.#numbers.upTo(0, { first: -Infinity, last }, atMost);
  }

  /** Windows of the run that end at that time. */
  endingAt(at: number, run: WindowRun): WindowRun {
    const last = this.#grid.lastUpTo(at, this.#time);
    const before = this.#grid.lastUpTo(at - 1, this.#time);
    return overlap(run, { first: before + 1, last });
  }
}

/** At its end, where a window has another timer; later than all times. */
export const AT_END: number = Number.MAX_VALUE;

/** At most one firing of each window. */
export class PlannedTimers {
  readonly #time: WindowTime;
  readonly #at: RunNumbers;

  constructor(keyWindows: KeyWindows, time: WindowTime) {
    this.#time = time;
    this.#at = keyWindows.slot(Infinity);
  }

  /** Of windows for which none is planned. */
  planIfNone(run: WindowRun, at: number): void {
    this.#at.fill(run, at);
  }

  plan(run: WindowRun, at: number): void {
    this.#at.set(run, at);
  }

  cancel(run: WindowRun): void {
    this.#at.reset(run);
  }

  next(time: WindowTime): number {
    if (time !== this.#time) return Infinity;
    const at = this.#at.lowest;
    return at <= Number.MAX_SAFE_INTEGER ? at : Infinity;
  }

  due(time: WindowTime, at: number, atMost: number): readonly WindowRun[] {
    return time === this.#time ? this.#at.upTo(at, undefined, atMost) : [];
  }

  /** Windows of the run that are planned for a time up to that one. */
  upTo(at: number, run: WindowRun): readonly WindowRun[] {
    return this.#at.upTo(at, run);
  }
}
