/**
 * Joins two keyed streams by time: every left and right record of a key whose times are no further
 * apart than the interval allows. Each side is kept until the watermark says that nothing can meet
 * it any more; a record looks only at the part of the other side that its interval covers.
 *
 * A record is late if its time is below the watermark; one exactly at it still meets what is kept,
 * as in Flink.
 *
 * Invariants
 * J1. A record that came when the watermark was w is kept until the first watermark above w that
 *     is at or past its expiry: its own time, or that plus the furthest that the other side may be
 *     behind it.
 * J2. While a key keeps records of either side, it has one timer, at the earliest expiry of them.
 */
import { assert } from '../../base/assert.ts';
import type { IntervalJoinSpec } from '../../graph/join-spec.ts';
import type { KeySelector } from '../../graph/operator-spec.ts';
import { timeline } from '../../functions/timeline-state.ts';
import type { TimelineState } from '../../functions/timeline-state.ts';
import { NO_TIMESTAMP } from '../../network/batch.ts';
import type { Schema } from '../../types/schema.ts';
import { KeySelection } from '../key-selection.ts';
import type { OperatorContext, TwoInputOperator } from '../operator.ts';
import { TimerService } from '../timer-service.ts';
import { noTimestamp } from '../timestamp-errors.ts';
import { intervalPairs } from './interval-pairs.ts';
import type { IntervalPairs } from './interval-pairs.ts';
import { LateRecords } from '../late-records.ts';

export class IntervalJoinOperator implements TwoInputOperator {
  readonly #spec: IntervalJoinSpec;
  readonly #pairs: IntervalPairs;
  #name = '';
  #left!: Side;
  #right!: Side;
  #timers!: TimerService;

  constructor(spec: IntervalJoinSpec) {
    this.#spec = spec;
    this.#pairs = intervalPairs(spec.pairs);
  }

  open(context: OperatorContext): void | Promise<void> {
    const { leftKey, rightKey, lower, upper, sides } = this.#spec;
    this.#name = context.open.operatorName;
    this.#left = new Side(context, {
      name: 'left',
      late: 'lateLeft',
      key: leftKey,
      records: sides.left,
      from: lower,
      to: upper,
    });
    this.#right = new Side(context, {
      name: 'right',
      late: 'lateRight',
      key: rightKey,
      records: sides.right,
      from: -upper,
      to: -lower,
    });
    this.#timers = new TimerService(context, {
      name: 'expiry',
      namespace: undefined,
      onEvent: (at) => this.#expire(at),
      onProcessing: () => undefined,
    });
    return this.#pairs.open(context);
  }

  close(): void | Promise<void> {
    return this.#pairs.close();
  }

  processLeft(value: unknown, timestamp: number, keyGroup: number): void {
    if (!this.#take(this.#left, value, timestamp, keyGroup)) return;
    const others = this.#right.state.entries;
    if (others === undefined) return;
    const to = timestamp + this.#left.to;
    let at = others.firstFrom(timestamp + this.#left.from);
    for (const end = others.size; at < end; at++) {
      const time = others.timeAt(at);
      if (time > to) return;
      this.#pairs.pair(value, timestamp, others.valueAt(at), time);
    }
  }

  processRight(value: unknown, timestamp: number, keyGroup: number): void {
    if (!this.#take(this.#right, value, timestamp, keyGroup)) return;
    const others = this.#left.state.entries;
    if (others === undefined) return;
    const to = timestamp + this.#right.to;
    let at = others.firstFrom(timestamp + this.#right.from);
    for (const end = others.size; at < end; at++) {
      const time = others.timeAt(at);
      if (time > to) return;
      this.#pairs.pair(others.valueAt(at), time, value, timestamp);
    }
  }

  watermark(timestamp: number): boolean {
    return this.#timers.advanceWatermark(timestamp);
  }

  /** Keeps a record, unless it is late. */
  #take(side: Side, value: unknown, timestamp: number, keyGroup: number): boolean {
    if (timestamp === NO_TIMESTAMP) throw noTimestamp(this.#name, value);
    if (timestamp < this.#timers.watermarkOf(keyGroup)) {
      side.late.add(value, timestamp);
      return false;
    }
    side.keys.enter(value, keyGroup);
    const before = this.#earliestExpiry();
    side.state.add(timestamp, value);
    const expiry = side.expiryOf(timestamp);
    if (expiry >= before) return true;
    if (before !== Infinity) this.#timers.deleteEvent(before, undefined);
    this.#timers.registerEvent(expiry, undefined);
    return true;
  }

  /** Of the current key (J2). */
  #earliestExpiry(): number {
    const left = this.#left.earliestExpiry();
    const right = this.#right.earliestExpiry();
    return left < right ? left : right;
  }

  #expire(at: number): void {
    const { watermark } = this.#timers;
    assert(watermark >= at, 'J2: a timer before its time');
    this.#left.dropExpired(watermark);
    this.#right.dropExpired(watermark);
    const next = this.#earliestExpiry();
    if (next !== Infinity) this.#timers.registerEvent(next, undefined);
  }
}

interface SideOptions {
  readonly name: string;
  readonly late: string;
  readonly key: KeySelector;
  readonly records: Schema<unknown>;
  /** What a record of this side meets: records of the other at its time plus these. */
  readonly from: number;
  readonly to: number;
}

class Side {
  readonly keys: KeySelection;
  readonly state: TimelineState<unknown>;
  readonly late: LateRecords;
  readonly from: number;
  readonly to: number;
  /** J1: how far behind a record of this side the other one may be. */
  readonly #patience: number;

  constructor(context: OperatorContext, options: SideOptions) {
    this.keys = new KeySelection(options.key, context);
    this.state = context.keyedState.register(options.name, timeline(options.records));
    this.late = new LateRecords(context, options.late);
    this.from = options.from;
    this.to = options.to;
    this.#patience = Math.max(0, options.to);
  }

  expiryOf(timestamp: number): number {
    return Math.min(timestamp + this.#patience, Number.MAX_SAFE_INTEGER);
  }

  /** Of the current key; infinite if it keeps nothing. */
  earliestExpiry(): number {
    const { entries } = this.state;
    return entries === undefined ? Infinity : this.expiryOf(entries.timeAt(0));
  }

  /** J1 */
  dropExpired(watermark: number): void {
    const { entries } = this.state;
    if (entries === undefined) return;
    this.state.dropFirst(entries.firstFrom(watermark - this.#patience + 1));
  }
}
