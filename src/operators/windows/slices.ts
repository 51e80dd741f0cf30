/**
 * Aligned windows cut into slices: the longest spans of time that no window begins or ends within.
 * A record belongs to one slice, and a window is a run of slices, so that windows that overlap
 * share what they have in common. All times are milliseconds, ends are exclusive, and times before
 * 1970 are as good as others.
 *
 * Invariants
 * S1. Slices do not overlap and leave no gap: `sliceStart(at) <= at < sliceEnd(sliceStart(at))`.
 * S2. A window is a run of whole slices. The windows that hold a slice end at `firstEnd`,
 *     `firstEnd + step`, ..., `lastEnd`; there is none if `firstEnd > lastEnd`.
 */

export interface Slices {
  /** From the end of one window to the end of the next. */
  readonly step: number;
  /** Whether every window is a single slice. */
  readonly single: boolean;
  /** Start of the slice that holds this time. */
  sliceStart(at: number): number;
  sliceEnd(start: number): number;
  /** End of the earliest window that holds the slice. */
  firstEnd(sliceStart: number): number;
  /** End of the latest window that holds the slice. */
  lastEnd(sliceStart: number): number;
  /** Start of the window that ends there. */
  windowStart(end: number): number;
  /** The earliest end of a window at or after this time. */
  endAtOrAfter(at: number): number;
  /** The latest end of a window at or before this time. */
  endAtOrBefore(at: number): number;
}

/** The greatest multiple of `size`, moved by `offset`, that is not above `at`. */
function floorTo(at: number, size: number, offset: number): number {
  return Math.floor((at - offset) / size) * size + offset;
}

function ceilTo(at: number, size: number, offset: number): number {
  return Math.ceil((at - offset) / size) * size + offset;
}

/** @example tumblingSlices(60_000, 0) */
export function tumblingSlices(size: number, offset: number): Slices {
  return {
    step: size,
    single: true,
    sliceStart: (at) => floorTo(at, size, offset),
    sliceEnd: (start) => start + size,
    firstEnd: (start) => start + size,
    lastEnd: (start) => start + size,
    windowStart: (end) => end - size,
    endAtOrAfter: (at) => ceilTo(at, size, offset),
    endAtOrBefore: (at) => floorTo(at, size, offset),
  };
}

/**
 * Windows of `size` that begin every `slide`. Where `size` is no multiple of `slide` there are two
 * slices in each slide. With a slide above the size some slices belong to no window.
 */
export function slidingSlices(size: number, slide: number, offset: number): Slices {
  // Windows end so long after the begin of a slide.
  const rest = size % slide;
  const sliceStart = (at: number): number => {
    const begin = floorTo(at, slide, offset);
    return rest !== 0 && at >= begin + rest ? begin + rest : begin;
  };
  const sliceEnd = (start: number): number => {
    const begin = floorTo(start, slide, offset);
    return rest !== 0 && start < begin + rest ? begin + rest : begin + slide;
  };
  const endAtOrAfter = (at: number): number => ceilTo(at, slide, offset + size);
  return {
    step: slide,
    single: false,
    sliceStart,
    sliceEnd,
    firstEnd: (start) => endAtOrAfter(sliceEnd(start)),
    lastEnd: (start) => floorTo(start, slide, offset) + size,
    windowStart: (end) => end - size,
    endAtOrAfter,
    endAtOrBefore: (at) => floorTo(at, slide, offset + size),
  };
}

/**
 * Windows that grow by `step` up to `size`, and then begin anew. `size` is a multiple of `step`.
 */
export function cumulatingSlices(size: number, step: number, offset: number): Slices {
  return {
    step,
    single: false,
    sliceStart: (at) => floorTo(at, step, offset),
    sliceEnd: (start) => start + step,
    firstEnd: (start) => start + step,
    lastEnd: (start) => floorTo(start, size, offset) + size,
    windowStart: (end) => floorTo(end - 1, size, offset),
    endAtOrAfter: (at) => ceilTo(at, step, offset),
    endAtOrBefore: (at) => floorTo(at, step, offset),
  };
}
