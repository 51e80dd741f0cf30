/**
 * Aligned windows (tumbling, sliding, cumulating) that fire at their end, over incremental
 * contents. Records are added up by slice and key, so that a record costs the same however much
 * windows overlap; a window is fired for all its keys at once, and a slice is dropped as a whole.
 * No timer is kept per key, but for early firings and those that gather late records.
 *
 * Invariants
 * W1. `#live` are the slices that hold something in the state.
 * W2. `#nextEnd` is the end of the earliest window that holds something and has not been fired,
 *     +infinity if there is none. Windows fire in order, each when the limit (the watermark; with
 *     processing time the moment before now) has come to its last millisecond.
 * W3. A record in a window that was fired, and is kept for late records, fires the window again for
 *     its key, at once or when the trigger says. A record all of whose windows are over changes
 *     nothing.
 * W4. A slice is dropped when its last window is over: fired, and the allowed lateness behind.
 *     Where the user's function has to know, it was told so before.
 * W5. Processing time never goes back for the operator, even if the clock does.
 */
import { assert } from '../../base/assert.ts';
import type { Timestamp } from '../../base/units.ts';
import { state } from '../../functions/state.ts';
import type { ValueState } from '../../functions/state.ts';
import type { Window, WindowTime } from '../../functions/window.ts';
import { LATE_OUTPUT } from '../../graph/operator-spec.ts';
import type { WindowSpec } from '../../graph/operator-spec.ts';
import { NO_TIMESTAMP } from '../../network/batch.ts';
import { MAX_WATERMARK } from '../../network/control-element.ts';
import type { KeyedStateBackend, SlicedState } from '../../state/keyed-state-backend.ts';
import { KeySelection } from '../key-selection.ts';
import { LateRecords } from '../late-records.ts';
import type { KeyedOperator, OperatorContext } from '../operator.ts';
import { GroupWatermark } from '../group-watermark.ts';
import { noTimestamp } from '../timestamp-errors.ts';
import { ClockFirings } from './clock-firings.ts';
import type { ClockFiringsOptions } from './clock-firings.ts';
import { incrementalOf } from './incremental.ts';
import type { Incremental } from './incremental.ts';
import { LiveSlices } from './live-slices.ts';
import { MergedPanes } from './merged-panes.ts';
import { RepeatedFirings } from './repeated-firings.ts';
import { SliceBlocks } from './slice-blocks.ts';
import type { Slices } from './slices.ts';
import { MergedFiring, SliceFiring, windowOf } from './window-firing.ts';
import type { FiringSurroundings, WindowFiring } from './window-firing.ts';
import { UnfiredCounts } from './unfired-counts.ts';
import { WindowClearing } from './window-clearing.ts';
import { reportUnfired, WindowResults } from './window-results.ts';
import type { GroupedKey } from './window-results.ts';
import { WindowTotals } from './window-totals.ts';

/** How windows are cut, and what fires them. */
export interface SliceTiming {
  readonly slices: Slices;
  readonly time: WindowTime;
  readonly trigger: SliceTrigger;
}

export interface SliceTrigger {
  /** Whether windows fire at their end, and with each late record. */
  readonly atEnd: boolean;
  /** With event time, besides the firing at the end of the window. */
  readonly clock: ClockFiringsOptions['trigger'] | undefined;
  /** Whether they also fire at every multiple of an interval, of which time. */
  readonly every: { readonly interval: number; readonly time: WindowTime } | undefined;
}

export class SliceWindowOperator implements KeyedOperator {
  readonly #spec: WindowSpec;
  readonly #slices: Slices;
  readonly #lateness: number;
  readonly #time: WindowTime;
  readonly #byClock: boolean;
  #context!: OperatorContext;
  #backend!: KeyedStateBackend;
  #keys!: KeySelection;
  #incremental!: Incremental;
  #contents!: SlicedState<ValueState<unknown>>;
  #accumulator!: ValueState<unknown>;
  /** How many records are in a slice, where some may never be fired. */
  #counts: UnfiredCounts | undefined;
  /** Undefined if `open` has failed before it. */
  #results: WindowResults | undefined;
  /** How far event time, or the clock, has come; `#limit` once it is loaded. */
  #reached!: GroupWatermark;
  #surroundings!: FiringSurroundings;
  #late!: LateRecords;
  #panes!: MergedPanes;
  #blocks!: SliceBlocks;
  #totals!: WindowTotals;
  readonly #trigger: SliceTrigger;
  /** Undefined where windows fire at their end, and late records at once. */
  #clock: ClockFirings | undefined;
  #repeated: RepeatedFirings | undefined;
  /** Undefined if nobody has to know when a window is over. */
  #clearing: WindowClearing | undefined;
  #live = new LiveSlices();
  #nextEnd = Infinity;
  #limit = -Infinity;
  #firing: WindowFiring | undefined;
  /** A watermark has not fired all that is due yet. */
  #isAdvancing = false;
  /** The slice of the last record, which is mostly that of the next one. */
  #start = NaN;
  #end = NaN;
  #firstEnd = NaN;
  #lastEnd = NaN;
  #entered = false;
  #loaded = false;
  /** Whether some key groups are further than the limit, which is so only after a restore. */
  #uneven = false;

  constructor(spec: WindowSpec, { slices, time, trigger }: SliceTiming) {
    this.#spec = spec;
    this.#slices = slices;
    this.#trigger = trigger;
    this.#lateness = spec.allowedLateness;
    this.#time = time;
    this.#byClock = time === 'processing';
  }

  open(context: OperatorContext): void | Promise<void> {
    const spec = this.#spec;
    this.#context = context;
    this.#backend = context.keyedState;
    this.#keys = new KeySelection(spec.key, context);
    this.#incremental = incrementalOf(spec, context.open.operatorName);
    const { accumulator, migrations } = this.#incremental;
    const contents = state.value(accumulator, { migrations });
    this.#contents = this.#backend.registerSliced('window-contents', contents);
    this.#accumulator = this.#contents.handle;
    if (this.#byClock || this.#trigger.every?.time === 'processing') {
      this.#counts = new UnfiredCounts(context, this.#slices);
    }
    this.#reached = new GroupWatermark(context, this.#byClock ? 'clock' : 'watermark');
    this.#surroundings = this.#createSurroundings(context);
    this.#late = new LateRecords(context, LATE_OUTPUT);
    const merge = (left: unknown, right: unknown): unknown => this.#incremental.merge(left, right);
    this.#panes = new MergedPanes(this.#slices, merge);
    const slices = this.#slices;
    const read = (slice: number): unknown => this.#read(slice);
    const blocks = new SliceBlocks({ slices, merge, read });
    const live = (): LiveSlices => this.#live;
    const passed = (): number => this.#limit + 1;
    this.#blocks = blocks;
    this.#totals = new WindowTotals({ slices, live, blocks, merge, read, passed });
    this.#clock = this.#createClock(context);
    this.#repeated = this.#createRepeated(context);
    this.#results = new WindowResults(spec, context, {
      watermark: () => (this.#byClock ? context.watermark() : this.#limit),
      processingTime: () => context.processingTime(),
    });
    this.#clearing = this.#results.clears ? this.#createClearing(this.#results) : undefined;
    return this.#results.open(context);
  }

  close(): void | Promise<void> {
    return this.#results?.close();
  }

  process(): void {
    assert(false, 'a window gets records by key');
  }

  processKeyed(value: unknown, timestamp: number, keyGroup: number): void {
    const at = this.#byClock ? this.#now() : timestamp;
    if (!(at >= this.#start && at < this.#end)) this.#enter(at, value);
    const limit = this.#uneven ? this.#reached.of(keyGroup) : this.#limit;
    if (this.#lastEnd - 1 + this.#lateness <= limit || this.#firstEnd > this.#lastEnd) {
      this.#skip(value, timestamp, limit);
      return;
    }
    const key = this.#keys.enter(value, keyGroup);
    const accumulator = this.#accumulator;
    accumulator.set(this.#incremental.add(accumulator.get(), value));
    if (!this.#entered) this.#addSlice();
    this.#counts?.add();
    if (this.#end - 1 <= this.#limit) this.#blocks.changed(key, this.#start);
    if (this.#firstEnd - 1 <= limit) this.#addLate({ key, keyGroup }, limit);
    if (this.#clock !== undefined) this.#planEarly(this.#clock, limit);
    if (this.#repeated !== undefined) this.#planRepeated(this.#repeated, timestamp, limit);
  }

  watermark(timestamp: number): boolean {
    if (this.#byClock) return true;
    // Given again after a restore, it fires nothing: what was planned too late for it waits on.
    const isKnown = timestamp <= this.#limit && timestamp !== MAX_WATERMARK && !this.#isAdvancing;
    if (this.#repeated !== undefined && isKnown) return true;
    this.#isAdvancing = !this.#advance(timestamp);
    return !this.#isAdvancing;
  }

  processingTime(now: Timestamp): boolean {
    this.#loadOnce();
    if (!this.#byClock) return this.#fireByClock(now);
    if (!this.#advance(Math.max(now - 1, this.#limit))) return false;
    const next = Math.min(this.#nextEnd, this.#repeated?.next ?? Infinity);
    if (next !== Infinity) this.#context.wakeAt(next as Timestamp);
    return true;
  }

  /** What has not been fired never will be. */
  finish(): boolean {
    const isLeft = (slice: number): boolean =>
      !this.#byClock || this.#slices.lastEnd(slice) - 1 > this.#limit;
    const unfired = this.#counts?.total(this.#live, isLeft) ?? 0;
    reportUnfired(this.#context.open, unfired, this.#byClock ? 'windows' : 'unfired windows');
    return true;
  }

  // ------------------------------------------------------------------------------------- records

  /** W5 */
  #now(): number {
    return Math.max(this.#context.processingTime(), this.#limit + 1);
  }

  /** Makes the slice of this time the current one. */
  #enter(at: number, value: unknown): void {
    if (at === NO_TIMESTAMP) throw noTimestamp(this.#context.open.operatorName, value);
    const slices = this.#slices;
    this.#start = slices.sliceStart(at);
    this.#end = slices.sliceEnd(this.#start);
    this.#firstEnd = slices.firstEnd(this.#start);
    this.#lastEnd = slices.lastEnd(this.#start);
    this.#entered = false;
    this.#contents.setSlice(this.#start);
    this.#counts?.setSlice(this.#start);
  }

  /** W1, W2 */
  #addSlice(): void {
    this.#entered = true;
    if (!this.#live.add(this.#start)) return;
    this.#clearing?.added(this.#firstEnd, this.#lastEnd, this.#limit);
    if (!this.#trigger.atEnd) return;
    const end = Math.max(this.#firstEnd, this.#slices.endAtOrAfter(this.#limit + 2));
    if (end > this.#lastEnd || end >= this.#nextEnd) return;
    this.#nextEnd = end;
    if (this.#byClock) this.#context.wakeAt(end as Timestamp);
  }

  /**
   * All windows of the record are over, or it is in none: with a slide above the size, times
   * between windows. Then it is late only if it is below the watermark and the allowed lateness.
   */
  #skip(value: unknown, timestamp: number, limit: number): void {
    if (this.#byClock || timestamp + this.#lateness > limit) return;
    this.#late.add(value, timestamp);
  }

  /** W3 */
  #addLate(of: GroupedKey, limit: number): void {
    const slices = this.#slices;
    if (this.#end <= this.#panes.foldedTo) this.#panes.markChanged(of.key, of.keyGroup);
    this.#clearing?.changed(of, this.#end);
    if (!this.#trigger.atEnd) return;
    const first = Math.max(this.#firstEnd, slices.endAtOrAfter(limit - this.#lateness + 2));
    const last = Math.min(this.#lastEnd, slices.endAtOrBefore(limit + 1));
    if (first > last || this.#clock?.planLate(first, last) === true) return;
    if (slices.single) this.#emit(of, windowOf(this.#start, this.#end), this.#accumulator.get());
    else this.#fireWindows(of, first, last);
  }

  #planEarly(clock: ClockFirings, limit: number): void {
    if (this.#lastEnd - 1 <= limit) return;
    const first = Math.max(this.#firstEnd, this.#slices.endAtOrAfter(limit + 2));
    clock.planEarly(first, this.#lastEnd);
  }

  #planRepeated(repeated: RepeatedFirings, timestamp: number, limit: number): void {
    const byEvent = this.#trigger.every!.time === 'event';
    // A window that has ended fires with each late record, or goes on by the clock.
    const over = byEvent ? limit : limit - this.#lateness;
    const first = Math.max(this.#firstEnd, this.#slices.endAtOrAfter(over + 2));
    const before = repeated.next;
    const at = byEvent ? timestamp : this.#context.processingTime();
    repeated.plan(first, this.#lastEnd, at);
    if (!byEvent && repeated.next < before) this.#context.wakeAt(repeated.next as Timestamp);
  }

  // -------------------------------------------------------------------------------------- firing

  /** Fires what is due at the limit. False: call again. */
  #advance(limit: number): boolean {
    this.#limit = limit;
    this.#reached.advance(limit);
    while (this.#firing !== undefined || this.#isDue(limit)) {
      if (this.#firing === undefined) {
        if (!this.#comeTo(this.#nextEnd - 2)) return false;
        this.#firing = this.#begin(this.#nextEnd);
      }
      if (!this.#firing.run()) return false;
      this.#firing = undefined;
      const fired = this.#nextEnd;
      this.#nextEnd = this.#endAfter(fired);
      if (!this.#drop(Math.min(fired - 1, limit - this.#lateness))) return false;
      if (this.#context.isHeld && this.#isDue(limit)) return false;
    }
    if (!this.#comeTo(limit)) return false;
    this.#repeated?.leave(this.#trigger.atEnd ? limit : limit - this.#lateness);
    if (!this.#drop(limit - this.#lateness)) return false;
    if (this.#uneven) {
      this.#reached.settle();
      this.#uneven = this.#reached.isUneven;
    }
    this.#backend.clearCurrentKey();
    return true;
  }

  /**
   * Besides the ends of windows, in the order of time: repeated firings, and windows that are over.
   * False: call again.
   */
  #comeTo(limit: number): boolean {
    const repeated = this.#repeatedInTime();
    if (repeated !== undefined && !this.#repeatUntil(limit, repeated)) return false;
    return this.#clearing?.advance(limit) !== false;
  }

  #repeatUntil(limit: number, repeated: RepeatedFirings): boolean {
    const clearing = this.#clearing;
    // By the clock, the limit is the moment before now.
    const ahead = this.#byClock ? 1 : 0;
    while (repeated.next - ahead <= limit) {
      const before = Math.min(limit, (clearing?.nextTime ?? Infinity) - 1);
      if (repeated.next - ahead > before) {
        if (!clearing!.advance(repeated.next - ahead)) return false;
      } else if (!repeated.advance(before + ahead)) return false;
    }
    return true;
  }

  /** Those by the time of the windows, unless there are to be none any more. */
  #repeatedInTime(): RepeatedFirings | undefined {
    const repeated = this.#repeated;
    if (repeated === undefined) return undefined;
    if (this.#trigger.every!.time !== this.#time) return undefined;
    if (this.#limit !== MAX_WATERMARK) return repeated;
    // All multiples up to the end of a window would show the same.
    repeated.cancelAll();
    return undefined;
  }

  #isDue(limit: number): boolean {
    return this.#nextEnd !== Infinity && this.#nextEnd - 1 <= limit;
  }

  #begin(end: number): WindowFiring {
    const slices = this.#slices;
    const window = windowOf(slices.windowStart(end), end);
    if (slices.single) return new SliceFiring(window, this.#surroundings);
    const from = Math.max(this.#panes.foldedTo, window.start);
    const added = this.#live.between(from, end);
    return new MergedFiring(window, added, this.#panes, this.#surroundings);
  }

  #createClock(context: OperatorContext): ClockFirings | undefined {
    const trigger = this.#trigger.clock;
    if (trigger === undefined) return undefined;
    const slices = this.#slices;
    return new ClockFirings(context, {
      trigger,
      lateness: this.#lateness,
      step: slices.step,
      reachedOf: (keyGroup) => (this.#uneven ? this.#reached.of(keyGroup) : this.#limit),
      endAtOrAfter: (at) => slices.endAtOrAfter(at),
      fire: (of, first, last) => this.#fireWindows(of, first, last),
    });
  }

  #createRepeated(context: OperatorContext): RepeatedFirings | undefined {
    const { every, atEnd } = this.#trigger;
    if (every === undefined) return undefined;
    const slices = this.#slices;
    const reached = (keyGroup: number): number =>
      this.#uneven ? this.#reached.restoredOf(keyGroup) : -Infinity;
    const goesOn = this.#byClock ? 1 : 2;
    return new RepeatedFirings(context, {
      interval: every.interval,
      step: slices.step,
      firstEndAfter: (at, keyGroup) =>
        atEnd
          ? slices.endAtOrAfter(Math.max(at + goesOn, reached(keyGroup) + 2))
          : slices.endAtOrAfter(Math.max(this.#limit, reached(keyGroup)) - this.#lateness + 2),
      fire: (of, first, last) => {
        this.#fireWindows(of, first, last);
        this.#counts?.shown(this.#live, first, last);
      },
    });
  }

  #createSurroundings(context: OperatorContext): FiringSurroundings {
    return {
      context,
      cursor: (slice) => this.#contents.cursor(slice),
      emit: (of, window, accumulator) => {
        // At another parallelism before a restore, the window may have been fired for some keys.
        if (this.#uneven && window.end - 1 <= this.#reached.restoredOf(of.keyGroup)) return;
        this.#emit(of, window, accumulator);
      },
      eachSlice: (of, { start, end }, visit) => this.#eachSlice(of, start, end, visit),
    };
  }

  #createClearing(results: WindowResults): WindowClearing {
    const lateness = this.#lateness;
    return new WindowClearing({
      slices: this.#slices,
      lateness,
      live: () => this.#live,
      surroundings: {
        ...this.#surroundings,
        emit: (of, window) => {
          const over = window.end - 1 + lateness;
          if (this.#uneven && over <= this.#reached.restoredOf(of.keyGroup)) return;
          results.clear(of, window);
        },
      },
      finishLate: (last) => this.#clock?.finishOver(last) !== false,
    });
  }

  /** W2: the earliest end behind `fired` of a window with something in it. */
  #endAfter(fired: number): number {
    const slices = this.#slices;
    const next = fired + slices.step;
    const slice = this.#live.firstWhere((start) => slices.lastEnd(start) >= next);
    return slice === undefined ? Infinity : Math.max(slices.firstEnd(slice), next);
  }

  /**
   * W4: drops the slices whose last window ends with or before this millisecond, when what late
   * records have planned for it is fired, and it is cleared. False: call again.
   */
  #drop(time: number): boolean {
    const last = this.#clearing === undefined ? time : Math.min(time, this.#clearing.next - 2);
    if (this.#clock?.finishOver(last) === false) return false;
    const live = this.#live;
    if (live.isEmpty || this.#slices.lastEnd(live.first) - 1 > last) return true;
    while (!live.isEmpty && this.#slices.lastEnd(live.first) - 1 <= last) {
      this.#contents.dropSlice(live.first);
      if (this.#byClock) this.#counts?.dropSlice(live.first);
      else this.#counts?.dropUnfired(live.first, this.#limit === MAX_WATERMARK);
      live.removeFirst();
    }
    this.#blocks.dropBefore(live.isEmpty ? Infinity : live.first);
    if (live.isEmpty) {
      this.#panes.clear();
      this.#clearing?.forget();
    }
    return true;
  }

  #fireByClock(now: Timestamp): boolean {
    const repeated = this.#trigger.every?.time === 'processing' ? this.#repeated : undefined;
    if (this.#clock === undefined && repeated === undefined) return true;
    const done = this.#clock?.advance(now) !== false && repeated?.advance(now) !== false;
    this.#backend.clearCurrentKey();
    const next = repeated?.next ?? Infinity;
    if (done && next !== Infinity) this.#context.wakeAt(next as Timestamp);
    return done;
  }

  /** Those of the key that end from `first` to `last`, out of turn. */
  #fireWindows(of: GroupedKey, first: number, last: number): void {
    this.#backend.setCurrentKey(of.key, of.keyGroup);
    this.#totals.each(of.key, { first, last }, (start, end, total) => {
      this.#emit(of, windowOf(start, end), total);
    });
    if (!Number.isNaN(this.#start)) this.#contents.setSlice(this.#start);
  }

  #emit(of: GroupedKey, window: Window, accumulator: unknown): void {
    const result = this.#incremental.result(accumulator);
    this.#results!.emit(of, window, result, (window.end - 1) as Timestamp);
  }

  /** What the slices from `start` to before `end` hold for one key, in order. */
  #eachSlice(
    { key, keyGroup }: GroupedKey,
    start: number,
    end: number,
    visit: (slice: number, value: unknown) => void,
  ): void {
    this.#backend.setCurrentKey(key, keyGroup);
    for (const slice of this.#live.between(start, end)) {
      const value = this.#read(slice);
      if (value !== undefined) visit(slice, value);
    }
    if (!Number.isNaN(this.#start)) this.#contents.setSlice(this.#start);
  }

  /** Of the current key. */
  #read(slice: number): unknown {
    this.#contents.setSlice(slice);
    return this.#accumulator.get();
  }

  /** After a restore, before the first record. */
  #loadOnce(): void {
    if (this.#loaded) return;
    this.#loaded = true;
    this.#limit = this.#reached.value;
    this.#uneven = this.#reached.isUneven;
    this.#live = new LiveSlices(this.#contents.slices());
    this.#clearing?.load(this.#limit);
    if (!this.#trigger.atEnd) return;
    const slices = this.#slices;
    const from = slices.endAtOrAfter(this.#limit + 2);
    const first = this.#live.firstWhere((start) => slices.lastEnd(start) >= from);
    if (first !== undefined) this.#nextEnd = Math.max(slices.firstEnd(first), from);
  }
}
