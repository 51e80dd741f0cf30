/**
 * Flink's DeltaTrigger: fires when a record is further from the one that fired last than a
 * threshold. The first record of a window begins.
 */
import { assert } from '../../../base/assert.ts';
import type { DeltaTrigger } from '../../../functions/trigger.ts';
import { state, type ValueState } from '../../../functions/state.ts';
import type { Window } from '../../../functions/window.ts';
import type { NamespacedState } from '../../../state/keyed-state-backend.ts';
import { refusePromise, userCodeFailure } from '../../user-code.ts';
import { WINDOW_SCHEMA } from '../window-schema.ts';
import { CONTINUE, FIRE } from './window-trigger.ts';
import type { Decision, TriggerSurroundings, WindowTrigger } from './window-trigger.ts';

export class DeltaWindowTrigger implements WindowTrigger {
  readonly #threshold: number;
  readonly #delta: (last: unknown, value: unknown) => number;
  readonly #operator: string;
  readonly #last: NamespacedState<ValueState<unknown>, Window>;

  constructor({ threshold, delta, schema }: DeltaTrigger<unknown>, by: TriggerSurroundings) {
    this.#threshold = threshold;
    this.#delta = delta;
    this.#operator = by.operator;
    const name = by.stateName('last-element');
    this.#last = by.backend.registerNamespaced(name, state.value(schema), WINDOW_SCHEMA);
  }

  onElement(value: unknown, _timestamp: number, window: Window): Decision {
    this.#last.setNamespace(window);
    const { handle } = this.#last;
    const last = handle.get();
    if (last !== undefined && !(this.#difference(last, value) > this.#threshold)) return CONTINUE;
    handle.set(value);
    return last === undefined ? CONTINUE : FIRE;
  }

  onEventTime(): Decision {
    return CONTINUE;
  }

  onProcessingTime(): Decision {
    return CONTINUE;
  }

  onMerge(): void {
    assert(false, 'a delta trigger does not merge, and is refused when the graph is built');
  }

  clear(window: Window): void {
    this.#last.setNamespace(window);
    this.#last.handle.clear();
  }

  #difference(last: unknown, value: unknown): number {
    try {
      const difference = this.#delta(last, value);
      refusePromise(difference, 'delta', this.#operator);
      return difference;
    } catch (thrown) {
      throw userCodeFailure('delta', this.#operator, thrown);
    }
  }
}
