/** Windows as state knows them, the times at which they are over, and what time it is. */
import type { Timestamp } from '../../base/units.ts';
import type { Schema } from '../../types/schema.ts';
import { t } from '../../types/t.ts';
import type { Window } from '../../functions/window.ts';

/** The namespace of state and timers of a window. Bounds may be infinite. */
export const WINDOW_SCHEMA: Schema<Window> = t.struct({
  start: t.float64 as Schema<Timestamp>,
  end: t.float64 as Schema<Timestamp>,
});

/** The time by the key at hand and by the clock. */
export interface Times {
  readonly watermark: () => number;
  readonly processingTime: () => Timestamp;
}

/**
 * The last event time that belongs to a window, at which its timers are set. A window without end
 * is over when all input has ended: no watermark but the last one is as high.
 */
export function lastTimeOf(window: Window): number {
  const last = window.end - 1;
  return last < Number.MAX_SAFE_INTEGER ? last : Number.MAX_SAFE_INTEGER;
}

export function sameWindow(left: Window, right: Window): boolean {
  return left.start === right.start && left.end === right.end;
}
