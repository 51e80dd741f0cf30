/**
 * Counts the records that are in windows and have not been fired, so that a job can say at the end
 * of bounded input what it has left. A record of several windows is counted in one of them.
 *
 * Invariants
 * U1. The count of a key is the sum of the counts of its windows.
 */
import { state, type ValueState } from '../../functions/state.ts';
import type { Window } from '../../functions/window.ts';
import type { KeyedStateBackend, NamespacedState } from '../../state/keyed-state-backend.ts';
import { t } from '../../types/t.ts';
import { WINDOW_SCHEMA } from './window-schema.ts';

/** By key, over all its windows. */
const OF_KEY = 'unfired';

type Count = ValueState<number | undefined>;

/** All methods concern the current key, and state windows where windows merge. */
export class UnfiredElements {
  readonly #backend: KeyedStateBackend;
  readonly #ofKey: Count;
  /** Undefined where a key has one window only. */
  readonly #ofWindow: NamespacedState<Count, Window> | undefined;
  /** Cleared unfired because event time has ended. */
  #cleared = 0;

  /** In the operator's `open`. */
  constructor(backend: KeyedStateBackend, options: { readonly oneWindow: boolean }) {
    this.#backend = backend;
    const descriptor = state.value(t.integer);
    this.#ofKey = backend.register(OF_KEY, descriptor);
    this.#ofWindow = options.oneWindow
      ? undefined
      : backend.registerNamespaced(`${OF_KEY}-window`, descriptor, WINDOW_SCHEMA);
  }

  add(window: Window): void {
    this.#addToWindow(window, 1);
    this.#ofKey.set((this.#ofKey.get() ?? 0) + 1);
  }

  /**
   * What the window holds has been fired, or is dropped.
   * @returns how many records of it had not been.
   */
  done(window: Window): number {
    return this.#take(window);
  }

  /** The window is cleared because all input has ended. */
  clearedAtEnd(window: Window): void {
    this.#cleared += this.#take(window);
  }

  merge(into: Window, others: readonly Window[]): void {
    let sum = 0;
    for (const other of others) sum += this.#takeOfWindow(other);
    if (sum > 0) this.#addToWindow(into, sum);
  }

  /** At the end: of all keys of the subtask. */
  total(): number {
    let sum = this.#cleared;
    this.#backend.forEachKey(OF_KEY, () => {
      sum += this.#ofKey.get() ?? 0;
    });
    return sum;
  }

  #addToWindow(window: Window, count: number): void {
    if (this.#ofWindow === undefined) return;
    this.#ofWindow.setNamespace(window);
    const { handle } = this.#ofWindow;
    handle.set((handle.get() ?? 0) + count);
  }

  #take(window: Window): number {
    const count = this.#takeOfWindow(window);
    if (count === 0) return 0;
    const left = this.#ofKey.get()! - count;
    // Setting undefined clears, so that keys without records have no state.
    this.#ofKey.set(left === 0 ? undefined : left);
    return count;
  }

  #takeOfWindow(window: Window): number {
    if (this.#ofWindow === undefined) return this.#ofKey.get() ?? 0;
    this.#ofWindow.setNamespace(window);
    const { handle } = this.#ofWindow;
    const count = handle.get();
    if (count === undefined) return 0;
    handle.clear();
    return count;
  }
}
