/**
 * What windows of one key that end one after another come to, put together from their slices: what
 * they have in common is merged once.
 */
import type { Key } from '../../types/schema.ts';
import type { LiveSlices } from './live-slices.ts';
import { PaneStack } from './pane-stack.ts';
import type { Merge } from './pane-stack.ts';
import { EVERYTHING } from './slice-blocks.ts';
import type { SliceBlocks } from './slice-blocks.ts';
import type { Slices } from './slices.ts';

/** As many are looked at one by one. */
const FEW_SLICES = 32;

export interface WindowTotalsOptions {
  readonly slices: Slices;
  readonly live: () => LiveSlices;
  readonly blocks: SliceBlocks;
  readonly merge: Merge;
  /** What has come to a slice for the current key after a generation; undefined is nothing. */
  readonly read: (slice: number, after: number) => unknown;
  /** What is before that may be in blocks. */
  readonly passed: () => number;
}

/** Windows by their ends, and after which generation their contents begin. */
export interface WantedTotals {
  readonly first: number;
  readonly last: number;
  readonly after?: number;
}

/** Of a window; undefined if there is nothing in it. */
type Visit = (start: number, end: number, total: unknown) => void;

export class WindowTotals {
  readonly #options: WindowTotalsOptions;

  constructor(options: WindowTotalsOptions) {
    this.#options = options;
  }

  /** Visits the windows of the current key in their order. */
  each(key: Key, wanted: WantedTotals, visit: Visit): void {
    const { slices, live } = this.#options;
    const { first, last } = wanted;
    const isLong = live().count(slices.windowStart(first), last) > FEW_SLICES;
    if (!isLong) this.#inOrder(wanted, visit);
    else if (slices.windowStart(last) < first) this.#around(key, wanted, visit);
    else this.#inParts(key, wanted, visit);
  }

  /** They have nothing in common: in two halves, some of which have. */
  #inParts(key: Key, { first, last, after }: WantedTotals, visit: Visit): void {
    const { step } = this.#options.slices;
    const middle = first + Math.floor((last - first) / step / 2) * step;
    const rest = after === undefined ? {} : { after };
    this.each(key, { first, last: middle, ...rest }, visit);
    this.each(key, { first: middle + step, last, ...rest }, visit);
  }

  /** Looks at each slice. */
  #inOrder({ first, last, after = EVERYTHING }: WantedTotals, visit: Visit): void {
    const { slices, live: liveNow, read, merge } = this.#options;
    const live = liveNow().between(slices.windowStart(first), last);
    const stack = new PaneStack(merge);
    let next = 0;
    for (let end = first; end <= last; end += slices.step) {
      for (; next < live.length && live[next]! < end; next++) {
        const value = read(live[next]!, after);
        if (value !== undefined) stack.push(live[next]!, value);
      }
      const start = slices.windowStart(end);
      stack.evict(start);
      visit(start, end, stack.isEmpty ? undefined : stack.total());
    }
  }

  /** What all of the windows have in common is taken from blocks, once. */
  #around(key: Key, { first, last, after = EVERYTHING }: WantedTotals, visit: Visit): void {
    const { slices, blocks, live, passed } = this.#options;
    const { step } = slices;
    const middle = { start: slices.windowStart(last), end: first, after };
    // For each window but the last, what it has before that; and behind it as far as it reaches.
    const before: unknown[] = [];
    let sum = blocks.total(key, middle, live(), passed());
    let next = middle.start;
    for (let end = last; end >= first; end -= step) {
      const start = slices.windowStart(end);
      sum = this.#merged(this.#between(start, next, after), sum);
      next = start;
      before.push(sum);
    }
    let behind: unknown = undefined;
    next = first;
    for (let end = first; end <= last; end += step) {
      behind = this.#merged(behind, this.#between(next, end, after));
      next = end;
      visit(slices.windowStart(end), end, this.#merged(before.pop(), behind));
    }
  }

  /** What slices from `start` to before `end` hold for the current key. */
  #between(start: number, end: number, after: number): unknown {
    let total: unknown = undefined;
    for (const slice of this.#options.live().between(start, end)) {
      total = this.#merged(total, this.#options.read(slice, after));
    }
    return total;
  }

  #merged(left: unknown, right: unknown): unknown {
    if (left === undefined) return right;
    return right === undefined ? left : this.#options.merge(left, right);
  }
}
