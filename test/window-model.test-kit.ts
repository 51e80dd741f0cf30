/**
 * Windows by their definition, without any thought of speed: every window keeps all its records,
 * and each step looks at all windows.
 */
import type { Window } from 'millrace';

export interface Entry {
  readonly key: string;
  readonly value: number;
  /** Of the session that it begins, where the gap depends on the record. */
  readonly gap?: number | undefined;
}

/** What a window has come to when it fired. */
export interface Firing {
  readonly key: string;
  readonly start: number;
  readonly end: number;
  readonly values: readonly number[];
}

/** Which windows a time belongs to; a gap makes sessions, undefined that of each record. */
export type ModelAssigner =
  | { readonly gap: number | undefined }
  | ((at: number) => readonly Window[]);

interface ModelWindow {
  readonly key: string;
  readonly start: number;
  readonly end: number;
  readonly values: number[];
  /** Since it has got its end. */
  fired: boolean;
  /** Records since it was fired last. */
  unfired: number[];
  /** When it is to be fired by the clock. */
  planned: number;
  /** The next multiple, from the first record on. */
  next: number | undefined;
  /** Records since it was fired last, of those that are counted. */
  counted: number;
}

/** When windows fire. */
export interface ModelTrigger {
  /** At their end, and then with each late record or as `late` says. */
  readonly atEnd: boolean;
  readonly early: number | undefined;
  readonly late: number | 'each';
  /** At every multiple of this, by event time or by the clock. */
  readonly every?: { readonly interval: number; readonly by: 'event' | 'clock' } | undefined;
  /** With every so many records. */
  readonly count?: number | undefined;
  /** What a firing has shown is gone. */
  readonly purges: boolean;
}

export class WindowModel {
  readonly #assigner: ModelAssigner;
  readonly #lateness: number;
  #windows: ModelWindow[] = [];
  readonly #trigger: ModelTrigger;
  /** The watermark; with processing time the moment before now. */
  #limit = -Infinity;
  /** By the clock, since the begin. */
  #now = 0;
  /** Of the record at hand. */
  #at = 0;
  #unfiredAtEnd = 0;
  readonly firings: Firing[] = [];
  readonly late: Entry[] = [];

  constructor(assigner: ModelAssigner, lateness: number, trigger: ModelTrigger) {
    this.#assigner = assigner;
    this.#lateness = lateness;
    this.#trigger = trigger;
  }

  record({ key, value, gap }: Entry, at: number): void {
    this.#at = at;
    const taken =
      typeof this.#assigner === 'function'
        ? this.#addToWindows(this.#assigner(at), key, value)
        : this.#addToSession((this.#assigner.gap ?? gap)!, key, value, at);
    const isLate = at + this.#lateness <= this.#limit;
    if (!taken && (isLate || typeof this.#assigner !== 'function')) this.late.push({ key, value });
  }

  advance(limit: number): void {
    if (limit <= this.#limit) return;
    this.#limit = limit;
    if (this.#trigger.every?.by === 'event' && limit !== Infinity) this.#fireMultiples(limit);
    for (const window of this.#windows) {
      if (this.#trigger.atEnd && !window.fired && window.end - 1 <= limit) this.#fire(window);
    }
    for (const window of this.#windows) {
      if (this.#isOver(window.end) && window.planned < Infinity) this.#fire(window);
    }
    for (const { end, unfired } of this.#windows) {
      if (limit === Infinity && this.#isOver(end)) this.#unfiredAtEnd += unfired.length;
    }
    this.#windows = this.#windows.filter((window) => !this.#isOver(window.end));
  }

  /** Before anything else: what the clock says. */
  startAt(now: number): void {
    this.#now = now;
  }

  /** Time passes by the clock. */
  pass(by: number): void {
    this.#now += by;
    if (this.#trigger.every?.by === 'clock') this.#fireMultiples(this.#now);
    for (const window of this.#windows) if (window.planned <= this.#now) this.#fire(window, true);
  }

  /**
   * Time of windows passes by the clock, until `now`: multiples before the end of each come first.
   */
  passBoth(by: number, now: number): void {
    this.#now += by;
    if (this.#trigger.every !== undefined) this.#fireMultiples(now);
    this.advance(now - 1);
  }

  /** Of windows that go on: with event time, multiples before their last millisecond. */
  #fireMultiples(until: number): void {
    const { interval } = this.#trigger.every!;
    for (const window of this.#windows) {
      while (window.next !== undefined && window.next <= until) {
        const at = window.next;
        if (at === this.#lastOf(window)) break;
        window.next = this.#capped(window, at + interval);
        this.#fire(window, true);
      }
    }
  }

  /** When a window fires at its end; never, with some triggers. */
  #lastOf({ end }: ModelWindow): number {
    const { every, atEnd } = this.#trigger;
    if (!atEnd) return Infinity;
    return every?.by === 'event' ? end - 1 : end;
  }

  #capped(window: ModelWindow, at: number): number {
    return Math.min(at, this.#lastOf(window));
  }

  /** Records that no firing of their latest window has shown. */
  get unfired(): number {
    return this.#windows.reduce((sum, { unfired }) => sum + unfired.length, this.#unfiredAtEnd);
  }

  #addToWindows(windows: readonly Window[], key: string, value: number): boolean {
    let taken = false;
    const latest = Math.max(...windows.map(({ end }) => end));
    for (const { start, end } of windows) {
      if (this.#isOver(end)) continue;
      taken = true;
      let window = this.#windows.find(
        (each) => each.key === key && each.start === start && each.end === end,
      );
      if (window === undefined) {
        window = {
          key,
          start,
          end,
          values: [],
          fired: false,
          unfired: [],
          planned: Infinity,
          next: undefined,
          counted: 0,
        };
        this.#windows.push(window);
      }
      window.values.push(value);
      if (end === latest) window.unfired.push(value);
      this.#added(window);
    }
    return taken;
  }

  #addToSession(gap: number, key: string, value: number, at: number): boolean {
    let [start, end] = [at, at + gap];
    const joined: ModelWindow[] = [];
    for (let grown = true; grown;) {
      grown = false;
      for (const each of this.#windows) {
        const apart = each.key !== key || each.start > end || each.end < start;
        if (apart || joined.includes(each)) continue;
        joined.push(each);
        [start, end] = [Math.min(start, each.start), Math.max(end, each.end)];
        grown = true;
      }
    }
    if (this.#isOver(end)) return false;
    const window: ModelWindow = {
      key,
      start,
      end,
      values: [...joined.flatMap(({ values }) => values), value],
      fired: false,
      unfired: [...joined.flatMap(({ unfired }) => unfired), value],
      planned: Math.min(Infinity, ...joined.map(({ planned }) => planned)),
      next: leastOf(joined.map(({ next }) => next)),
      counted: joined.reduce((sum, { counted }) => sum + counted, 0),
    };
    this.#windows = [...this.#windows.filter((each) => !joined.includes(each)), window];
    this.#added(window);
    return true;
  }

  /** A record has come to the window. */
  #added(window: ModelWindow): void {
    const { atEnd, early, late, every, count } = this.#trigger;
    if (count !== undefined) {
      window.counted += 1;
      if (window.counted >= count) this.#fire(window, true);
      return;
    }
    if (every !== undefined && !(atEnd && window.end - 1 <= this.#limit)) {
      const from = every.by === 'event' ? this.#at : this.#now;
      const multiple = Math.floor(from / every.interval) * every.interval;
      window.next ??= this.#capped(window, multiple + every.interval);
    }
    if (!atEnd) return;
    const isLate = window.end - 1 <= this.#limit;
    if (isLate) window.fired = true;
    if (isLate && late === 'each') this.#fire(window);
    const delay = isLate ? late : early;
    if (typeof delay !== 'number' || window.planned < Infinity) return;
    window.planned = this.#now + delay;
  }

  #fire(window: ModelWindow, byClock = false): void {
    if (!byClock) window.fired = true;
    window.unfired = [];
    window.planned = Infinity;
    window.counted = 0;
    const { key, start, end, values } = window;
    if (values.length > 0) this.firings.push({ key, start, end, values: [...values] });
    if (this.#trigger.purges) values.length = 0;
  }

  #isOver(end: number): boolean {
    return end - 1 + this.#lateness <= this.#limit;
  }
}

function leastOf(times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((time) => time !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}

/** All windows of a kind that hold a time, by trying every begin. */
export function slidingModel(size: number, slide: number, offset: number): ModelAssigner {
  return (at) => {
    const windows: Window[] = [];
    for (let start = at - size; start <= at; start++) {
      const begins = (((start - offset) % slide) + slide) % slide === 0;
      if (begins && at < start + size) windows.push({ start, end: start + size } as Window);
    }
    return windows;
  };
}

export function cumulatingModel(size: number, step: number, offset: number): ModelAssigner {
  const periods = slidingModel(size, size, offset) as (at: number) => readonly Window[];
  return (at) =>
    periods(at).flatMap(({ start }) => {
      const windows: Window[] = [];
      for (let end = start + step; end <= start + size; end += step) {
        if (at < end) windows.push({ start, end } as Window);
      }
      return windows;
    });
}
