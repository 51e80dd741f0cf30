/**
 * The timers of a keyed operator, of event time and of processing time. They are state of their
 * keys: in snapshots, and at the same subtask as the key after a restore.
 *
 * Invariants
 * T1. Timers fire in order of time, each once, with its key current; event timers only at or below
 *     the watermark, processing timers only when the clock has come to them.
 * T2. `watermark` is the new one already while it fires timers, never goes back, and is part of the
 *     operator's state.
 * T3. While there are processing timers, the task has been asked for a call at the earliest one.
 */
import { EngineError } from '../base/errors.ts';
import type { Timestamp } from '../base/units.ts';
import { MAX_WATERMARK, MIN_WATERMARK } from '../network/control-element.ts';
import type { KeyedStateBackend, TimerQueue } from '../state/keyed-state-backend.ts';
import type { Schema } from '../types/schema.ts';
import type { OperatorContext } from './operator.ts';
import { GroupWatermark } from './group-watermark.ts';

/** Timers fired in one call, so that a step of the task stays short. */
const FIRED_AT_ONCE = 256;
/** Fired at the end of event time, after which somebody is told: it may go on for ever. */
const FIRED_AT_END_MANY = 1_000_000;

export interface TimerServiceOptions<N> {
  /** Of the timers within the operator. */
  readonly name: string;
  /** Of what a timer carries beside its key, e.g. its window. */
  readonly namespace: Schema<N> | undefined;
  onEvent(at: Timestamp, namespace: N): void;
  onProcessing(at: Timestamp, namespace: N): void;
}

export class TimerService<N = undefined> {
  readonly #context: OperatorContext;
  readonly #options: TimerServiceOptions<N>;
  readonly #backend: KeyedStateBackend;
  readonly #events: TimerQueue<N>;
  readonly #processing: TimerQueue<N>;
  readonly #watermark: GroupWatermark;
  /** A watermark has not fired all its timers yet. */
  #firing = false;
  /** Since the end of event time. */
  #firedAtEnd = 0;

  /** In the operator's `open`. */
  constructor(context: OperatorContext, options: TimerServiceOptions<N>) {
    this.#context = context;
    this.#options = options;
    this.#backend = context.keyedState;
    this.#watermark = new GroupWatermark(context);
    const { name, namespace } = options;
    this.#events = this.#backend.registerTimers(`${name}:event`, namespace);
    this.#processing = this.#backend.registerTimers(`${name}:processing`, namespace);
  }

  /** T2 */
  get watermark(): number {
    return this.#watermark.value;
  }

  /** The watermark for the keys of a group, some of which may be further after a restore. */
  watermarkOf(keyGroup: number): number {
    return this.#watermark.of(keyGroup);
  }

  /** For the current key. @throws EngineError USER_CODE_INVALID_TIMER */
  registerEvent(at: number, namespace: N): void {
    this.#events.register(this.#checked(at), namespace);
  }

  /** Of the current key. */
  deleteEvent(at: number, namespace: N): void {
    this.#events.delete(at, namespace);
  }

  /** For the current key. @throws EngineError USER_CODE_INVALID_TIMER */
  registerProcessing(at: number, namespace: N): void {
    const earliest = this.#processing.next;
    this.#processing.register(this.#checked(at), namespace);
    if (at < earliest) this.#context.wakeAt(at as Timestamp);
  }

  /** Of the current key. */
  deleteProcessing(at: number, namespace: N): void {
    this.#processing.delete(at, namespace);
  }

  /**
   * Fires what is due. False: call again with the same watermark when output has drained. One that
   * is given again after a restore fires nothing: timers that are due were registered too late for
   * it, and wait for the next one, as they would have without the restore. None comes after the
   * end of event time: when that is given again, it fires them.
   */
  advanceWatermark(timestamp: number): boolean {
    const isKnown = timestamp <= this.watermark && timestamp !== MAX_WATERMARK;
    if (isKnown && !this.#firing) return true;
    this.#firing = true;
    this.#watermark.advance(timestamp);
    const queue = this.#events;
    let left = FIRED_AT_ONCE;
    while (queue.pop(Math.min(timestamp, Number.MAX_SAFE_INTEGER))) {
      this.#options.onEvent(queue.at as Timestamp, queue.namespace);
      left -= 1;
      if (left === 0 || this.#context.isHeld) break;
    }
    this.#backend.clearCurrentKey();
    if (timestamp === MAX_WATERMARK) this.#countAtEnd(FIRED_AT_ONCE - left, queue.at);
    if (queue.size > 0 && queue.next <= timestamp) return false;
    this.#firing = false;
    this.#watermark.settle();
    return true;
  }

  /** The same for processing time. */
  advanceProcessingTime(now: Timestamp): boolean {
    const queue = this.#processing;
    // S3: the first call comes before the first record.
    this.#watermark.advance(MIN_WATERMARK);
    let left = FIRED_AT_ONCE;
    while (queue.pop(now)) {
      this.#options.onProcessing(queue.at as Timestamp, queue.namespace);
      left -= 1;
      if (left === 0 || this.#context.isHeld) break;
    }
    this.#backend.clearCurrentKey();
    if (queue.next <= now) return false;
    if (queue.size > 0) this.#context.wakeAt(queue.next as Timestamp);
    return true;
  }

  /** Timers that register themselves again never end then, as in Flink; somebody says why. */
  #countAtEnd(fired: number, last: number): void {
    const before = this.#firedAtEnd;
    this.#firedAtEnd += fired;
    if (before >= FIRED_AT_END_MANY || this.#firedAtEnd < FIRED_AT_END_MANY) return;
    const { logger, operatorName } = this.#context.open;
    logger.warn(
      `"${operatorName}" has fired ${this.#firedAtEnd} timers at the end of event time, the last ` +
        `one for ${timeText(last)}, and goes on. Timers that register themselves in onTimer ` +
        'keep a bounded job from ending: do not register them when ctx.watermark is Infinity.',
    );
  }

  #checked(at: number): number {
    if (Number.isSafeInteger(at)) return at;
    throw new EngineError('USER_CODE_INVALID_TIMER', {
      operator: this.#context.open.operatorName,
      value: String(at),
    });
  }
}

function timeText(at: number): string {
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? String(at) : date.toISOString();
}
