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
  readonly isHeld: boolean;
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
    for (let left = KEYS_AT_ONCE; left > 0; left--) {
      if (!cursor.next()) return true;
      surroundings.emit(cursor, this.#window, cursor.value);
      if (surroundings.isHeld) return false;
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
  #keys: IterableIterator<KeyPanes> | undefined = undefined;

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
    if (this.#keys === undefined) {
      if (!this.#fold()) return false;
      this.#panes.foldedTo = this.#window.end;
      this.#keys = this.#panes.keys();
    }
    return this.#emit(this.#keys);
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

  #emit(keys: IterableIterator<KeyPanes>): boolean {
    const surroundings = this.#surroundings;
    const window = this.#window;
    for (let left = KEYS_AT_ONCE; left > 0; left--) {
      const next = keys.next();
      if (next.done === true) return true;
      const panes = next.value;
      const merged = this.#mergedOf(panes);
      if (merged === undefined) {
        this.#panes.remove(panes);
        continue;
      }
      surroundings.emit(panes, window, merged);
      if (surroundings.isHeld) return false;
    }
    return false;
  }

  #mergedOf(panes: KeyPanes): unknown {
    const { stack } = panes;
    if (panes.changed) {
      panes.changed = false;
      stack.clear();
      this.#surroundings.eachSlice(panes, this.#window, (slice, value) => stack.push(slice, value));
    }
    stack.evict(this.#window.start);
    return stack.isEmpty ? undefined : stack.total();
  }
}
