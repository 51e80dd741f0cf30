/**
 * The windows of a record, by the kind of assigner. Windows are made anew only where the time
 * moves on: records of one window get the same object.
 */
import { EngineError } from '../../base/errors.ts';
import { murmur3 } from '../../base/murmur.ts';
import type { Timestamp } from '../../base/units.ts';
import type {
  CumulatingWindows,
  CustomWindows,
  SessionWindows,
  SlidingWindows,
  TumblingWindows,
  Window,
  WindowAssigner,
} from '../../functions/window.ts';
import { GLOBAL_WINDOW } from '../../functions/window.ts';
import type { UnionState } from '../../state/operator-state.ts';
import { t } from '../../types/t.ts';
import type { OperatorContext } from '../operator.ts';
import { shortRecord } from '../timestamp-errors.ts';
import { refusePromise, userCodeFailure } from '../user-code.ts';

/**
 * The windows of a record at a time: that of the record, or of the clock. The array is valid until
 * the next call.
 */
export type WindowAssignment = (value: unknown, at: number) => readonly Window[];

/** In the operator's `open`. */
export function windowAssignment(
  assigner: WindowAssigner<unknown>,
  context: OperatorContext,
): WindowAssignment {
  switch (assigner.kind) {
    case 'tumbling':
      return tumblingAssignment(assigner, context);
    case 'sliding':
      return slidingAssignment(assigner);
    case 'cumulating':
      return cumulatingAssignment(assigner);
    case 'session':
      return sessionAssignment(assigner, context.open.operatorName);
    case 'global': {
      const windows = [GLOBAL_WINDOW];
      return () => windows;
    }
    case 'custom':
      return customAssignment(assigner, context.open.operatorName);
  }
}

/** The start of the window of that size that holds `at`, also before 1970. */
export function windowStart(at: number, offset: number, size: number): number {
  const remainder = (at - offset) % size;
  // `+ 0` turns -0 into 0.
  return remainder < 0 ? at - remainder - size : at - remainder + 0;
}

function windowOf(start: number, end: number): Window {
  return { start: start as Timestamp, end: end as Timestamp };
}

function tumblingAssignment(
  { size, offset, stagger }: TumblingWindows,
  context: OperatorContext,
): WindowAssignment {
  const staggered = stagger === 'aligned' ? () => 0 : staggerOf(stagger, size, context);
  let shift: number | undefined = undefined;
  const windows = [windowOf(NaN, NaN)];
  return (_value, at) => {
    const { start, end } = windows[0]!;
    if (at >= start && at < end) return windows;
    shift ??= (offset + staggered()) % size;
    const from = windowStart(at, shift, size);
    windows[0] = windowOf(from, from + size);
    return windows;
  };
}

/**
 * How far a subtask shifts its windows, asked for at its first record. `natural` is kept as state,
 * so that windows go on as they began; `random` follows from the subtask.
 */
function staggerOf(
  stagger: 'random' | 'natural',
  size: number,
  context: OperatorContext,
): () => number {
  if (stagger === 'random') {
    const bytes = Buffer.from(`${context.operatorId} ${context.open.subtask}`);
    const fraction = (murmur3(bytes, 0, bytes.length) >>> 0) / 0x1_0000_0000;
    return () => Math.floor(fraction * size);
  }
  const state: UnionState<number> = context.operatorState.union('stagger', t.float64);
  return () => {
    const now = context.processingTime();
    const kept = state.restored().own?.[0];
    const shift = kept ?? now - windowStart(now, 0, size);
    state.update([shift]);
    return shift;
  };
}

/** The latest window first, as they fire last. */
function slidingAssignment({ size, slide, offset }: SlidingWindows): WindowAssignment {
  let windows: readonly Window[] = [];
  let last = NaN;
  return (_value, at) => {
    const latest = windowStart(at, offset, slide);
    // Where windows leave gaps, or do not divide into slides, how many hold `at` differs.
    if (latest === last && size % slide === 0) return windows;
    last = latest;
    const found: Window[] = [];
    for (let start = latest; start > at - size; start -= slide) {
      found.push(windowOf(start, start + size));
    }
    windows = found;
    return windows;
  };
}

/** From the shortest window that holds the time to the longest. */
function cumulatingAssignment({ size, step, offset }: CumulatingWindows): WindowAssignment {
  let windows: readonly Window[] = [];
  let from = NaN;
  return (_value, at) => {
    const stepStart = windowStart(at, offset, step);
    if (stepStart === from) return windows;
    from = stepStart;
    const start = windowStart(at, offset, size);
    const found: Window[] = [];
    for (let end = stepStart + step; end <= start + size; end += step) {
      found.push(windowOf(start, end));
    }
    windows = found;
    return windows;
  };
}

function sessionAssignment({ gap }: SessionWindows<unknown>, operator: string): WindowAssignment {
  const windows = [windowOf(NaN, NaN)];
  const fixed = typeof gap === 'function' ? NaN : gap;
  return (value, at) => {
    const length = typeof gap === 'function' ? gapOf(gap, value, operator) : fixed;
    windows[0] = windowOf(at, at + length);
    return windows;
  };
}

/** @throws EngineError USER_CODE_BAD_WINDOW, USER_CODE_FAILED, USER_CODE_ASYNC */
export function gapOf(gap: (value: unknown) => unknown, value: unknown, operator: string): number {
  let length: unknown;
  try {
    length = gap(value);
  } catch (thrown) {
    throw userCodeFailure('gap', operator, thrown);
  }
  if (typeof length === 'number' && length > 0 && Number.isSafeInteger(length)) return length;
  refusePromise(length, 'gap', operator);
  throw new EngineError('USER_CODE_BAD_WINDOW', {
    operator,
    record: shortRecord(value),
    reason: `its session gap is ${shown(length)}`,
    fix: 'a gap is a whole number of milliseconds above 0, e.g. minutes(5)',
  });
}

function customAssignment({ assign }: CustomWindows<unknown>, operator: string): WindowAssignment {
  return (value, at) => {
    let windows: readonly Window[];
    try {
      const assigned = assign(value, at as Timestamp);
      refusePromise(assigned, 'assign', operator);
      requireIterable(assigned, operator);
      windows = [...assigned];
    } catch (thrown) {
      throw userCodeFailure('assign', operator, thrown);
    }
    for (const window of windows) {
      if (isBound(window?.start) && isBound(window?.end) && window.start < window.end) continue;
      throw new EngineError('USER_CODE_BAD_WINDOW', {
        operator,
        record: shortRecord(value),
        reason: `assign gave it ${shownWindow(window)}`,
        fix: 'windows are { start, end }, whole milliseconds or infinite, the start before the end',
      });
    }
    return windows.map(({ start, end }) => windowOf(start, end));
  };
}

/** Of what it yields then, the failures are the user's. */
function requireIterable(assigned: unknown, operator: string): void {
  const is = typeof assigned === 'object' && assigned !== null && Symbol.iterator in assigned;
  if (is) return;
  const type = assigned === undefined || assigned === null ? String(assigned) : shown(assigned);
  throw new EngineError('USER_CODE_NOT_ITERABLE', { role: 'assign', operator, type });
}

function isBound(value: unknown): value is number {
  return Number.isSafeInteger(value) || value === Infinity || value === -Infinity;
}

function shownWindow(window: unknown): string {
  if (typeof window !== 'object' || window === null) return shown(window);
  const { start, end } = window as Partial<Window>;
  return `the window from ${shown(start)} to ${shown(end)}`;
}

function shown(value: unknown): string {
  return typeof value === 'number' || value === undefined
    ? String(value)
    : `${typeof value === 'object' ? 'an' : 'a'} ${typeof value}`;
}
