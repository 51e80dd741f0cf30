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
import type { GroupedKey } from './window-results.ts';

/** The panes of a key. */
export class KeyPanes implements GroupedKey {
  readonly key: Key;
  readonly keyGroup: number;
  readonly stack: PaneStack;
  /** M1: the stack is not to be used. */
  changed = false;

  constructor(key: Key, keyGroup: number, merge: Merge) {
    this.key = key;
    this.keyGroup = keyGroup;
    this.stack = new PaneStack(merge);
  }
}

export class MergedPanes {
  readonly #merge: Merge;
  readonly #panes = new Map<ComparableKey, KeyPanes>();
  readonly #keys = new ComparableKeys();
  foldedTo: number = Number.NEGATIVE_INFINITY;

  constructor(merge: Merge) {
    this.#merge = merge;
  }

  /** Adds up to `budget` keys of a slice. @returns whether there may be more. */
  fold(slice: number, cursor: SliceCursor, budget: number): boolean {
    for (let left = budget; left > 0; left--) {
      if (!cursor.next()) return false;
      this.#of(cursor.key, cursor.keyGroup).stack.push(slice, cursor.value);
    }
    return true;
  }

  /** A slice that is folded already has got another value for the key. */
  markChanged(key: Key, keyGroup: number): void {
    this.#of(key, keyGroup).changed = true;
  }

  keys(): IterableIterator<KeyPanes> {
    return this.#panes.values();
  }

  remove(panes: KeyPanes): void {
    this.#panes.delete(this.#keys.of(panes.key));
  }

  clear(): void {
    this.#panes.clear();
  }

  #of(key: Key, keyGroup: number): KeyPanes {
    const lookup = this.#keys.of(key);
    let panes = this.#panes.get(lookup);
    if (panes === undefined) {
      panes = new KeyPanes(key, keyGroup, this.#merge);
      this.#panes.set(lookup, panes);
    }
    return panes;
  }
}
