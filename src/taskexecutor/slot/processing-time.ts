/**
 * Which operators of a task want to be called at which processing time. An operator asks for one
 * call at a time (`OperatorContext.wakeAt`, the earliest request wins); the clock marks it as due,
 * and the task calls it when nothing holds the output.
 *
 * Invariants
 * W1. An operator with `processingTime` is due once at the start, so that it can ask for what its
 *     restored state needs.
 * W2. An operator that is not due has a timer of the clock running exactly if it has asked for a
 *     call since the last one.
 */
import { assert } from '../../base/assert.ts';
import type { Duration, Timestamp } from '../../base/units.ts';
import type { Clock } from '../../env/env.ts';
import type { Operator } from '../../operators/operator.ts';

/**
 * The clock's timers run on monotonic time: after so long the wall clock is looked at again, in
 * case it was set meanwhile.
 */
const LOOK_AGAIN_MILLIS = 60_000;

interface Wake {
  readonly operator: Operator;
  at: number;
  due: boolean;
  timer: Disposable | undefined;
}

export class ProcessingTime {
  readonly #clock: Pick<Clock, 'now' | 'after'>;
  readonly #onDue: () => void;
  readonly #wakes: readonly Wake[];
  #closed = false;

  constructor(
    clock: Pick<Clock, 'now' | 'after'>,
    operators: readonly Operator[],
    onDue: () => void,
  ) {
    this.#clock = clock;
    this.#onDue = onDue;
    this.#wakes = operators
      .filter((operator) => operator.processingTime !== undefined)
      .map((operator) => ({ operator, at: Infinity, due: true, timer: undefined }));
  }

  /** Whether `fire` would call somebody. */
  get isDue(): boolean {
    for (const wake of this.#wakes) if (wake.due) return true;
    return false;
  }

  /** Asks for a call of `operator.processingTime` at `at`. */
  wakeAt(operator: Operator, at: Timestamp): void {
    const wake = this.#wakes.find((candidate) => candidate.operator === operator);
    assert(wake !== undefined, 'W2: only an operator with processingTime can be woken');
    if (wake.at <= at || this.#closed) return;
    wake.at = at;
    if (!wake.due) this.#arm(wake);
  }

  /** Calls whoever is due. @returns false if somebody has to be called again. */
  fire(): boolean {
    for (const wake of this.#wakes) {
      if (!wake.due) continue;
      wake.at = Infinity;
      wake.timer?.[Symbol.dispose]();
      wake.timer = undefined;
      if (!wake.operator.processingTime!(this.#clock.now())) return false;
      wake.due = false;
      if (wake.at !== Infinity) this.#arm(wake);
    }
    return true;
  }

  close(): void {
    this.#closed = true;
    for (const wake of this.#wakes) {
      wake.timer?.[Symbol.dispose]();
      wake.timer = undefined;
      wake.due = false;
    }
  }

  /** W2 */
  #arm(wake: Wake): void {
    wake.timer?.[Symbol.dispose]();
    wake.timer = undefined;
    const delay = wake.at - this.#clock.now();
    if (delay <= 0) {
      wake.due = true;
      this.#onDue();
      return;
    }
    wake.timer = this.#clock.after(Math.min(delay, LOOK_AGAIN_MILLIS) as Duration, () => {
      wake.timer = undefined;
      this.#arm(wake);
    });
  }
}
