/** `EventTimeWindowTrigger` and `ProcessingTimeWindowTrigger` for runs of windows. */
import type { EventTimeTrigger } from '../../../functions/trigger.ts';
import type { WindowTime } from '../../../functions/window.ts';
import { FIRE } from '../triggers/window-trigger.ts';
import type { Times } from '../window-schema.ts';
import type { WindowRun } from './range-numbers.ts';
import { EndTimers, PlannedTimers } from './range-timers.ts';
import type { Decided, RangeSurroundings, RangeTrigger } from './range-trigger.ts';
import { gapsOf, isEmpty, overlap } from './window-grid.ts';
import type { WindowGrid } from './window-grid.ts';

export class EventTimeRanges implements RangeTrigger {
  readonly #early: number | undefined;
  readonly #late: number | undefined;
  readonly #grid: WindowGrid;
  readonly #times: Times;
  readonly #ends: EndTimers;
  readonly #pending: PlannedTimers | undefined;

  constructor({ early, late }: EventTimeTrigger, surroundings: RangeSurroundings) {
    const { keyWindows, grid, times } = surroundings;
    this.#early = early;
    this.#late = late === 'each' ? undefined : late;
    this.#grid = grid;
    this.#times = times;
    this.#ends = new EndTimers(keyWindows, grid, 'event');
    const isPlanned = early !== undefined || late !== 'each';
    this.#pending = isPlanned ? new PlannedTimers(keyWindows, 'processing') : undefined;
  }

  onElement(_value: unknown, _timestamp: number, run: WindowRun): readonly Decided[] {
    const passed = this.#grid.lastUpTo(this.#times.watermark(), 'event');
    const late = overlap(run, { first: -Infinity, last: passed });
    const open = overlap(run, { first: passed + 1, last: Infinity });
    this.#ends.register(open);
    if (this.#early !== undefined) this.#plan(open, this.#early);
    if (isEmpty(late)) return [];
    if (this.#late === undefined) return [{ ...late, decision: FIRE }];
    this.#plan(late, this.#late);
    return [];
  }

  onTimer(time: WindowTime, at: number, run: WindowRun): readonly Decided[] {
    return time === 'event' ? this.#onEventTime(at, run) : this.#take(at, run);
  }

  clear(run: WindowRun): void {
    this.#ends.cancel(run);
    this.#pending?.cancel(run);
  }

  next(time: WindowTime): number {
    return Math.min(this.#ends.next(time), this.#pending?.next(time) ?? Infinity);
  }

  due(time: WindowTime, at: number, atMost: number): readonly (readonly WindowRun[])[] {
    return [this.#ends.due(time, at, atMost), this.#pending?.due(time, at, atMost) ?? []];
  }

  #onEventTime(at: number, run: WindowRun): readonly Decided[] {
    const ended = this.#ends.endingAt(at, run);
    const decided: Decided[] = [];
    if (!isEmpty(ended)) {
      this.#ends.cancel(ended);
      this.#pending?.cancel(ended);
      decided.push({ ...ended, decision: FIRE });
    }
    // The others are about to be cleared: what has come late has not been fired yet.
    for (const rest of gapsOf(run, decided)) decided.push(...this.#take(Infinity, rest));
    return decided.sort((left, right) => left.first - right.first);
  }

  /** What is planned up to a time is fired. */
  #take(at: number, run: WindowRun): readonly Decided[] {
    const pending = this.#pending;
    if (pending === undefined) return [];
    const taken = pending.upTo(Math.min(at, Number.MAX_VALUE), run);
    for (const each of taken) pending.cancel(each);
    return taken.map((each) => ({ ...each, decision: FIRE }));
  }

  #plan(run: WindowRun, after: number): void {
    this.#pending!.planIfNone(run, this.#times.processingTime() + after);
  }
}

export class ProcessingTimeRanges implements RangeTrigger {
  readonly #ends: EndTimers;

  constructor({ keyWindows, grid }: RangeSurroundings) {
    this.#ends = new EndTimers(keyWindows, grid, 'processing');
  }

  onElement(_value: unknown, _timestamp: number, run: WindowRun): readonly Decided[] {
    this.#ends.register(run);
    return [];
  }

  onTimer(time: WindowTime, at: number, run: WindowRun): readonly Decided[] {
    if (time === 'event') return [];
    this.#ends.cancel(this.#ends.endingAt(at, run));
    return [{ ...run, decision: FIRE }];
  }

  clear(run: WindowRun): void {
    this.#ends.cancel(run);
  }

  next(time: WindowTime): number {
    return this.#ends.next(time);
  }

  due(time: WindowTime, at: number, atMost: number): readonly (readonly WindowRun[])[] {
    return [this.#ends.due(time, at, atMost)];
  }
}
