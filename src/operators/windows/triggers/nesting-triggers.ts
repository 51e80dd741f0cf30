/** Triggers around another one: with a time-out, and with purging. */
import { assert } from '../../../base/assert.ts';
import type { Timestamp } from '../../../base/units.ts';
import type { TimeoutTrigger } from '../../../functions/trigger.ts';
import type { Window } from '../../../functions/window.ts';
import type { Times } from '../window-schema.ts';
import { PendingFiring } from './pending-firing.ts';
import { CONTINUE, FIRE, FIRE_AND_PURGE, PURGE } from './window-trigger.ts';
import type { Decision, TriggerSurroundings, WindowTrigger } from './window-trigger.ts';

/** Flink's ProcessingTimeoutTrigger: any timer of the window fires, also that which clears it. */
export class TimeoutWindowTrigger implements WindowTrigger {
  readonly #options: TimeoutTrigger<unknown>;
  readonly #nested: WindowTrigger;
  readonly #times: Times;
  readonly #timeout: PendingFiring;

  constructor(
    options: TimeoutTrigger<unknown>,
    nested: WindowTrigger,
    surroundings: TriggerSurroundings,
  ) {
    this.#options = options;
    this.#nested = nested;
    this.#times = surroundings.times;
    this.#timeout = new PendingFiring(surroundings, 'timeout', 'processing');
  }

  onElement(value: unknown, timestamp: number, window: Window): Decision {
    const decision = this.#nested.onElement(value, timestamp, window);
    if ((decision & FIRE) !== 0) {
      this.clear(window);
      return decision;
    }
    if (this.#options.resetOnElement) this.#timeout.cancel(window);
    if (this.#timeout.get(window) === undefined) {
      this.#timeout.plan(window, this.#times.processingTime() + this.#options.timeout);
    }
    return decision;
  }

  onEventTime(at: Timestamp, window: Window): Decision {
    return this.#timedOut(this.#nested.onEventTime(at, window), window);
  }

  onProcessingTime(at: Timestamp, window: Window): Decision {
    return this.#timedOut(this.#nested.onProcessingTime(at, window), window);
  }

  onMerge(): void {
    assert(false, 'a time-out does not merge, and is refused when the graph is built');
  }

  clear(window: Window): void {
    this.#timeout.cancel(window);
    this.#nested.clear(window);
  }

  /** All there is has been fired, so that a time-out still to come starts with the next record. */
  #timedOut(nested: Decision, window: Window): Decision {
    if (this.#options.clearOnTimeout) this.clear(window);
    else this.#timeout.cancel(window);
    return (nested & PURGE) === 0 ? FIRE : FIRE_AND_PURGE;
  }
}

/** Flink's PurgingTrigger. */
export class PurgingWindowTrigger implements WindowTrigger {
  readonly #nested: WindowTrigger;

  constructor(nested: WindowTrigger) {
    this.#nested = nested;
  }

  onElement(value: unknown, timestamp: number, window: Window): Decision {
    return purging(this.#nested.onElement(value, timestamp, window));
  }

  onEventTime(at: Timestamp, window: Window): Decision {
    return purging(this.#nested.onEventTime(at, window));
  }

  onProcessingTime(at: Timestamp, window: Window): Decision {
    return purging(this.#nested.onProcessingTime(at, window));
  }

  onMerge(window: Window, merged: readonly Window[]): void {
    this.#nested.onMerge(window, merged);
  }

  clear(window: Window): void {
    this.#nested.clear(window);
  }
}

/** Flink's NeverTrigger. */
export const NEVER: WindowTrigger = {
  onElement: () => CONTINUE,
  onEventTime: () => CONTINUE,
  onProcessingTime: () => CONTINUE,
  onMerge() {},
  clear() {},
};

function purging(decision: Decision): Decision {
  return (decision & FIRE) === 0 ? decision : FIRE_AND_PURGE;
}
