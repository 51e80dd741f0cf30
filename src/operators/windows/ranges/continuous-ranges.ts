/** The continuous triggers for runs of windows. */
import type { WindowTime } from '../../../functions/window.ts';
import { NO_TIMESTAMP } from '../../../network/batch.ts';
import { MAX_WATERMARK } from '../../../network/control-element.ts';
import { noTimestamp } from '../../timestamp-errors.ts';
import { windowStart } from '../assign-windows.ts';
import { FIRE } from '../triggers/window-trigger.ts';
import type { Times } from '../window-schema.ts';
import type { WindowRun } from './range-numbers.ts';
import { AT_END, EndTimers, PlannedTimers } from './range-timers.ts';
import type { Decided, RangeSurroundings, RangeTrigger } from './range-trigger.ts';
import { gapsOf, isEmpty, overlap } from './window-grid.ts';
import type { WindowGrid } from './window-grid.ts';

/** `ContinuousEventTimeWindowTrigger`: at multiples before the end of a window, and at its end. */
export class ContinuousEventTimeRanges implements RangeTrigger {
  readonly #interval: number;
  readonly #operator: string;
  readonly #grid: WindowGrid;
  readonly #times: Times;
  readonly #ends: EndTimers;
  readonly #next: PlannedTimers;

  constructor(interval: number, surroundings: RangeSurroundings) {
    const { keyWindows, grid, operator, times } = surroundings;
    this.#interval = interval;
    this.#operator = operator;
    this.#grid = grid;
    this.#times = times;
    this.#ends = new EndTimers(keyWindows, grid, 'event');
    this.#next = new PlannedTimers(keyWindows, 'event');
  }

  onElement(value: unknown, timestamp: number, run: WindowRun): readonly Decided[] {
    if (timestamp === NO_TIMESTAMP) throw noTimestamp(this.#operator, value);
    const passed = this.#grid.lastUpTo(this.#times.watermark(), 'event');
    const late = overlap(run, { first: -Infinity, last: passed });
    const open = overlap(run, { first: passed + 1, last: Infinity });
    this.#ends.register(open);
    const at = windowStart(timestamp, 0, this.#interval) + this.#interval;
    const { before, behind } = this.#split(open, at);
    this.#next.planIfNone(before, AT_END);
    this.#next.planIfNone(behind, at);
    return isEmpty(late) ? [] : [{ ...late, decision: FIRE }];
  }

  onTimer(time: WindowTime, at: number, run: WindowRun): readonly Decided[] {
    if (time === 'processing') return [];
    const decided: Decided[] = [];
    const ended = this.#ends.endingAt(at, run);
    if (!isEmpty(ended)) {
      this.#ends.cancel(ended);
      for (const each of this.#next.upTo(at, ended)) this.#next.plan(each, AT_END);
      decided.push({ ...ended, decision: FIRE });
    }
    for (const rest of gapsOf(run, decided)) {
      for (const each of this.#next.upTo(at, rest)) {
        if (this.#goOn(each, at)) decided.push({ ...each, decision: FIRE });
      }
    }
    return decided.sort((left, right) => left.first - right.first);
  }

  clear(run: WindowRun): void {
    this.#ends.cancel(run);
    this.#next.cancel(run);
  }

  next(time: WindowTime): number {
    return Math.min(this.#ends.next(time), this.#next.next(time));
  }

  due(time: WindowTime, at: number, atMost: number): readonly (readonly WindowRun[])[] {
    return [this.#ends.due(time, at, atMost), this.#next.due(time, at, atMost)];
  }

  /** @returns false if they only fire at their end any more. */
  #goOn(run: WindowRun, at: number): boolean {
    if (this.#times.watermark() === MAX_WATERMARK) {
      this.#next.plan(run, AT_END);
      return false;
    }
    const { before, behind } = this.#split(run, at + this.#interval);
    this.#next.plan(before, AT_END);
    this.#next.plan(behind, at + this.#interval);
    return true;
  }

  /** Those that end before a time, and the others. */
  #split(run: WindowRun, at: number): { readonly before: WindowRun; readonly behind: WindowRun } {
    const last = this.#grid.lastUpTo(at - 1, 'event');
    return {
      before: overlap(run, { first: -Infinity, last }),
      behind: overlap(run, { first: last + 1, last: Infinity }),
    };
  }
}

/**
 * `ContinuousProcessingTimeWindowTrigger`. Windows of processing time fire at their end, when they
 * are cleared, for the last time.
 */
export class ContinuousProcessingTimeRanges implements RangeTrigger {
  readonly #interval: number;
  readonly #endsByClock: boolean;
  readonly #grid: WindowGrid;
  readonly #times: Times;
  readonly #next: PlannedTimers;

  constructor(interval: number, { keyWindows, grid, time, times }: RangeSurroundings) {
    this.#interval = interval;
    this.#endsByClock = time === 'processing';
    this.#grid = grid;
    this.#times = times;
    this.#next = new PlannedTimers(keyWindows, 'processing');
  }

  onElement(_value: unknown, _timestamp: number, run: WindowRun): readonly Decided[] {
    const at = windowStart(this.#times.processingTime(), 0, this.#interval) + this.#interval;
    const border = this.#lastBefore(at);
    this.#next.planIfNone(overlap(run, { first: -Infinity, last: border }), AT_END);
    this.#next.planIfNone(overlap(run, { first: border + 1, last: Infinity }), at);
    return [];
  }

  onTimer(time: WindowTime, at: number, run: WindowRun): readonly Decided[] {
    if (time === 'event') return [];
    const last = this.#endsByClock ? this.#grid.lastUpTo(at, 'processing') : -Infinity;
    const border = this.#lastBefore(at + this.#interval);
    const ended = overlap(run, { first: -Infinity, last });
    const open = overlap(run, { first: last + 1, last: Infinity });
    const fired = [...this.#next.upTo(AT_END, ended), ...this.#next.upTo(at, open)];
    for (const each of fired) {
      this.#next.cancel(overlap(each, ended));
      const goingOn = overlap(each, open);
      this.#next.plan(overlap(goingOn, { first: -Infinity, last: border }), AT_END);
      const behind = overlap(goingOn, { first: border + 1, last: Infinity });
      this.#next.plan(behind, at + this.#interval);
    }
    return fired.map((each) => ({ ...each, decision: FIRE }));
  }

  clear(run: WindowRun): void {
    this.#next.cancel(run);
  }

  next(time: WindowTime): number {
    return this.#next.next(time);
  }

  due(time: WindowTime, at: number, atMost: number): readonly (readonly WindowRun[])[] {
    return [this.#next.due(time, at, atMost)];
  }

  /** The last window that ends before a multiple, if there is to be one at all. */
  #lastBefore(at: number): number {
    return this.#endsByClock ? this.#grid.lastUpTo(at - 1, 'processing') : -Infinity;
  }
}
