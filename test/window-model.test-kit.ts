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
}

/** Firings of windows of event time besides that at their end. */
export interface ModelTrigger {
  readonly early: number | undefined;
  readonly late: number | 'each';
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
  readonly firings: Firing[] = [];
  readonly late: Entry[] = [];

  constructor(assigner: ModelAssigner, lateness: number, trigger: ModelTrigger) {
    this.#assigner = assigner;
    this.#lateness = lateness;
    this.#trigger = trigger;
  }

  record({ key, value, gap }: Entry, at: number): void {
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
    for (const window of this.#windows) {
      if (!window.fired && window.end - 1 <= limit) this.#fire(window);
    }
    for (const window of this.#windows) {
      if (this.#isOver(window.end) && window.planned < Infinity) this.#fire(window);
    }
    this.#windows = this.#windows.filter((window) => !this.#isOver(window.end));
  }

  /** Time passes by the clock. */
  pass(by: number): void {
    this.#now += by;
    for (const window of this.#windows) if (window.planned <= this.#now) this.#fire(window, true);
  }

  /** Records that no firing has shown, each once. */
  get unfired(): number {
    return new Set(this.#windows.flatMap(({ key, unfired }) => unfired.map((v) => `${key}/${v}`)))
      .size;
  }

  #addToWindows(windows: readonly Window[], key: string, value: number): boolean {
    let taken = false;
    for (const { start, end } of windows) {
      if (this.#isOver(end)) continue;
      taken = true;
      let window = this.#windows.find(
        (each) => each.key === key && each.start === start && each.end === end,
      );
      if (window === undefined) {
        window = { key, start, end, values: [], fired: false, unfired: [], planned: Infinity };
        this.#windows.push(window);
      }
      window.values.push(value);
      window.unfired.push(value);
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
    };
    this.#windows = [...this.#windows.filter((each) => !joined.includes(each)), window];
    this.#added(window);
    return true;
  }

  /** A record has come to the window. */
  #added(window: ModelWindow): void {
    const { early, late } = this.#trigger;
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
    const { key, start, end, values } = window;
    this.firings.push({ key, start, end, values: [...values] });
  }

  #isOver(end: number): boolean {
    return end - 1 + this.#lateness <= this.#limit;
  }
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
