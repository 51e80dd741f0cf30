/**
 * Windows of keys that fire at every multiple of an interval from their first record on, by event
 * time or by the clock. What a record plans is a range of windows, so that it costs the same
 * however much windows overlap.
 *
 * Invariants
 * R1. `#planned` of a key has the ends of the windows that have had a record and may still fire.
 *     Each is in one timer, if a multiple comes before its end. Timers may have others, too.
 * R2. Each window of `#planned` is in a timer of `#over`, by which it leaves.
 */
import { state } from '../../functions/state.ts';
import type { ValueState } from '../../functions/state.ts';
import type { TimerQueue } from '../../state/keyed-state-backend.ts';
import type { Schema } from '../../types/schema.ts';
import { t } from '../../types/t.ts';
import type { OperatorContext } from '../operator.ts';
import { windowStart } from './assign-windows.ts';
import { holdsAll, NO_ENDS, partsOf, withoutRange, withRange } from './end-ranges.ts';
import type { EndRange, EndRanges } from './end-ranges.ts';
import type { GroupedKey } from './window-results.ts';

const RANGE: Schema<EndRange> = t.struct({ first: t.float64, last: t.float64 });
const ENDS: Schema<EndRanges> = t.array(t.float64);

/** Windows fired in one go, and timers in one call. */
const FIRED_AT_ONCE = 256;

export interface RepeatedFiringsOptions {
  readonly interval: number;
  /** From the end of one window to the end of the next. */
  readonly step: number;
  /** The earliest end of a window that a multiple at `at` comes before, for the keys of a group. */
  readonly firstEndAfter: (at: number, keyGroup: number) => number;
  /** Fires windows of a key that end from `first` to `last`. */
  readonly fire: (of: GroupedKey, first: number, last: number) => void;
}

export class RepeatedFirings {
  readonly #context: OperatorContext;
  readonly #options: RepeatedFiringsOptions;
  readonly #planned: ValueState<EndRanges | undefined>;
  readonly #timers: TimerQueue<EndRange>;
  readonly #over: TimerQueue<EndRange>;

  /** In the operator's `open`. */
  constructor(context: OperatorContext, options: RepeatedFiringsOptions) {
    const backend = context.keyedState;
    this.#context = context;
    this.#options = options;
    this.#planned = backend.register('repeated-planned', state.value(ENDS));
    this.#timers = backend.registerTimers('repeated-firings', RANGE);
    this.#over = backend.registerTimers('repeated-firings-over', RANGE);
  }

  /** When the earliest is due; infinity if there is none. */
  get next(): number {
    return this.#timers.next;
  }

  /**
   * A record of that time has come to windows of the current key. Those that had none before fire
   * at the next multiple.
   */
  plan(first: number, last: number, at: number): void {
    const { interval, step } = this.#options;
    const planned = this.#planned.get() ?? NO_ENDS;
    if (first > last || holdsAll(planned, first, last)) return;
    const range = { first, last };
    const due = windowStart(at, 0, interval) + interval;
    for (const added of partsOf(planned, range, 'absent', step)) {
      this.#register(due, added, this.#context.keyedState.currentKeyGroup);
      this.#registerOver(added);
    }
    this.#planned.set(withRange(planned, range, step));
  }

  /** Fires what is due at the limit. False: call again. */
  advance(limit: number): boolean {
    const timers = this.#timers;
    const until = Math.min(limit, Number.MAX_SAFE_INTEGER);
    for (let left = FIRED_AT_ONCE; left > 0 && !this.#context.isHeld; left--) {
      if (!timers.pop(until)) return true;
      this.#fire(timers.at, timers.namespace);
    }
    return timers.next > until;
  }

  /** Nothing fires any more. */
  cancelAll(): void {
    while (this.#timers.pop(Number.MAX_SAFE_INTEGER));
  }

  /** Windows whose last millisecond is at or before `time` fire no more. */
  leave(time: number): void {
    const { step } = this.#options;
    const over = this.#over;
    while (over.pop(Math.min(time, Number.MAX_SAFE_INTEGER))) {
      const { first, last } = over.namespace;
      const steps = Math.floor((time + 1 - first) / step);
      const lastOver = Math.min(last, first + Math.max(steps, 0) * step);
      if (lastOver < last) this.#registerOver({ first: lastOver + step, last });
      const left = withoutRange(this.#planned.get() ?? NO_ENDS, { first, last: lastOver }, step);
      this.#planned.set(left.length === 0 ? undefined : left);
    }
  }

  #fire(at: number, { first, last }: EndRange): void {
    const { interval, step, firstEndAfter, fire } = this.#options;
    const { currentKey, currentKeyGroup } = this.#context.keyedState;
    const of = { key: currentKey!, keyGroup: currentKeyGroup };
    const from = Math.max(first, firstEndAfter(at, of.keyGroup));
    const to = Math.min(last, from + (FIRED_AT_ONCE - 1) * step);
    if (to < last) this.#timers.register(at, { first: to + step, last });
    if (from > to) return;
    const planned = this.#planned.get() ?? NO_ENDS;
    for (const part of partsOf(planned, { first: from, last: to }, 'present', step)) {
      this.#register(at + interval, part, of.keyGroup);
      fire(of, part.first, part.last);
    }
  }

  /** R1 */
  #register(at: number, { first, last }: EndRange, keyGroup: number): void {
    const from = Math.max(first, this.#options.firstEndAfter(at, keyGroup));
    if (from > last || at > Number.MAX_SAFE_INTEGER) return;
    this.#timers.register(at, { first: from, last });
  }

  /** R2 */
  #registerOver(range: EndRange): void {
    this.#over.register(Math.min(range.first - 1, Number.MAX_SAFE_INTEGER), range);
  }
}
