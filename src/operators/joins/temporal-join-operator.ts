/**
 * Joins each left record with the version of its key that is valid at its time: the last right
 * record at or before it. Left records wait until the watermark has come to them; versions go once
 * the watermark has come to the next one. By processing time, they meet the latest version at once.
 *
 * As in Flink, late records are taken in: a late version counts from then on, and a late left
 * record is joined at the next watermark with what is kept. Where versions have gone already it
 * cannot be told which was valid, and such a left record goes to the output for late ones.
 *
 * Invariants
 * V1. After a watermark, a key has no left record at or below it, and at most one version, which is
 *     its first one then. A deletion is a version: later ones cannot bring back what was before it.
 * V2. While there is anything to do for a key, it has one timer: at its first left record or at
 *     its second version, whichever is earlier.
 * V3. If `incomplete`, there may have been versions before the first one that is kept.
 */
import { assert } from '../../base/assert.ts';
import { timeline } from '../../functions/timeline-state.ts';
import type { TimelineState } from '../../functions/timeline-state.ts';
import { state } from '../../functions/state.ts';
import type { ValueState } from '../../functions/state.ts';
import type { TemporalJoinSpec } from '../../graph/join-spec.ts';
import { NO_TIMESTAMP } from '../../network/batch.ts';
import { t } from '../../types/t.ts';
import { KeySelection } from '../key-selection.ts';
import type { OperatorContext, TwoInputOperator } from '../operator.ts';
import { TimerService } from '../timer-service.ts';
import { noTimestamp } from '../timestamp-errors.ts';
import { Deletion } from './deletion.ts';
import { LateRecords } from '../late-records.ts';
import { PairResults } from './pair-results.ts';

export function temporalJoinOperator(spec: TemporalJoinSpec): TwoInputOperator {
  return spec.time === 'event' ? new TemporalJoinOperator(spec) : new LatestJoinOperator(spec);
}

/** What both forms have in common. */
abstract class VersionJoin {
  protected readonly spec: TemporalJoinSpec;
  protected readonly results: PairResults;
  protected readonly outer: boolean;
  protected name = '';
  protected leftKeys!: KeySelection;
  protected rightKeys!: KeySelection;
  protected deletion!: Deletion;

  constructor(spec: TemporalJoinSpec) {
    this.spec = spec;
    this.results = new PairResults(spec.join, spec.type);
    this.outer = spec.type === 'left';
  }

  open(context: OperatorContext): void {
    this.name = context.open.operatorName;
    this.results.open(context);
    this.leftKeys = new KeySelection(this.spec.leftKey, context);
    this.rightKeys = new KeySelection(this.spec.rightKey, context);
    this.deletion = new Deletion(this.spec.isDeletion, this.name);
  }

  close(): void {}
}

class TemporalJoinOperator extends VersionJoin implements TwoInputOperator {
  #context!: OperatorContext;
  #waiting!: TimelineState<unknown>;
  #versions!: TimelineState<unknown>;
  #incomplete!: ValueState<boolean>;
  #timers!: TimerService;
  #lateLeft!: LateRecords;
  #lateRight!: LateRecords;

  override open(context: OperatorContext): void {
    super.open(context);
    const { keyedState } = context;
    const { left, right } = this.spec.sides;
    this.#context = context;
    this.#waiting = keyedState.register('left', timeline(left!));
    this.#versions = keyedState.register('versions', timeline(right));
    this.#incomplete = keyedState.register(
      'incomplete',
      state.value(t.boolean, { initial: false }),
    );
    this.#lateLeft = new LateRecords(context, 'lateLeft');
    this.#lateRight = new LateRecords(context, 'lateRight');
    this.#timers = new TimerService(context, {
      name: 'due',
      namespace: undefined,
      onEvent: (at) => this.#fire(at),
      onProcessing: () => undefined,
    });
  }

  processLeft(value: unknown, timestamp: number, keyGroup: number): void {
    if (timestamp === NO_TIMESTAMP) throw noTimestamp(this.name, value);
    this.leftKeys.enter(value, keyGroup);
    if (timestamp <= this.#timers.watermarkOf(keyGroup) && this.#isUnknown(timestamp)) {
      this.#lateLeft.add(value, timestamp);
      return;
    }
    const before = this.#nextDue();
    this.#waiting.add(timestamp, value);
    this.#schedule(before);
  }

  processRight(value: unknown, timestamp: number, keyGroup: number): void {
    if (timestamp === NO_TIMESTAMP) throw noTimestamp(this.name, value);
    if (timestamp <= this.#timers.watermarkOf(keyGroup)) this.#lateRight.copy(value, timestamp);
    this.rightKeys.enter(value, keyGroup);
    const before = this.#nextDue();
    this.#versions.put(timestamp, value);
    this.#schedule(before);
  }

  watermark(timestamp: number): boolean {
    return this.#timers.advanceWatermark(timestamp);
  }

  /** V3: whether the version at that time may have gone. */
  #isUnknown(timestamp: number): boolean {
    const versions = this.#versions.entries;
    return versions !== undefined && versions.timeAt(0) > timestamp && this.#incomplete.get();
  }

  /** V2 */
  #nextDue(): number {
    const waiting = this.#waiting.entries;
    const versions = this.#versions.entries;
    const left = waiting === undefined ? Infinity : waiting.timeAt(0);
    const right = versions === undefined || versions.size === 1 ? Infinity : versions.timeAt(1);
    return left < right ? left : right;
  }

  /** V2: the timer was at `before`. */
  #schedule(before: number): void {
    const due = this.#nextDue();
    if (due === before) return;
    if (before !== Infinity) this.#timers.deleteEvent(before, undefined);
    if (due !== Infinity) this.#timers.registerEvent(due, undefined);
  }

  /** V1, for the current key. If output is held, the rest is due again at once. */
  #fire(at: number): void {
    const { watermark } = this.#timers;
    assert(watermark >= at, 'V2: a timer before its time');
    if (this.#joinUntil(watermark)) {
      const versions = this.#versions.entries;
      const passed = versions === undefined ? 0 : versions.firstFrom(watermark + 1);
      if (passed > 1) {
        this.#versions.dropFirst(passed - 1);
        this.#incomplete.set(true);
      }
    }
    const due = this.#nextDue();
    if (due !== Infinity) this.#timers.registerEvent(due, undefined);
  }

  /** Joins waiting records. False if some at or below the watermark still wait. */
  #joinUntil(watermark: number): boolean {
    const waiting = this.#waiting.entries;
    if (waiting === undefined) return true;
    const versions = this.#versions.entries;
    const end = waiting.firstFrom(watermark + 1);
    let at = 0;
    while (at < end) {
      const time = waiting.timeAt(at);
      const version = versions === undefined ? -1 : versions.firstFrom(time + 1) - 1;
      this.#join(waiting.valueAt(at), version < 0 ? undefined : versions!.valueAt(version), time);
      at += 1;
      if (this.#context.isHeld) break;
    }
    this.#waiting.dropFirst(at);
    return at === end;
  }

  #join(left: unknown, version: unknown, timestamp: number): void {
    const right = version === undefined || this.deletion.is(version) ? undefined : version;
    if (right !== undefined || this.outer) this.results.emit(left, right, timestamp);
  }
}

class LatestJoinOperator extends VersionJoin implements TwoInputOperator {
  #latest!: ValueState<unknown>;

  override open(context: OperatorContext): void {
    super.open(context);
    this.#latest = context.keyedState.register('latest', state.value(this.spec.sides.right));
  }

  processLeft(value: unknown, timestamp: number, keyGroup: number): void {
    this.leftKeys.enter(value, keyGroup);
    const latest = this.#latest.get();
    if (latest !== undefined || this.outer) this.results.emit(value, latest, timestamp);
  }

  processRight(value: unknown, _timestamp: number, keyGroup: number): void {
    this.rightKeys.enter(value, keyGroup);
    if (this.deletion.is(value)) this.#latest.clear();
    else this.#latest.set(value);
  }
}
