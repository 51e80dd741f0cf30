/**
 * What the operator calls of a trigger that decides for whole runs of windows, as `WindowTrigger`
 * does for one. All of it concerns the current key.
 */
import type { WindowTime } from '../../../functions/window.ts';
import type { Decision } from '../triggers/window-trigger.ts';
import type { Times } from '../window-schema.ts';
import type { KeyWindows } from './key-windows.ts';
import type { WindowRun } from './range-numbers.ts';
import type { WindowGrid } from './window-grid.ts';

/** Windows for which the same is to be done, which is something. */
export interface Decided extends WindowRun {
  readonly decision: Decision;
}

/** Where windows are in no part of an answer, nothing is done. Parts ascend. */
export interface RangeTrigger {
  /** A record has come to the windows of the run. */
  onElement(value: unknown, timestamp: number, run: WindowRun): readonly Decided[];
  /**
   * A timer is due of the windows of the run: the trigger's own, another's that is around it or
   * within it, or the one that clears them.
   */
  onTimer(time: WindowTime, at: number, run: WindowRun): readonly Decided[];
  /** Forgets what it keeps of the windows, timers too. */
  clear(run: WindowRun): void;
  /** When the earliest of its timers is due; infinity if there is none. */
  next(time: WindowTime): number;
  /** Windows whose timers are due then, at most so many of them, in lists that ascend. */
  due(time: WindowTime, at: number, atMost: number): readonly (readonly WindowRun[])[];
}

/** What they are made with. */
export interface RangeSurroundings {
  readonly operator: string;
  readonly keyWindows: KeyWindows;
  readonly grid: WindowGrid;
  /** Of the windows. */
  readonly time: WindowTime;
  readonly times: Times;
}
