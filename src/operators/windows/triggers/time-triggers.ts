/**
 * Triggers that fire at the end of their window: by event time, with early and late firings, and by
 * processing time.
 */
import type { Timestamp } from '../../../base/units.ts';
import type { EventTimeTrigger } from '../../../functions/trigger.ts';
import type { Window } from '../../../functions/window.ts';
import { lastTimeOf, type Times } from '../window-schema.ts';
import { PendingFiring } from './pending-firing.ts';
import { CONTINUE, FIRE } from './window-trigger.ts';
import type {
  Decision,
  TriggerSurroundings,
  TriggerTimers,
  WindowTrigger,
} from './window-trigger.ts';

/**
 * Flink's EventTimeTrigger: a timer at the last time of the window; late records fire at once. With
 * `early` or `late` there is also a firing by the clock, planned at the first record that has not
 * been fired yet.
 */
export class EventTimeWindowTrigger implements WindowTrigger {
  readonly #early: number | undefined;
  readonly #late: number | undefined;
  readonly #timers: TriggerTimers;
  readonly #times: Times;
  readonly #pending: PendingFiring | undefined;

  constructor({ early, late }: EventTimeTrigger, surroundings: TriggerSurroundings) {
    this.#early = early;
    this.#late = late === 'each' ? undefined : late;
    this.#timers = surroundings.timers;
    this.#times = surroundings.times;
    const isPlanned = early !== undefined || late !== 'each';
    this.#pending = isPlanned
      ? new PendingFiring(surroundings, 'fire-time', 'processing')
      : undefined;
  }

  onElement(_value: unknown, _timestamp: number, window: Window): Decision {
    const last = lastTimeOf(window);
    if (last <= this.#times.watermark()) {
      if (this.#late === undefined) return FIRE;
      this.#plan(window, this.#late);
      return CONTINUE;
    }
    this.#timers.registerEvent(last, window);
    if (this.#early !== undefined) this.#plan(window, this.#early);
    return CONTINUE;
  }

  onEventTime(at: Timestamp, window: Window): Decision {
    if (at === lastTimeOf(window)) {
      this.#pending?.cancel(window);
      return FIRE;
    }
    // The window is about to be cleared: what has come late has not been fired yet.
    if (this.#pending?.get(window) === undefined) return CONTINUE;
    this.#pending.cancel(window);
    return FIRE;
  }

  onProcessingTime(at: Timestamp, window: Window): Decision {
    if (this.#pending?.get(window) !== at) return CONTINUE;
    this.#pending.done(window);
    return FIRE;
  }

  onMerge(window: Window, merged: readonly Window[]): void {
    const last = lastTimeOf(window);
    if (last > this.#times.watermark()) this.#timers.registerEvent(last, window);
    this.#pending?.merge(window, merged);
  }

  clear(window: Window): void {
    this.#timers.deleteEvent(lastTimeOf(window), window);
    this.#pending?.cancel(window);
  }

  #plan(window: Window, after: number): void {
    if (this.#pending!.get(window) === undefined)
      this.#pending!.plan(window, this.#times.processingTime() + after);
  }
}

/** Flink's ProcessingTimeTrigger: a timer at the end of the window. */
export class ProcessingTimeWindowTrigger implements WindowTrigger {
  readonly #timers: TriggerTimers;
  readonly #times: Times;

  constructor({ byClock, timers, times }: TriggerSurroundings) {
    this.#timers = timers;
    this.#times = times;
    byClock.push({ hasTimerAt: (at, window) => at === window.end });
  }

  onElement(_value: unknown, _timestamp: number, window: Window): Decision {
    this.#register(window);
    return CONTINUE;
  }

  onEventTime(): Decision {
    return CONTINUE;
  }

  onProcessingTime(): Decision {
    return FIRE;
  }

  onMerge(window: Window): void {
    if (window.end > this.#times.processingTime()) this.#register(window);
  }

  clear(window: Window): void {
    if (window.end < Infinity) this.#timers.deleteProcessing(window.end, window);
  }

  /** A window without end is never over by the clock. */
  #register(window: Window): void {
    if (window.end < Infinity) this.#timers.registerProcessing(window.end, window);
  }
}
