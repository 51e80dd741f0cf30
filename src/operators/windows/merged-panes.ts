/**
 * What the overlapping windows of all keys have in common: for each key the panes that the next
 * window holds, so that a window costs a few merges a key and not one for each of its slices. It
 * follows from the slices in the state, is no state itself, and is made again after a restore.
 *
 * Invariants
 * M1. `foldedTo` is the end of the window that was fired last; every slice of the state that ends
 *     by then and is not older than that window is in the panes of its keys, but for keys marked as
 *     changed, whose panes are taken from the slices again.
 */
import type { SliceCursor } from '../../state/keyed-state-backend.ts';
import type { Key } from '../../types/schema.ts';
import { ComparableKeys } from './comparable-keys.ts';
import type { ComparableKey } from './comparable-keys.ts';
import { PaneStack } from './pane-stack.ts';
import type { Merge } from './pane-stack.ts';
import type { Slices } from './slices.ts';
import type { GroupedKey } from './window-results.ts';

/** The panes of a key. */
export class KeyPanes extends PaneStack implements GroupedKey {
  readonly key: Key;
  readonly keyGroup: number;
  /** M1: the panes are not to be used. */
  changed = false;

  constructor(key: Key, keyGroup: number, merge: Merge) {
    super(merge);
    this.key = key;
    this.keyGroup = keyGroup;
  }
}

export class MergedPanes {
  readonly #merge: Merge;
  readonly #slices: Slices;
  readonly #panes = new Map<ComparableKey, KeyPanes>();
  /** Those of `#panes`, in no particular order. */
  readonly #list: KeyPanes[] = [];
  readonly #keys = new ComparableKeys();
  /** Where places are counted from. */
  #base = NaN;
  foldedTo: number = Number.NEGATIVE_INFINITY;

  constructor(slices: Slices, merge: Merge) {
    this.#slices = slices;
    this.#merge = merge;
  }

  /**
   * The place of a slice, or of the first one from the begin of a window on, in the order of time:
   * two for each step, as it may have two slices.
   */
  placeOf(at: number): number {
    const { step } = this.#slices;
    if (Number.isNaN(this.#base)) {
      this.#base = this.#slices.windowStart(this.#slices.endAtOrAfter(at));
    }
    const steps = Math.floor((at - this.#base) / step);
    return 2 * steps + (at - this.#base > steps * step ? 1 : 0);
  }

  /** Adds up to `budget` keys of a slice. @returns whether there may be more. */
  fold(slice: number, cursor: SliceCursor, budget: number): boolean {
    const place = this.placeOf(slice);
    for (let left = budget; left > 0; left--) {
      if (!cursor.next()) return false;
      this.#of(cursor.key, cursor.keyGroup).push(place, cursor.value);
    }
    return true;
  }

  /** A slice that is folded already has got another value for the key. */
  markChanged(key: Key, keyGroup: number): void {
    this.#of(key, keyGroup).changed = true;
  }

  get size(): number {
    return this.#list.length;
  }

  at(index: number): KeyPanes {
    return this.#list[index]!;
  }

  /** Another one may be at its index then. */
  removeAt(index: number): void {
    const list = this.#list;
    this.#panes.delete(this.#keys.of(list[index]!.key));
    const last = list.pop()!;
    if (index < list.length) list[index] = last;
  }

  clear(): void {
    this.#panes.clear();
    this.#list.length = 0;
    this.#base = NaN;
  }

  #of(key: Key, keyGroup: number): KeyPanes {
    const lookup = this.#keys.of(key);
    let panes = this.#panes.get(lookup);
    if (panes === undefined) {
      panes = new KeyPanes(key, keyGroup, this.#merge);
      this.#panes.set(lookup, panes);
      this.#list.push(panes);
    }
    return panes;
  }
}
