/** `TimeoutWindowTrigger`, `PurgingWindowTrigger` and `NEVER` for runs of windows. */
import type { TimeoutTrigger } from '../../../functions/trigger.ts';
import type { WindowTime } from '../../../functions/window.ts';
import { FIRE, FIRE_AND_PURGE, PURGE } from '../triggers/window-trigger.ts';
import type { Times } from '../window-schema.ts';
import type { WindowRun } from './range-numbers.ts';
import { PlannedTimers } from './range-timers.ts';
import type { Decided, RangeSurroundings, RangeTrigger } from './range-trigger.ts';
import { gapsOf } from './window-grid.ts';

/** Any timer of a window fires, also that which clears it. */
export class TimeoutRanges implements RangeTrigger {
  readonly #options: TimeoutTrigger<unknown>;
  readonly #nested: RangeTrigger;
  readonly #times: Times;
  readonly #timeouts: PlannedTimers;

  constructor(
    options: TimeoutTrigger<unknown>,
    nested: RangeTrigger,
    { keyWindows, times }: RangeSurroundings,
  ) {
    this.#options = options;
    this.#nested = nested;
    this.#times = times;
    this.#timeouts = new PlannedTimers(keyWindows, 'processing');
  }

  onElement(value: unknown, timestamp: number, run: WindowRun): readonly Decided[] {
    const decided = this.#nested.onElement(value, timestamp, run);
    const fired = decided.filter(({ decision }) => (decision & FIRE) !== 0);
    for (const each of fired) this.clear(each);
    const at = this.#times.processingTime() + this.#options.timeout;
    for (const rest of gapsOf(run, fired)) {
      if (this.#options.resetOnElement) this.#timeouts.plan(rest, at);
      else this.#timeouts.planIfNone(rest, at);
    }
    return decided;
  }

  /** All there is has been fired, so that a time-out still to come starts with the next record. */
  onTimer(time: WindowTime, at: number, run: WindowRun): readonly Decided[] {
    const nested = this.#nested.onTimer(time, at, run);
    if (this.#options.clearOnTimeout) this.clear(run);
    else this.#timeouts.cancel(run);
    const purged = nested.filter(({ decision }) => (decision & PURGE) !== 0);
    const all = [
      ...purged.map((each) => ({ ...each, decision: FIRE_AND_PURGE })),
      ...gapsOf(run, purged).map((each) => ({ ...each, decision: FIRE })),
    ];
    return all.sort((left, right) => left.first - right.first);
  }

  clear(run: WindowRun): void {
    this.#timeouts.cancel(run);
    this.#nested.clear(run);
  }

  next(time: WindowTime): number {
    return Math.min(this.#timeouts.next(time), this.#nested.next(time));
  }

  due(time: WindowTime, at: number, atMost: number): readonly (readonly WindowRun[])[] {
    return [this.#timeouts.due(time, at, atMost), ...this.#nested.due(time, at, atMost)];
  }
}

export class PurgingRanges implements RangeTrigger {
  readonly #nested: RangeTrigger;

  constructor(nested: RangeTrigger) {
    this.#nested = nested;
  }

  onElement(value: unknown, timestamp: number, run: WindowRun): readonly Decided[] {
    return purging(this.#nested.onElement(value, timestamp, run));
  }

  onTimer(time: WindowTime, at: number, run: WindowRun): readonly Decided[] {
    return purging(this.#nested.onTimer(time, at, run));
  }

  clear(run: WindowRun): void {
    this.#nested.clear(run);
  }

  next(time: WindowTime): number {
    return this.#nested.next(time);
  }

  due(time: WindowTime, at: number, atMost: number): readonly (readonly WindowRun[])[] {
    return this.#nested.due(time, at, atMost);
  }
}

export const NEVER: RangeTrigger = {
  onElement: () => [],
  onTimer: () => [],
  clear() {},
  next: () => Infinity,
  due: () => [],
};

function purging(decided: readonly Decided[]): readonly Decided[] {
  return decided.map((each) =>
    (each.decision & FIRE) === 0 ? each : { ...each, decision: FIRE_AND_PURGE },
  );
}
