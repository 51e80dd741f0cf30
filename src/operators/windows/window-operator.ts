/**
 * Windows in their general form, as Flink's WindowOperator: any assigner, trigger, evictor and
 * contents. A record is added to the contents of its windows, the trigger decides what becomes of
 * them, and a timer clears a window when no record can come to it any more.
 *
 * Invariants
 * W1. A window that has contents or state has a cleanup timer, unless it never ends.
 * W2. A record is late for a window whose cleanup time the watermark has reached; a record that was
 *     late for all its windows, or had none and is late by itself, is a late record.
 * W3. Contents and counts are kept under the state window, which differs from the window only where
 *     windows merge; triggers and functions have state under the window itself.
 */
import { assert } from '../../base/assert.ts';
import type { Timestamp } from '../../base/units.ts';
import type { Trigger } from '../../functions/trigger.ts';
import type { Window, WindowTime } from '../../functions/window.ts';
import { defaultTriggerOf, isMerging, windowTimeOf } from '../../functions/window.ts';
import { LATE_OUTPUT, type WindowSpec } from '../../graph/operator-spec.ts';
import { NO_TIMESTAMP } from '../../network/batch.ts';
import { MAX_WATERMARK, MIN_WATERMARK } from '../../network/control-element.ts';
import type { Key } from '../../types/schema.ts';
import { KeySelection } from '../key-selection.ts';
import { LateRecords } from '../late-records.ts';
import type { Downstream, KeyedOperator, OperatorContext } from '../operator.ts';
import { GroupWatermark } from '../group-watermark.ts';
import { TimerService } from '../timer-service.ts';
import { noTimestamp } from '../timestamp-errors.ts';
import { windowAssignment, type WindowAssignment } from './assign-windows.ts';
import { EvictingContents } from './evicting.ts';
import { MergingWindowSet, type WindowMerge } from './merging-window-set.ts';
import {
  createTrigger,
  firesAtEnd,
  isCustom,
  hasTimerAtEnd,
  mayPurge,
  stateNames,
} from './triggers/create-trigger.ts';
import type { Decision, TriggerTimers, WindowTrigger } from './triggers/window-trigger.ts';
import { FIRE, PURGE } from './triggers/window-trigger.ts';
import { UnfiredElements } from './unfired-elements.ts';
import { SharedContents } from './shared-contents.ts';
import type { Slices } from './slices.ts';
import { createContents, type FiredWindows, type KeptContents } from './window-contents.ts';
import { WindowFunctionRunner } from './window-function-runner.ts';
import { DroppedUnfired, unfiredWarning } from './window-results.ts';
import { WINDOW_SCHEMA, type Times } from './window-schema.ts';

export class WindowOperator implements KeyedOperator, FiredWindows {
  readonly #spec: WindowSpec;
  readonly #trigger: Trigger<unknown>;
  readonly #time: WindowTime | undefined;
  readonly #lateness: number;
  readonly #slices: Slices | undefined;
  /** W1: the trigger has registered the timer that clears the window. */
  readonly #hasTimerAtEnd: boolean;

  // Made by `open`.
  #context!: OperatorContext;
  #name = '';
  #output!: Downstream;
  #late!: LateRecords;
  #keys!: KeySelection;
  #assign!: WindowAssignment;
  #timers!: TimerService<Window>;
  #run!: WindowTrigger;
  #contents!: KeptContents;
  /** The same, if windows share what they have in common. */
  #shared: SharedContents | undefined;
  /** W4 */
  #clock: GroupWatermark | undefined;
  #merging: MergingWindowSet | undefined;
  #function: WindowFunctionRunner | undefined;
  #unfired: UnfiredElements | undefined;
  #dropped!: DroppedUnfired;

  /** Of the record or timer at hand. */
  #at = NO_TIMESTAMP;
  /** How far event time has come for its key. */
  #reached: number = MIN_WATERMARK;

  /** @param slices of aligned windows with an accumulator, which then share what they hold */
  constructor(spec: WindowSpec, slices?: Slices) {
    this.#spec = spec;
    this.#slices = slices;
    this.#trigger = spec.trigger ?? defaultTriggerOf(spec.assigner);
    this.#time = windowTimeOf(spec.assigner);
    this.#lateness = spec.allowedLateness;
    this.#hasTimerAtEnd = this.#lateness === 0 && hasTimerAtEnd(this.#trigger, this.#time);
  }

  // ----------------------------------------------------------------------------------- life cycle

  open(context: OperatorContext): void | Promise<void> {
    const { assigner, function: fn } = this.#spec;
    const { operatorName } = context.open;
    this.#context = context;
    this.#name = operatorName;
    this.#dropped = new DroppedUnfired(context.open);
    this.#output = context.output;
    this.#late = new LateRecords(context, LATE_OUTPUT);
    this.#keys = new KeySelection(this.#spec.key, context);
    this.#assign = windowAssignment(assigner, context);
    this.#timers = new TimerService(context, {
      name: 'window-timers',
      namespace: WINDOW_SCHEMA,
      onEvent: (at, window) => this.#onTimer('event', at, window),
      onProcessing: (at, window) => this.#onTimer('processing', at, window),
    });
    const backend = context.keyedState;
    const times = this.#times();
    this.#contents = this.#createContents(context, times);
    this.#run = createTrigger(this.#trigger, {
      operator: operatorName,
      backend,
      timers: this.#triggerTimers(),
      time: this.#time,
      times,
      byClock: [],
      stateName: stateNames(),
    });
    this.#merging = isMerging(assigner) ? new MergingWindowSet(backend) : undefined;
    const oneWindow = assigner.kind === 'global';
    this.#unfired = firesAtEnd(this.#trigger, this.#time)
      ? undefined
      : new UnfiredElements(backend, { oneWindow });
    if (fn === undefined) return undefined;
    this.#function = new WindowFunctionRunner(fn, context, times);
    return this.#function.open(context);
  }

  #createContents(context: OperatorContext, times: Times): KeptContents {
    const spec = this.#spec;
    const backend = context.keyedState;
    const operator = this.#name;
    const slices = this.#slices;
    if (spec.evictor !== undefined) return new EvictingContents(spec, times, backend, operator);
    if (slices === undefined) return createContents(spec, backend, operator);
    const byClock = this.#time === 'processing';
    const clock = byClock ? new GroupWatermark(context, 'clock') : undefined;
    this.#clock = clock;
    this.#shared = new SharedContents({
      spec,
      slices,
      operator,
      backend,
      purges: mayPurge(this.#trigger),
      isCustom: isCustom(this.#trigger),
      passed: () => clock?.value ?? this.#timers.watermark,
    });
    return this.#shared;
  }

  close(): void | Promise<void> {
    return this.#function?.close();
  }

  watermark(timestamp: number): boolean {
    if (!this.#timers.advanceWatermark(timestamp)) return false;
    if (this.#clock === undefined) this.#shared?.dropOver(this.#timers.watermark - this.#lateness);
    return true;
  }

  processingTime(now: Timestamp): boolean {
    const clock = this.#clock;
    clock?.advance(now - 1);
    if (!this.#timers.advanceProcessingTime(now)) return false;
    if (clock !== undefined) {
      this.#shared!.dropOver(clock.value);
      clock.settle();
    }
    return true;
  }

  finish(): boolean {
    const unfired = this.#unfired?.total() ?? 0;
    if (unfired > 0) {
      const { metrics, logger } = this.#context.open;
      metrics.counter('numElementsUnfired').increment(unfired);
      logger.warn(unfiredWarning(this.#name, unfired, this.#time));
    }
    return true;
  }

  // -------------------------------------------------------------------------------------- records

  process(): void {
    assert(false, 'windows get records by key');
  }

  processKeyed(value: unknown, timestamp: number, keyGroup: number): void {
    this.#keys.enter(value, keyGroup);
    this.#at = timestamp;
    this.#reached = this.#timers.watermarkOf(keyGroup);
    const at = this.#timeOf(value, timestamp, keyGroup);
    const windows = this.#assign(value, at);
    this.#shared?.enter(at);
    const counted = this.#unfired === undefined ? undefined : latestOf(windows);
    let isTaken = false;
    for (let i = 0; i < windows.length; i += 1) {
      const window = windows[i]!;
      const taken =
        this.#merging === undefined
          ? this.#add(window, value, timestamp, window === counted)
          : this.#addMerging(this.#merging, window, value, window === counted);
      if (taken) isTaken = true;
    }
    this.#shared?.leave();
    if (!isTaken && this.#isLate(timestamp)) this.#late.add(value, timestamp);
    this.#context.keyedState.clearCurrentKey();
  }

  #timeOf(value: unknown, timestamp: number, keyGroup: number): number {
    if (this.#time === 'processing') {
      const now = this.#context.processingTime();
      return this.#clock === undefined ? now : Math.max(now, this.#clock.of(keyGroup) + 1);
    }
    if (this.#time === 'event' && timestamp === NO_TIMESTAMP) throw noTimestamp(this.#name, value);
    return timestamp;
  }

  /** @returns false if the record is too late for the window. */
  #add(window: Window, value: unknown, timestamp: number, isCounted: boolean): boolean {
    if (this.#isOver(window)) return false;
    this.#contents.setWindow(window);
    this.#contents.add(value, timestamp);
    if (isCounted) this.#unfired!.add(window);
    this.#decided(this.#run.onElement(value, timestamp, window), window, window);
    if (!this.#hasTimerAtEnd) this.#registerCleanup(window);
    return true;
  }

  #addMerging(
    merging: MergingWindowSet,
    wanted: Window,
    value: unknown,
    isCounted: boolean,
  ): boolean {
    const { window, stateWindow, merge } = merging.add(wanted);
    if (merge !== undefined) this.#merge(merge);
    if (this.#isOver(window)) {
      merging.retire(window);
      return false;
    }
    const timestamp = this.#at;
    this.#contents.setWindow(stateWindow);
    this.#contents.add(value, timestamp);
    if (isCounted) this.#unfired!.add(stateWindow);
    this.#decided(this.#run.onElement(value, timestamp, window), window, stateWindow);
    if (!this.#hasTimerAtEnd) this.#registerCleanup(window);
    return true;
  }

  #merge({ window, merged, stateWindow, mergedStateWindows }: WindowMerge): void {
    assert(!this.#isOver(window), 'W1: a window that should have been cleared has merged');
    this.#run.onMerge(window, merged);
    for (const each of merged) {
      this.#run.clear(each);
      this.#deleteCleanup(each);
    }
    this.#contents.merge(stateWindow, mergedStateWindows);
    this.#unfired?.merge(stateWindow, mergedStateWindows);
  }

  // --------------------------------------------------------------------------------------- timers

  #onTimer(time: WindowTime, at: Timestamp, window: Window): void {
    this.#at = at;
    this.#reached = this.#timers.watermark;
    const stateWindow = this.#merging === undefined ? window : this.#merging.stateWindowOf(window);
    // A timer that a trigger has left behind of a window that has merged or was cleared.
    if (stateWindow === undefined) return;
    this.#contents.setWindow(stateWindow);
    const decision =
      time === 'event' ? this.#run.onEventTime(at, window) : this.#run.onProcessingTime(at, window);
    this.#decided(decision, window, stateWindow);
    if (time === this.#time && at === this.#cleanupTime(window)) this.#clear(window, stateWindow);
  }

  /** Does what the trigger wants; the contents are at the state window. */
  #decided(decision: Decision, window: Window, stateWindow: Window): void {
    if (decision === 0) return;
    if ((decision & FIRE) !== 0) this.#contents.fire(window, this);
    if ((decision & PURGE) !== 0) this.#contents.purge();
    this.#unfired?.done(stateWindow);
  }

  /** The window is over. */
  #clear(window: Window, stateWindow: Window): void {
    this.#contents.clear();
    this.#run.clear(window);
    this.#function?.clear(window, this.#resultTime(window));
    if (this.#reached === MAX_WATERMARK) this.#unfired?.clearedAtEnd(stateWindow);
    else this.#dropped.add(this.#unfired?.done(stateWindow) ?? 0);
    this.#merging?.retire(window);
  }

  // -------------------------------------------------------------------------------------- results

  fired(window: Window, value: unknown): void {
    const timestamp = this.#resultTime(window);
    if (this.#function !== undefined) {
      this.#function.onWindow(window, value, timestamp);
    } else if (this.#spec.keyed) {
      const key: Key = this.#context.keyedState.currentKey!;
      this.#output.process({ key, window, value }, timestamp);
    } else {
      this.#output.process({ window, value }, timestamp);
    }
  }

  /** A window without end has no last time: then it is that of what has fired it. */
  #resultTime(window: Window): number {
    return window.end === Infinity ? this.#at : window.end - 1;
  }

  // ------------------------------------------------------------------------------ when it is over

  /** Infinity: never. */
  #cleanupTime(window: Window): number {
    if (this.#time === 'processing') return window.end;
    const time = window.end - 1 + this.#lateness;
    return time > Number.MAX_SAFE_INTEGER || this.#time === undefined ? Infinity : time;
  }

  /** W2 */
  #isOver(window: Window): boolean {
    return this.#time === 'event' && this.#cleanupTime(window) <= this.#reached;
  }

  /** W2 */
  #isLate(timestamp: number): boolean {
    return this.#time === 'event' && timestamp + this.#lateness <= this.#reached;
  }

  #registerCleanup(window: Window): void {
    const time = this.#cleanupTime(window);
    if (time === Infinity) return;
    if (this.#time === 'event') this.#timers.registerEvent(time, window);
    else this.#timers.registerProcessing(time, window);
  }

  #deleteCleanup(window: Window): void {
    const time = this.#cleanupTime(window);
    if (time === Infinity) return;
    if (this.#time === 'event') this.#timers.deleteEvent(time, window);
    else this.#timers.deleteProcessing(time, window);
  }

  /** What the functions of users and triggers are told. */
  #times(): Times {
    return {
      watermark: () => this.#reached,
      processingTime: () => this.#context.processingTime(),
    };
  }

  /** W1: triggers cannot delete the timer that clears the window. */
  #triggerTimers(): TriggerTimers {
    const timers = this.#timers;
    const isCleanup = (time: WindowTime, at: number, window: Window): boolean =>
      time === this.#time && at === this.#cleanupTime(window);
    return {
      registerEvent: (at, window) => timers.registerEvent(at, window),
      registerProcessing: (at, window) => timers.registerProcessing(at, window),
      deleteEvent(at, window): void {
        if (!isCleanup('event', at, window)) timers.deleteEvent(at, window);
      },
      deleteProcessing(at, window): void {
        if (!isCleanup('processing', at, window)) timers.deleteProcessing(at, window);
      },
    };
  }
}

/** The window that is over last; where several are, the first. */
function latestOf(windows: readonly Window[]): Window | undefined {
  let latest = windows[0];
  for (let i = 1; i < windows.length; i += 1) {
    if (windows[i]!.end > latest!.end) latest = windows[i];
  }
  return latest;
}
