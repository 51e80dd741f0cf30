/** `CountWindowTrigger` for runs of windows. */
import type { WindowTime } from '../../../functions/window.ts';
import { FIRE } from '../triggers/window-trigger.ts';
import type { RunNumbers } from './key-windows.ts';
import type { WindowRun } from './range-numbers.ts';
import type { Decided, RangeSurroundings, RangeTrigger } from './range-trigger.ts';

export class CountRanges implements RangeTrigger {
  readonly #limit: number;
  /** Records since the last firing. */
  readonly #counts: RunNumbers;

  constructor(limit: number, { keyWindows }: RangeSurroundings) {
    this.#limit = limit;
    this.#counts = keyWindows.slot(0);
  }

  onElement(_value: unknown, _timestamp: number, run: WindowRun): readonly Decided[] {
    const counts = this.#counts;
    counts.add(run, 1);
    const full = counts.from(this.#limit, run);
    for (const each of full) counts.reset(each);
    return full.map((each) => ({ ...each, decision: FIRE }));
  }

  onTimer(): readonly Decided[] {
    return [];
  }

  clear(run: WindowRun): void {
    this.#counts.reset(run);
  }

  next(_time: WindowTime): number {
    return Infinity;
  }

  due(): readonly (readonly WindowRun[])[] {
    return [];
  }
}
