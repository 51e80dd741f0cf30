/**
 * Which part of shared contents a window has dropped. A purge begins a new generation of its key,
 * in which later records are counted, and marks the window with the one before.
 *
 * Invariants
 * K1. A window holds what has come after its mark. One without a mark holds everything.
 * K2. A purge begins a new generation, if a record has come in the one before.
 * K3. A key has no history when every window that could have a mark is over.
 */
import { state } from '../../functions/state.ts';
import type { ValueState } from '../../functions/state.ts';
import type { Window } from '../../functions/window.ts';
import type { KeyedStateBackend, NamespacedState } from '../../state/keyed-state-backend.ts';
import type { Schema } from '../../types/schema.ts';
import { t } from '../../types/t.ts';
import { EVERYTHING } from './slice-blocks.ts';
import { WINDOW_SCHEMA } from './window-schema.ts';

interface History {
  /** K3: the latest end of a window that its records, or purges, have been in. */
  readonly lastEnd: number;
  readonly generation: number;
  /** Whether a record of it has come. */
  readonly isTouched: boolean;
}

const HISTORY: Schema<History> = t.struct({
  lastEnd: t.float64,
  generation: t.float64,
  isTouched: t.boolean,
});

/** Of a key before its first purge; records may have come. */
const FRESH: History = { lastEnd: -Infinity, generation: 0, isTouched: true };

/** All methods concern the current key. */
export class PurgeMarks {
  readonly #history: ValueState<History | undefined>;
  readonly #marks: NamespacedState<ValueState<number | undefined>, Window>;

  /** In the operator's `open`. */
  constructor(backend: KeyedStateBackend) {
    this.#history = backend.register('purge-history', state.value(HISTORY));
    const mark = state.value(t.float64);
    this.#marks = backend.registerNamespaced('purge-marks', mark, WINDOW_SCHEMA);
  }

  /** The generation of a record that comes to a slice. `lastEnd` is of its last window. */
  touch(lastEnd: number): number {
    const history = this.#history.get();
    if (history === undefined) return 0;
    const { generation, isTouched } = history;
    if (isTouched && lastEnd <= history.lastEnd) return generation;
    const latest = Math.max(lastEnd, history.lastEnd);
    this.#history.set({ lastEnd: latest, generation, isTouched: true });
    return generation;
  }

  /** K2: the window drops what it holds. */
  purge(window: Window): void {
    const history = this.#history.get() ?? FRESH;
    const generation = history.generation + (history.isTouched ? 1 : 0);
    const lastEnd = Math.max(history.lastEnd, window.end);
    if (history.isTouched || lastEnd > history.lastEnd) {
      this.#history.set({ lastEnd, generation, isTouched: false });
    }
    this.#marks.setNamespace(window);
    this.#marks.handle.set(generation - 1);
  }

  of(window: Window): number {
    this.#marks.setNamespace(window);
    return this.#marks.handle.get() ?? EVERYTHING;
  }

  /** A record has come to the window, with a trigger that may ask for it when it is over. */
  open(window: Window): void {
    if (!this.isOpen(window)) this.#marks.handle.set(EVERYTHING);
  }

  isOpen(window: Window): boolean {
    this.#marks.setNamespace(window);
    return this.#marks.handle.get() !== undefined;
  }

  /** The window is over, and all that end before it. */
  clear(window: Window): void {
    this.#marks.setNamespace(window);
    this.#marks.handle.clear();
    const history = this.#history.get();
    if (history !== undefined && window.end >= history.lastEnd) this.#history.clear();
  }
}
