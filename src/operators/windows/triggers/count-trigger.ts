/** Flink's CountTrigger: fires at every n-th record of a window. */
import type { Window } from '../../../functions/window.ts';
import { CONTINUE, FIRE, WindowNumber } from './window-trigger.ts';
import type { Decision, TriggerSurroundings, WindowTrigger } from './window-trigger.ts';

export class CountWindowTrigger implements WindowTrigger {
  readonly #limit: number;
  /** Records since the last firing. */
  readonly #count: WindowNumber;

  constructor(limit: number, surroundings: TriggerSurroundings) {
    this.#limit = limit;
    this.#count = new WindowNumber(surroundings, 'count');
  }

  onElement(_value: unknown, _timestamp: number, window: Window): Decision {
    const count = (this.#count.get(window) ?? 0) + 1;
    const isFull = count >= this.#limit;
    this.#count.set(window, isFull ? undefined : count);
    return isFull ? FIRE : CONTINUE;
  }

  onEventTime(): Decision {
    return CONTINUE;
  }

  onProcessingTime(): Decision {
    return CONTINUE;
  }

  /** The sum may be above the limit: the next record fires then. */
  onMerge(window: Window, merged: readonly Window[]): void {
    let sum = 0;
    for (const each of merged) {
      sum += this.#count.get(each) ?? 0;
      this.#count.set(each, undefined);
    }
    if (sum > 0) this.#count.set(window, sum);
  }

  clear(window: Window): void {
    this.#count.set(window, undefined);
  }
}
