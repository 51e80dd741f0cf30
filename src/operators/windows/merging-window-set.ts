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
import { touchedBy } from './sessions.ts';
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
    const stored = this.#state.get() ?? [];
    const at = placeOf(stored, window);
    return at === undefined ? undefined : stateWindowOf(stored[at]!);
  }

  /** Adds a window of the current key, merged with those that it touches. */
  add(window: Window): AddedWindow {
    const stored = this.#state.get() ?? [];
    // M1, M2: those that it touches are side by side, and touch no others.
    const { from, to } = touchedBy(stored, window.start, window.end);
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
    const at = placeOf(stored, window);
    assert(at !== undefined, 'M1: a window that is not there is over');
    this.#state.set(stored.length === 1 ? undefined : stored.toSpliced(at, 1));
  }
}

/** Where exactly this window is; undefined if it is not there. */
function placeOf(stored: readonly StoredEntry[], window: Window): number | undefined {
  const { from, to } = touchedBy(stored, window.start, window.end);
  return to === from + 1 && sameWindow(windowOf(stored[from]!), window) ? from : undefined;
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
