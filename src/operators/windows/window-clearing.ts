/**
 * Tells the user's function of windows that are over, and clears its state of them: each window
 * once for each key that had something in it, when the allowed lateness has passed. Windows go in
 * order; which keys they had is told by their slices.
 *
 * Invariants
 * C1. `next` is the end of the earliest window that holds something and is not cleared, +infinity
 *     if there is none. Slices of that window and later ones are kept.
 * C2. Late firings that were planned for a window come before it is cleared.
 * C3. A window whose end with the lateness is no time any more is never over.
 */
import type { LiveSlices } from './live-slices.ts';
import { MergedPanes } from './merged-panes.ts';
import type { Slices } from './slices.ts';
import { MergedFiring, SliceFiring, windowOf } from './window-firing.ts';
import type { FiringSurroundings, WindowFiring } from './window-firing.ts';
import type { GroupedKey } from './window-results.ts';

export interface WindowClearingOptions {
  readonly slices: Slices;
  readonly lateness: number;
  readonly live: () => LiveSlices;
  /** `emit` clears. */
  readonly surroundings: FiringSurroundings;
  /** C2: of windows whose last millisecond is at or before this. False: call again. */
  readonly finishLate: (last: number) => boolean;
}

export class WindowClearing {
  readonly #options: WindowClearingOptions;
  /** The keys of the window; what they hold does not matter. */
  readonly #panes: MergedPanes;
  #next = Infinity;
  #firing: WindowFiring | undefined;

  constructor(options: WindowClearingOptions) {
    this.#options = options;
    this.#panes = new MergedPanes(options.slices, (_left, right) => right);
  }

  /** C1 */
  get next(): number {
    return this.#next;
  }

  /** When the earliest is over; infinity if there is none, or never. */
  get nextTime(): number {
    const last = this.#next - 1 + this.#options.lateness;
    return last <= Number.MAX_SAFE_INTEGER ? last : Infinity;
  }

  /** A slice holds something now; windows that were over at `limit` are none of its. */
  added(firstEnd: number, lastEnd: number, limit: number): void {
    const { slices, lateness } = this.#options;
    const end = Math.max(firstEnd, slices.endAtOrAfter(limit - lateness + 2));
    if (end <= lastEnd && end < this.#next) this.#next = end;
  }

  /** A late record has come to a slice that ends there. */
  changed({ key, keyGroup }: GroupedKey, sliceEnd: number): void {
    if (sliceEnd <= this.#panes.foldedTo) this.#panes.markChanged(key, keyGroup);
  }

  /** After a restore. */
  load(limit: number): void {
    const { slices, lateness } = this.#options;
    this.#next = this.#endFrom(slices.endAtOrAfter(limit - lateness + 2));
  }

  /** Clears what is over at the limit. False: call again. */
  advance(limit: number): boolean {
    const { context } = this.#options.surroundings;
    while (this.#firing !== undefined || this.#isDue(limit)) {
      if (this.#firing === undefined) {
        if (!this.#options.finishLate(this.#next - 1)) return false;
        this.#firing = this.#begin(this.#next);
      }
      if (!this.#firing.run()) return false;
      this.#firing = undefined;
      this.#next = this.#endFrom(this.#next + this.#options.slices.step);
      if (context.isHeld && this.#isDue(limit)) return false;
    }
    return true;
  }

  /** There is no slice any more. */
  forget(): void {
    this.#panes.clear();
  }

  /** C3 */
  #isDue(limit: number): boolean {
    const at = this.nextTime;
    return at !== Infinity && at <= limit;
  }

  #begin(end: number): WindowFiring {
    const { slices, surroundings, live } = this.#options;
    const window = windowOf(slices.windowStart(end), end);
    if (slices.single) return new SliceFiring(window, surroundings);
    const added = live().between(Math.max(this.#panes.foldedTo, window.start), end);
    return new MergedFiring(window, added, this.#panes, surroundings);
  }

  /** The earliest end from `end` on of a window with something in it. */
  #endFrom(end: number): number {
    const { slices, live } = this.#options;
    const slice = live().firstWhere((start) => slices.lastEnd(start) >= end);
    return slice === undefined ? Infinity : Math.max(slices.firstEnd(slice), end);
  }
}
