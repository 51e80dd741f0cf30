/**
 * A firing that a trigger has planned for a window: its time, as state, and the timer for it. There
 * is at most one for a window.
 */
import type { Window } from '../../../functions/window.ts';
import { WindowNumber } from './window-trigger.ts';
import type { TimerOwner, TriggerSurroundings, TriggerTimers } from './window-trigger.ts';

export class PendingFiring implements TimerOwner {
  readonly #at: WindowNumber;
  readonly #byClock: readonly TimerOwner[];
  readonly #timers: TriggerTimers;
  readonly #domain: 'event' | 'processing';

  constructor(surroundings: TriggerSurroundings, name: string, domain: 'event' | 'processing') {
    this.#at = new WindowNumber(surroundings, name);
    this.#timers = surroundings.timers;
    this.#domain = domain;
    this.#byClock = surroundings.byClock;
    if (domain === 'processing') surroundings.byClock.push(this);
  }

  hasTimerAt(at: number, window: Window): boolean {
    return this.#at.get(window) === at;
  }

  /** Its time; undefined if there is none. */
  get(window: Window): number | undefined {
    return this.#at.get(window);
  }

  plan(window: Window, at: number): void {
    this.#at.set(window, at);
    if (this.#domain === 'event') this.#timers.registerEvent(at, window);
    else this.#timers.registerProcessing(at, window);
  }

  /** Its timer has fired. */
  done(window: Window): void {
    this.#at.set(window, undefined);
  }

  /** Also the timer. */
  cancel(window: Window): void {
    const at = this.#at.get(window);
    if (at === undefined) return;
    this.#at.set(window, undefined);
    if (this.#domain === 'event') this.#timers.deleteEvent(at, window);
    else if (!this.#byClock.some((owner) => owner.hasTimerAt(at, window))) {
      this.#timers.deleteProcessing(at, window);
    }
  }

  /** The earliest of the merged windows becomes that of `window`. */
  merge(window: Window, merged: readonly Window[]): void {
    let earliest = Infinity;
    for (const each of merged) {
      earliest = Math.min(earliest, this.#at.get(each) ?? Infinity);
      this.cancel(each);
    }
    if (earliest < Infinity) this.plan(window, earliest);
  }
}
