/**
 * Firing a window for all its keys, a part at a time, so that a step of the task stays short and
 * the output is never flooded.
 *
 * Invariants
 * F1. Each key that has something in the window gets one result.
 * F2. Nothing is written to the slices of the window between the parts.
 */
import type { Timestamp } from '../../base/units.ts';
import type { Window } from '../../functions/window.ts';
import type { SliceCursor } from '../../state/keyed-state-backend.ts';
import type { OperatorContext } from '../operator.ts';
import type { KeyPanes, MergedPanes } from './merged-panes.ts';
import type { GroupedKey } from './window-results.ts';

/** Keys in one part. */
const KEYS_AT_ONCE = 1024;

export interface WindowFiring {
  /** @returns whether the window is fired; else `run` has to be called again. */
  run(): boolean;
}

/** What a firing needs of its operator. */
export interface FiringSurroundings {
  readonly context: OperatorContext;
  cursor(slice: number): SliceCursor;
  emit(of: GroupedKey, window: Window, accumulator: unknown): void;
  /** Visits what the slices of a window hold for one key, in the order of time. */
  eachSlice(of: GroupedKey, window: Window, visit: (slice: number, value: unknown) => void): void;
}

export function windowOf(start: number, end: number): Window {
  return { start: start as Timestamp, end: end as Timestamp };
}

/** A window that is one slice. */
export class SliceFiring implements WindowFiring {
  readonly #window: Window;
  readonly #cursor: SliceCursor;
  readonly #surroundings: FiringSurroundings;

  constructor(window: Window, surroundings: FiringSurroundings) {
    this.#window = window;
    this.#cursor = surroundings.cursor(window.start);
    this.#surroundings = surroundings;
  }

  run(): boolean {
    const cursor = this.#cursor;
    const surroundings = this.#surroundings;
    const { context } = surroundings;
    for (let left = KEYS_AT_ONCE; left > 0; left--) {
      if (!cursor.next()) return true;
      surroundings.emit(cursor, this.#window, cursor.value);
      if (context.isHeld) return false;
    }
    return false;
  }
}

/**
 * A window of several slices. First the slices that are new are added to the panes of their keys.
 */
export class MergedFiring implements WindowFiring {
  readonly #window: Window;
  readonly #panes: MergedPanes;
  readonly #surroundings: FiringSurroundings;
  /** Still to be added, in order. */
  readonly #slices: readonly number[];
  #next = 0;
  #cursor: SliceCursor | undefined = undefined;
  /** Among the panes; -1 as long as there are slices to be added. */
  #at = -1;
  /** Where its first slice is. */
  #from = 0;

  constructor(
    window: Window,
    slices: readonly number[],
    panes: MergedPanes,
    surroundings: FiringSurroundings,
  ) {
    this.#window = window;
    this.#slices = slices;
    this.#panes = panes;
    this.#surroundings = surroundings;
  }

  run(): boolean {
    if (this.#at < 0) {
      if (!this.#fold()) return false;
      this.#panes.foldedTo = this.#window.end;
      this.#from = this.#panes.placeOf(this.#window.start);
      this.#at = 0;
    }
    return this.#emit();
  }

  #fold(): boolean {
    if (this.#next === this.#slices.length) return true;
    const slice = this.#slices[this.#next]!;
    this.#cursor ??= this.#surroundings.cursor(slice);
    if (!this.#panes.fold(slice, this.#cursor, KEYS_AT_ONCE)) {
      this.#cursor = undefined;
      this.#next += 1;
    }
    return this.#next === this.#slices.length;
  }

  #emit(): boolean {
    const surroundings = this.#surroundings;
    const { context } = surroundings;
    const panes = this.#panes;
    const window = this.#window;
    for (let left = KEYS_AT_ONCE; left > 0; left--) {
      if (this.#at === panes.size) return true;
      const of = panes.at(this.#at);
      if (of.changed) this.#takeAgain(of);
      of.evict(this.#from);
      if (of.isEmpty) {
        panes.removeAt(this.#at);
        continue;
      }
      this.#at += 1;
      surroundings.emit(of, window, of.total());
      if (context.isHeld) return false;
    }
    return false;
  }

  /** From the slices in the state. */
  #takeAgain(of: KeyPanes): void {
    of.changed = false;
    of.clear();
    this.#surroundings.eachSlice(of, this.#window, (slice, value) => {
      of.push(this.#panes.placeOf(slice), value);
    });
  }
}
