/**
 * The windows of the current key where windows merge. Each has a state window, under which its
 * contents are kept: one of the windows that it came from, so that contents stay where they are
 * when a window grows.
 *
 * Invariants
 * M1. No two windows of a key touch or overlap.
 * M2. They lie in the order of their starts, each with a state window within it.
 * M3. A stored array is never changed: state is immutable.
 */
import { assert } from '../../base/assert.ts';
import type { Timestamp } from '../../base/units.ts';
import { state, type ValueState } from '../../functions/state.ts';
import type { Window } from '../../functions/window.ts';
import type { KeyedStateBackend } from '../../state/keyed-state-backend.ts';
import { t } from '../../types/t.ts';
import { sameWindow } from './window-schema.ts';

/** What has to follow when windows become one. */
export interface WindowMerge {
  /** The new window. */
  readonly window: Window;
  /** Those that it came from, without the one that was added. */
  readonly merged: readonly Window[];
  /** Under which the contents are kept. */
  readonly stateWindow: Window;
  /** Whose contents must be added to those of `stateWindow`. */
  readonly mergedStateWindows: readonly Window[];
}

/** What `add` found: the window to which the added one has come, and what has merged, if any. */
export interface AddedWindow {
  readonly window: Window;
  readonly stateWindow: Window;
  readonly merge: WindowMerge | undefined;
}

const ENTRIES = t.array(
  t.struct({ start: t.float64, end: t.float64, stateStart: t.float64, stateEnd: t.float64 }),
);

interface StoredEntry {
  readonly start: number;
  readonly end: number;
  readonly stateStart: number;
  readonly stateEnd: number;
}

export class MergingWindowSet {
  readonly #state: ValueState<readonly StoredEntry[] | undefined>;

  /** In the operator's `open`. */
  constructor(backend: KeyedStateBackend) {
    this.#state = backend.register('merging-window-set', state.value(ENTRIES));
  }

  /** The state window of a window of the current key; undefined if it is not there. */
  stateWindowOf(window: Window): Window | undefined {
    const found = this.#state
      .get()
      ?.find(({ start, end }) => start === window.start && end === window.end);
    return found === undefined ? undefined : stateWindowOf(found);
  }

  /** Adds a window of the current key, merged with those that it touches. */
  add(window: Window): AddedWindow {
    const stored = this.#state.get() ?? [];
    // M1, M2: those that it touches are side by side, and touch no others.
    let from = 0;
    while (from < stored.length && stored[from]!.end < window.start) from += 1;
    let to = from;
    while (to < stored.length && stored[to]!.start <= window.end) to += 1;
    if (from === to) {
      this.#state.set(stored.toSpliced(from, 0, entryOf(window, window)));
      return { window, stateWindow: window, merge: undefined };
    }
    const touched = stored.slice(from, to);
    const merged = touched.map(windowOf);
    const stateWindow = stateWindowOf(touched[0]!);
    const result: Window = {
      start: Math.min(merged[0]!.start, window.start) as Timestamp,
      end: Math.max(merged.at(-1)!.end, window.end) as Timestamp,
    };
    if (merged.length === 1 && sameWindow(merged[0]!, result)) {
      return { window: result, stateWindow, merge: undefined };
    }
    this.#state.set(stored.toSpliced(from, to - from, entryOf(result, stateWindow)));
    const mergedStateWindows = touched.slice(1).map(stateWindowOf);
    const merge = { window: result, merged, stateWindow, mergedStateWindows };
    return { window: result, stateWindow, merge };
  }

  /** The window of the current key is over. */
  retire(window: Window): void {
    const stored = this.#state.get() ?? [];
    const left = stored.filter(({ start, end }) => start !== window.start || end !== window.end);
    assert(left.length === stored.length - 1, 'M1: a window that is not there is over');
    this.#state.set(left.length === 0 ? undefined : left);
  }
}

function entryOf(window: Window, stateWindow: Window): StoredEntry {
  return {
    start: window.start,
    end: window.end,
    stateStart: stateWindow.start,
    stateEnd: stateWindow.end,
  };
}

function windowOf({ start, end }: StoredEntry): Window {
  return { start: start as Timestamp, end: end as Timestamp };
}

function stateWindowOf({ stateStart, stateEnd }: StoredEntry): Window {
  return { start: stateStart as Timestamp, end: stateEnd as Timestamp };
}
