/**
 * Early firings of windows of event time, and late ones that gather late records: both by the
 * clock, as `trigger.eventTime({ early, late })` says.
 *
 * Invariants
 * C1. An early firing is for windows that event time has not come to the end of for their key: the
 *     firing at the end takes the place of those that are planned.
 * C2. What late records have planned is fired before the window is dropped.
 */
import type { Timestamp } from '../../base/units.ts';
import type { EventTimeTrigger } from '../../functions/trigger.ts';
import type { OperatorContext } from '../operator.ts';
import { PlannedFirings } from './planned-firings.ts';
import type { GroupedKey } from './window-results.ts';

/** Windows fired in one go, and timers in one call. */
const FIRED_AT_ONCE = 256;

export interface ClockFiringsOptions {
  readonly trigger: Pick<EventTimeTrigger, 'early' | 'late'>;
  readonly lateness: number;
  readonly step: number;
  /** How far event time has come for the keys of a group. */
  readonly reachedOf: (keyGroup: number) => number;
  /** The earliest end of a window at or after this time. */
  readonly endAtOrAfter: (at: number) => number;
  /** Fires windows of a key that end from `first` to `last`. */
  readonly fire: (of: GroupedKey, first: number, last: number) => void;
}

export class ClockFirings {
  readonly #context: OperatorContext;
  readonly #options: ClockFiringsOptions;
  readonly #early: PlannedFirings | undefined;
  readonly #late: PlannedFirings | undefined;

  /** In the operator's `open`. */
  constructor(context: OperatorContext, options: ClockFiringsOptions) {
    const { trigger, lateness, step } = options;
    const { early, late } = trigger;
    this.#context = context;
    this.#options = options;
    const planned = (name: string, delay: number, untilOver: boolean): PlannedFirings =>
      new PlannedFirings(context, { name, delay, step, untilOver });
    this.#early = early === undefined ? undefined : planned('early', early, false);
    this.#late = late === 'each' || lateness === 0 ? undefined : planned('late', late, true);
  }

  /** A record has come to windows of the current key that event time has not come to. */
  planEarly(first: number, last: number): void {
    this.#early?.plan(first, last);
  }

  /** A late record has come to windows of the current key. @returns false: they fire at once. */
  planLate(first: number, last: number): boolean {
    this.#late?.plan(first, last);
    return this.#late !== undefined;
  }

  /** Fires what is due by the clock. False: call again. */
  advance(now: Timestamp): boolean {
    const context = this.#context;
    for (const planned of [this.#early, this.#late]) {
      if (planned === undefined) continue;
      for (let left = FIRED_AT_ONCE; left > 0 && !context.isHeld; left--) {
        const due = planned.takeDue(now, FIRED_AT_ONCE);
        if (due === undefined) break;
        for (const { first, last } of due) this.#fire(planned, first, last);
      }
      if (planned.next <= now) return false;
    }
    const next = Math.min(this.#early?.next ?? Infinity, this.#late?.next ?? Infinity);
    if (next !== Infinity) context.wakeAt(next as Timestamp);
    return true;
  }

  /** C2: of windows whose last millisecond is at or before `time`. False: call again. */
  finishOver(time: number): boolean {
    const late = this.#late;
    if (late === undefined) return true;
    const context = this.#context;
    for (let over = late.takeOver(time); over !== undefined; over = late.takeOver(time)) {
      for (const { first, last } of over) this.#options.fire(this.#currentKey(), first, last);
      if (context.isHeld) return false;
    }
    return true;
  }

  /** C1 */
  #fire(planned: PlannedFirings, first: number, last: number): void {
    const { reachedOf, endAtOrAfter, fire } = this.#options;
    const of = this.#currentKey();
    if (planned === this.#late) {
      fire(of, first, last);
      return;
    }
    const open = Math.max(first, endAtOrAfter(reachedOf(of.keyGroup) + 2));
    if (open <= last) fire(of, open, last);
  }

  #currentKey(): GroupedKey {
    const { currentKey, currentKeyGroup } = this.#context.keyedState;
    return { key: currentKey!, keyGroup: currentKeyGroup };
  }
}
