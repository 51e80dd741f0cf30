/**
 * Sets of windows by their ends, as ranges on a grid of `step`: [first, last, first, last, ...],
 * both included, ascending. They are values: a change makes new ones.
 *
 * Invariants
 * E1. Ranges ascend, and neither overlap nor touch: those that would are one.
 */

export type EndRanges = readonly number[];

/** Windows that end at `first`, `first + step`, ..., `last`. */
export interface EndRange {
  readonly first: number;
  readonly last: number;
}

export const NO_ENDS: readonly number[] = [];

export function holdsAll(ranges: EndRanges, first: number, last: number): boolean {
  const at = firstEndingFrom(ranges, first);
  return at < ranges.length && ranges[at]! <= first && last <= ranges[at + 1]!;
}

/** Those of the windows that are in the set, or, with `absent`, that are not. */
export function partsOf(
  ranges: EndRanges,
  { first, last }: EndRange,
  which: 'present' | 'absent',
  step: number,
): readonly EndRange[] {
  const present: EndRange[] = [];
  const absent: EndRange[] = [];
  let next = first;
  for (let at = firstEndingFrom(ranges, first); at < ranges.length; at += 2) {
    const from = Math.max(ranges[at]!, first);
    const to = Math.min(ranges[at + 1]!, last);
    if (from > last) break;
    if (next < from) absent.push({ first: next, last: from - step });
    present.push({ first: from, last: to });
    next = to + step;
  }
  if (next <= last) absent.push({ first: next, last });
  return which === 'present' ? present : absent;
}

/** E1 */
export function withRange(ranges: EndRanges, { first, last }: EndRange, step: number): EndRanges {
  const from = firstEndingFrom(ranges, first - step);
  let to = from;
  while (to < ranges.length && ranges[to]! <= last + step) to += 2;
  const begin = from < to ? Math.min(first, ranges[from]!) : first;
  const end = from < to ? Math.max(last, ranges[to - 1]!) : last;
  return [...ranges.slice(0, from), begin, end, ...ranges.slice(to)];
}

export function withoutRange(
  ranges: EndRanges,
  { first, last }: EndRange,
  step: number,
): EndRanges {
  const from = firstEndingFrom(ranges, first);
  let to = from;
  while (to < ranges.length && ranges[to]! <= last) to += 2;
  if (from === to) return ranges;
  const left = ranges.slice(0, from);
  if (ranges[from]! < first) left.push(ranges[from]!, first - step);
  if (ranges[to - 1]! > last) left.push(last + step, ranges[to - 1]!);
  return [...left, ...ranges.slice(to)];
}

/** Where the earliest range is that does not lie before `end`. */
function firstEndingFrom(ranges: EndRanges, end: number): number {
  let low = 0;
  let high = ranges.length / 2;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ranges[2 * middle + 1]! >= end) high = middle;
    else low = middle + 1;
  }
  return 2 * low;
}
