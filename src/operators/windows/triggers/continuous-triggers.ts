/** Triggers that fire at every multiple of an interval. */
import type { Timestamp } from '../../../base/units.ts';
import type { Window } from '../../../functions/window.ts';
import { NO_TIMESTAMP } from '../../../network/batch.ts';
import { MAX_WATERMARK } from '../../../network/control-element.ts';
import { noTimestamp } from '../../timestamp-errors.ts';
import { windowStart } from '../assign-windows.ts';
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
 * Flink's ContinuousEventTimeTrigger, but for the end of event time, which fires once, at the end
 * of the window. Flink fires for every multiple up to there, with the same contents every time: a
 * few records in a window of a year, with an interval of a second, would be 31 million results.
 */
export class ContinuousEventTimeWindowTrigger implements WindowTrigger {
  readonly #interval: number;
  readonly #timers: TriggerTimers;
  readonly #times: Times;
  readonly #next: PendingFiring;
  readonly #operator: string;

  constructor(interval: number, surroundings: TriggerSurroundings) {
    this.#interval = interval;
    this.#timers = surroundings.timers;
    this.#times = surroundings.times;
    this.#next = new PendingFiring(surroundings, 'fire-time', 'event');
    this.#operator = surroundings.operator;
  }

  onElement(value: unknown, timestamp: number, window: Window): Decision {
    if (timestamp === NO_TIMESTAMP) throw noTimestamp(this.#operator, value);
    const last = lastTimeOf(window);
    if (last <= this.#times.watermark()) return FIRE;
    this.#timers.registerEvent(last, window);
    if (this.#next.get(window) === undefined) {
      this.#plan(window, windowStart(timestamp, 0, this.#interval));
    }
    return CONTINUE;
  }

  onEventTime(at: Timestamp, window: Window): Decision {
    if (at === lastTimeOf(window)) return FIRE;
    if (this.#next.get(window) !== at) return CONTINUE;
    if (this.#times.watermark() === MAX_WATERMARK) {
      this.#next.plan(window, lastTimeOf(window));
      return CONTINUE;
    }
    this.#plan(window, at);
    return FIRE;
  }

  onProcessingTime(): Decision {
    return CONTINUE;
  }

  onMerge(window: Window, merged: readonly Window[]): void {
    this.#next.merge(window, merged);
  }

  clear(window: Window): void {
    this.#timers.deleteEvent(lastTimeOf(window), window);
    this.#next.cancel(window);
  }

  #plan(window: Window, after: number): void {
    this.#next.plan(window, Math.min(after + this.#interval, lastTimeOf(window)));
  }
}

/**
 * Flink's ContinuousProcessingTimeTrigger. Windows of processing time fire at their end for the
 * last time; those of event time have an end that says nothing about the clock.
 */
export class ContinuousProcessingTimeWindowTrigger implements WindowTrigger {
  readonly #interval: number;
  readonly #times: Times;
  readonly #endsByClock: boolean;
  readonly #next: PendingFiring;

  constructor(interval: number, surroundings: TriggerSurroundings) {
    this.#interval = interval;
    this.#times = surroundings.times;
    this.#endsByClock = surroundings.time === 'processing';
    this.#next = new PendingFiring(surroundings, 'fire-time', 'processing');
  }

  onElement(_value: unknown, _timestamp: number, window: Window): Decision {
    if (this.#next.get(window) === undefined) {
      this.#plan(window, windowStart(this.#times.processingTime(), 0, this.#interval));
    }
    return CONTINUE;
  }

  onEventTime(): Decision {
    return CONTINUE;
  }

  onProcessingTime(at: Timestamp, window: Window): Decision {
    if (this.#next.get(window) !== at) return CONTINUE;
    if (this.#endsByClock && at >= window.end) this.#next.done(window);
    else this.#plan(window, at);
    return FIRE;
  }

  onMerge(window: Window, merged: readonly Window[]): void {
    this.#next.merge(window, merged);
  }

  clear(window: Window): void {
    this.#next.cancel(window);
  }

  #plan(window: Window, after: number): void {
    const at = after + this.#interval;
    this.#next.plan(window, this.#endsByClock ? Math.min(at, window.end) : at);
  }
}
