/**
 * Counts the records that are in slices and that no firing has shown yet, so that a job can say
 * what it has left. A record of several windows is counted as one of the latest of them.
 *
 * Invariants
 * U1. The count of a key and slice is that of its records since the last window that holds the
 *     slice has been fired for the key.
 */
import { state } from '../../functions/state.ts';
import type { ValueState } from '../../functions/state.ts';
import type { SlicedState } from '../../state/keyed-state-backend.ts';
import { t } from '../../types/t.ts';
import type { OperatorContext } from '../operator.ts';
import type { LiveSlices } from './live-slices.ts';
import type { Slices } from './slices.ts';
import { DroppedUnfired } from './window-results.ts';

export class UnfiredCounts {
  readonly #slices: Slices;
  readonly #counts: SlicedState<ValueState<number>>;
  readonly #dropped: DroppedUnfired;
  #current = NaN;
  /** Dropped because event time has ended. */
  #atEnd = 0;

  /** In the operator's `open`. */
  constructor(context: OperatorContext, slices: Slices) {
    const count = state.value(t.integer, { initial: 0 });
    this.#slices = slices;
    this.#counts = context.keyedState.registerSliced('window-counts', count);
    this.#dropped = new DroppedUnfired(context.open);
  }

  /** The slice of the records to come. */
  setSlice(start: number): void {
    this.#current = start;
    this.#counts.setSlice(start);
  }

  /** A record of the current key. */
  add(): void {
    const { handle } = this.#counts;
    handle.set(handle.get() + 1);
  }

  /** U1: windows of the current key that end from `first` to `last` have been fired. */
  shown(live: LiveSlices, first: number, last: number): void {
    const slices = this.#slices;
    let slice = live.firstWhere((start) => slices.lastEnd(start) >= first);
    while (slice !== undefined && slices.lastEnd(slice) <= last) {
      this.#counts.setSlice(slice);
      this.#counts.handle.clear();
      slice = live.firstFrom(slice + 1);
    }
    if (!Number.isNaN(this.#current)) this.#counts.setSlice(this.#current);
  }

  /** Its windows were fired at their end. */
  dropSlice(slice: number): void {
    this.#counts.dropSlice(slice);
  }

  /** Its windows are over, fired or not: by a watermark, or because all input has ended. */
  dropUnfired(slice: number, isEnd: boolean): void {
    const count = this.#of(slice);
    if (isEnd) this.#atEnd += count;
    else this.#dropped.add(count);
    this.#counts.dropSlice(slice);
  }

  /** Of all keys, in slices for which `isLeft`. */
  total(live: LiveSlices, isLeft: (slice: number) => boolean): number {
    let total = this.#atEnd;
    for (const slice of live) if (isLeft(slice)) total += this.#of(slice);
    return total;
  }

  #of(slice: number): number {
    let count = 0;
    const cursor = this.#counts.cursor(slice);
    while (cursor.next()) count += cursor.value as number;
    return count;
  }
}
