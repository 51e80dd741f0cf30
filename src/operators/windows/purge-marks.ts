/**
 * Which part of shared contents a window has dropped. A purge begins a new generation of its key,
 * in which later records are counted, and marks the window with the one before.
 *
 * Invariants
 * K1. A window holds what has come after its mark. One without a mark holds everything.
 * K2. Of each generation since the first purge of a key it is known between which slices records
 *     have come. Older ones are taken together; then they are known as the last of them.
 * K3. A key has no history when every window that could have a mark is over.
 */
import { state } from '../../functions/state.ts';
import type { ValueState } from '../../functions/state.ts';
import type { Window } from '../../functions/window.ts';
import type { KeyedStateBackend, NamespacedState } from '../../state/keyed-state-backend.ts';
import type { Schema } from '../../types/schema.ts';
import { t } from '../../types/t.ts';
import { UNMARKED } from './slice-cells.ts';
import { WINDOW_SCHEMA } from './window-schema.ts';

/** `from` is above `to` as long as no record has come. */
interface Generation {
  readonly number: number;
  readonly from: number;
  readonly to: number;
}

interface History {
  /** K3: the latest end of a window that its records, or purges, have been in. */
  readonly lastEnd: number;
  readonly generations: readonly Generation[];
}

const HISTORY: Schema<History> = t.struct({
  lastEnd: t.float64,
  generations: t.array(t.struct({ number: t.float64, from: t.float64, to: t.float64 })),
});

/** Of generations that are told apart. */
const AT_MOST = 16;

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
  touch(slice: number, lastEnd: number): number {
    const history = this.#history.get();
    if (history === undefined) return 0;
    const { generations } = history;
    const { number, from, to } = generations.at(-1)!;
    if (from <= slice && slice <= to && lastEnd <= history.lastEnd) return number;
    const touched = { number, from: Math.min(from, slice), to: Math.max(to, slice) };
    this.#history.set({
      lastEnd: Math.max(lastEnd, history.lastEnd),
      generations: [...generations.slice(0, -1), touched],
    });
    return number;
  }

  /** The window drops what it holds. */
  purge(window: Window): void {
    const history = this.#history.get() ?? { lastEnd: window.end, generations: [] };
    const { generations } = history;
    const last = generations.at(-1);
    const isBegun = last !== undefined && last.from > last.to;
    const number = isBegun ? last.number : (last?.number ?? 0) + 1;
    const lastEnd = Math.max(history.lastEnd, window.end);
    if (!isBegun || lastEnd > history.lastEnd) {
      const begun = { number, from: Infinity, to: -Infinity };
      const all = isBegun ? generations : [...fewer(generations), begun];
      this.#history.set({ lastEnd, generations: all });
    }
    this.#marks.setNamespace(window);
    this.#marks.handle.set(number - 1);
  }

  of(window: Window): number {
    this.#marks.setNamespace(window);
    return this.#marks.handle.get() ?? UNMARKED;
  }

  /** A record has come to the window, with a trigger that may ask for it when it is over. */
  open(window: Window): void {
    if (!this.isOpen(window)) this.#marks.handle.set(UNMARKED);
  }

  isOpen(window: Window): boolean {
    this.#marks.setNamespace(window);
    return this.#marks.handle.get() !== undefined;
  }

  /** K2: the slices that records have come to after a mark are from one to the other. */
  touchedAfter(mark: number): { readonly from: number; readonly to: number } {
    let [first, last] = [Infinity, -Infinity];
    for (const { number, from, to } of this.#history.get()?.generations ?? []) {
      if (number > mark) [first, last] = [Math.min(first, from), Math.max(last, to)];
    }
    return { from: first, to: last };
  }

  /** The window is over, and all that end before it. */
  clear(window: Window): void {
    this.#marks.setNamespace(window);
    this.#marks.handle.clear();
    const history = this.#history.get();
    if (history !== undefined && window.end >= history.lastEnd) this.#history.clear();
  }
}

/** K2 */
function fewer(generations: readonly Generation[]): readonly Generation[] {
  if (generations.length < AT_MOST) return generations;
  const [first, second] = generations as readonly [Generation, Generation];
  const both = {
    number: second.number,
    from: Math.min(first.from, second.from),
    to: Math.max(first.to, second.to),
  };
  return [both, ...generations.slice(2)];
}
