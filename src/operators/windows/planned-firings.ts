/**
 * Windows of keys that are to be fired by the clock, some time after a record has come. What a
 * record plans is a range of windows, so that it costs the same however much windows overlap.
 *
 * Invariants
 * P1. `#planned` of a key has the ends of the windows that wait; each is in one timer of the clock.
 *     A timer may also have windows that wait no more.
 * P2. With `#over`, each window that waits is in a timer there too, at its last millisecond.
 */
import type { Timestamp } from '../../base/units.ts';
import { state } from '../../functions/state.ts';
import type { ValueState } from '../../functions/state.ts';
import type { TimerQueue } from '../../state/keyed-state-backend.ts';
import type { Schema } from '../../types/schema.ts';
import { t } from '../../types/t.ts';
import type { OperatorContext } from '../operator.ts';
import { holdsAll, NO_ENDS, partsOf, withoutRange, withRange } from './end-ranges.ts';
import type { EndRange, EndRanges } from './end-ranges.ts';

const RANGE: Schema<EndRange> = t.struct({ first: t.float64, last: t.float64 });
const ENDS: Schema<EndRanges> = t.array(t.float64);

export interface PlannedFiringsOptions {
  /** Of its state within the operator. */
  readonly name: string;
  /** From a record to the firing, by the clock. */
  readonly delay: number;
  /** From the end of one window to the end of the next. */
  readonly step: number;
  /** Whether `takeOver` will ask for those that are over before their time has come. */
  readonly untilOver: boolean;
}

export class PlannedFirings {
  readonly #context: OperatorContext;
  readonly #delay: number;
  readonly #step: number;
  readonly #planned: ValueState<EndRanges | undefined>;
  readonly #clock: TimerQueue<EndRange>;
  readonly #over: TimerQueue<EndRange> | undefined;

  /** In the operator's `open`. */
  constructor(context: OperatorContext, { name, delay, step, untilOver }: PlannedFiringsOptions) {
    const backend = context.keyedState;
    this.#context = context;
    this.#delay = delay;
    this.#step = step;
    this.#planned = backend.register(`${name}-planned`, state.value(ENDS));
    this.#clock = backend.registerTimers(`${name}-firings`, RANGE);
    this.#over = untilOver ? backend.registerTimers(`${name}-firings-over`, RANGE) : undefined;
  }

  /** When the earliest is due by the clock; infinity if there is none. */
  get next(): number {
    return this.#clock.next;
  }

  /** Windows of the current key that wait are to be fired after the delay; others wait on. */
  plan(first: number, last: number): void {
    const planned = this.#planned.get() ?? NO_ENDS;
    if (holdsAll(planned, first, last)) return;
    const range = { first, last };
    const due = this.#context.processingTime() + this.#delay;
    const at = Math.min(due, Number.MAX_SAFE_INTEGER);
    const isEarliest = at < this.next;
    for (const added of partsOf(planned, range, 'absent', this.#step)) {
      this.#clock.register(at, added);
      if (this.#over !== undefined) this.#registerOver(this.#over, added);
    }
    this.#planned.set(withRange(planned, range, this.#step));
    if (isEarliest) this.#context.wakeAt(at as Timestamp);
  }

  /**
   * Takes windows that are due by the clock, at most so many, of one key, which is current then.
   * @returns undefined if none is due
   */
  takeDue(now: Timestamp, windows: number): readonly EndRange[] | undefined {
    if (!this.#clock.pop(now)) return undefined;
    const { at, namespace } = this.#clock;
    const { first } = namespace;
    const last = Math.min(namespace.last, first + (windows - 1) * this.#step);
    if (last < namespace.last) {
      this.#clock.register(at, { first: last + this.#step, last: namespace.last });
    }
    return this.#take({ first, last });
  }

  /**
   * The same of windows whose last millisecond is at or before `time`: they will be no more.
   * @returns undefined if there is none
   */
  takeOver(time: number): readonly EndRange[] | undefined {
    const over = this.#over;
    if (over === undefined || !over.pop(Math.min(time, Number.MAX_SAFE_INTEGER))) return undefined;
    const { first, last } = over.namespace;
    const steps = Math.floor((time + 1 - first) / this.#step);
    const lastOver = Math.min(last, first + Math.max(steps, 0) * this.#step);
    if (lastOver < last) this.#registerOver(over, { first: lastOver + this.#step, last });
    return this.#take({ first, last: lastOver });
  }

  /** P1: those of the current key that wait, which they do no more. */
  #take(range: EndRange): readonly EndRange[] {
    const planned = this.#planned.get();
    if (planned === undefined) return [];
    const parts = partsOf(planned, range, 'present', this.#step);
    if (parts.length === 0) return parts;
    const left = withoutRange(planned, range, this.#step);
    this.#planned.set(left.length === 0 ? undefined : left);
    return parts;
  }

  /** P2 */
  #registerOver(over: TimerQueue<EndRange>, range: EndRange): void {
    over.register(Math.min(range.first - 1, Number.MAX_SAFE_INTEGER), range);
  }
}
