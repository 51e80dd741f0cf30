/**
 * Aligned windows that overlap, with an accumulator and a trigger of the engine that is none of
 * those that `SliceWindowOperator` has. As in `WindowOperator`, each window of a key fires by
 * itself; but what triggers keep is looked at and changed for runs of windows at a time, so that a
 * record costs the logarithm of how many it is in, and a key has one timer of each kind of time.
 *
 * Invariants
 * W1. A window that has had a record is open until it is over: when the watermark has come to its
 *     last millisecond and the allowed lateness, or the clock to its end.
 * W2. A key has a timer at or before the time when something is next due: what its trigger has
 *     planned, a window that is over, or, where nothing happens with it, the last of them.
 * W3. What is due at a time is done for all windows of a key together, `WINDOWS_AT_ONCE` at most.
 * W4. A record is late if all its windows are over.
 */
import { assert } from '../../../base/assert.ts';
import type { Timestamp } from '../../../base/units.ts';
import type { WindowTime } from '../../../functions/window.ts';
import { LATE_OUTPUT, type WindowSpec } from '../../../graph/operator-spec.ts';
import { NO_TIMESTAMP } from '../../../network/batch.ts';
import { MAX_WATERMARK, MIN_WATERMARK } from '../../../network/control-element.ts';
import { GroupWatermark } from '../../group-watermark.ts';
import { KeySelection } from '../../key-selection.ts';
import { LateRecords } from '../../late-records.ts';
import type { KeyedOperator, OperatorContext } from '../../operator.ts';
import { TimerService } from '../../timer-service.ts';
import { noTimestamp } from '../../timestamp-errors.ts';
import type { Slices } from '../slices.ts';
import { firesAtEnd, mayPurge } from '../triggers/create-trigger.ts';
import { FIRE, PURGE } from '../triggers/window-trigger.ts';
import { UnfiredCounts } from '../unfired-counts.ts';
import { windowOf } from '../window-firing.ts';
import { unfiredWarning, WindowResults } from '../window-results.ts';
import type { GroupedKey } from '../window-results.ts';
import { acts, createRangeTrigger } from './create-range-trigger.ts';
import type { EngineTrigger } from './create-range-trigger.ts';
import { KeyWindows } from './key-windows.ts';
import { formOf } from './range-form.ts';
import { RangeContents } from './range-contents.ts';
import type { WindowRun } from './range-numbers.ts';
import { EndTimers } from './range-timers.ts';
import type { Decided, RangeTrigger } from './range-trigger.ts';
import { isEmpty, overlap, unionOf, WindowGrid } from './window-grid.ts';

const WINDOWS_AT_ONCE = 256;

export interface RangeTiming {
  readonly slices: Slices;
  readonly time: WindowTime;
  readonly trigger: EngineTrigger;
}

export class RangeWindowOperator implements KeyedOperator {
  readonly #spec: WindowSpec;
  readonly #slices: Slices;
  readonly #grid: WindowGrid;
  readonly #time: WindowTime;
  readonly #kind: EngineTrigger;
  readonly #lateness: number;

  // Made by `open`.
  #context!: OperatorContext;
  #keys!: KeySelection;
  #keyWindows!: KeyWindows;
  #timers!: TimerService;
  #trigger!: RangeTrigger;
  #contents!: RangeContents;
  #late!: LateRecords;
  /** Of windows of processing time. */
  #clock: GroupWatermark | undefined;
  /** W1: of those whose end matters to somebody. */
  #open: EndTimers | undefined;
  #unfired: UnfiredCounts | undefined;
  /** Undefined if `open` has failed before it. */
  #results: WindowResults | undefined;
  /** Those that hold the current slice. */
  #start = NaN;
  #end = NaN;
  #windows: WindowRun = { first: 0, last: -1 };
  /** How far event time has come for the key at hand. */
  #reached: number = MIN_WATERMARK;

  constructor(spec: WindowSpec, { slices, time, trigger }: RangeTiming) {
    this.#spec = spec;
    this.#slices = slices;
    this.#grid = new WindowGrid(slices);
    this.#time = time;
    this.#kind = trigger;
    this.#lateness = spec.allowedLateness;
  }

  open(context: OperatorContext): void | Promise<void> {
    const spec = this.#spec;
    const backend = context.keyedState;
    const operator = context.open.operatorName;
    const [grid, time, kind] = [this.#grid, this.#time, this.#kind];
    this.#context = context;
    this.#keys = new KeySelection(spec.key, context);
    this.#late = new LateRecords(context, LATE_OUTPUT);
    this.#timers = new TimerService(context, {
      name: 'key-timers',
      namespace: undefined,
      onEvent: (at) => this.#onTimer('event', at),
      onProcessing: (at) => this.#onTimer('processing', at),
    });
    this.#clock = time === 'processing' ? new GroupWatermark(context, 'clock') : undefined;
    this.#unfired = firesAtEnd(kind, time) ? undefined : new UnfiredCounts(context, this.#slices);
    const times = {
      watermark: () => this.#reached,
      processingTime: () => context.processingTime(),
    };
    const results = new WindowResults(spec, context, times);
    this.#results = results;
    const isKept = results.clears || acts(kind, time);
    const purges = mayPurge(kind);
    const keyWindows = new KeyWindows(backend, formOf(kind, { isKept, purges, time }));
    this.#keyWindows = keyWindows;
    this.#open = isKept ? new EndTimers(keyWindows, grid, time) : undefined;
    const contents = { spec, slices: this.#slices, grid, operator, backend, keyWindows, purges };
    this.#contents = new RangeContents(contents);
    this.#trigger = createRangeTrigger(kind, { operator, keyWindows, grid, time, times });
    return results.open(context);
  }

  close(): void | Promise<void> {
    return this.#results?.close();
  }

  watermark(timestamp: number): boolean {
    if (!this.#timers.advanceWatermark(timestamp)) return false;
    if (this.#clock === undefined) this.#dropOver(this.#timers.watermark - this.#lateness);
    return true;
  }

  processingTime(now: Timestamp): boolean {
    const clock = this.#clock;
    clock?.advance(now - 1);
    if (!this.#timers.advanceProcessingTime(now)) return false;
    if (clock === undefined) return true;
    this.#dropOver(clock.value);
    clock.settle();
    return true;
  }

  finish(): boolean {
    const unfired = this.#unfired?.total(this.#contents.live, () => true) ?? 0;
    if (unfired > 0) {
      const { metrics, logger, operatorName } = this.#context.open;
      metrics.counter('numElementsUnfired').increment(unfired);
      logger.warn(unfiredWarning(operatorName, unfired, this.#time));
    }
    return true;
  }

  // -------------------------------------------------------------------------------------- records

  process(): void {
    assert(false, 'windows get records by key');
  }

  processKeyed(value: unknown, timestamp: number, keyGroup: number): void {
    const key = this.#keys.enter(value, keyGroup);
    this.#reached = this.#timers.watermarkOf(keyGroup);
    const at = this.#timeOf(value, timestamp, keyGroup);
    if (!(at >= this.#start && at < this.#end)) this.#enter(at);
    const run = overlap(this.#windows, { first: this.#firstOpen(), last: Infinity });
    if (isEmpty(run)) {
      // W4
      if (timestamp + this.#lateness <= this.#reached) this.#late.add(value, timestamp);
    } else {
      this.#add(value, timestamp, run, { key, keyGroup });
    }
    this.#context.keyedState.clearCurrentKey();
  }

  #timeOf(value: unknown, timestamp: number, keyGroup: number): number {
    if (this.#clock !== undefined) {
      return Math.max(this.#context.processingTime(), this.#clock.of(keyGroup) + 1);
    }
    if (timestamp !== NO_TIMESTAMP) return timestamp;
    throw noTimestamp(this.#context.open.operatorName, value);
  }

  #enter(at: number): void {
    const [slices, grid] = [this.#slices, this.#grid];
    this.#start = slices.sliceStart(at);
    this.#end = slices.sliceEnd(this.#start);
    this.#windows = {
      first: grid.numberOf(slices.firstEnd(this.#start)),
      last: grid.numberOf(slices.lastEnd(this.#start)),
    };
  }

  #add(value: unknown, timestamp: number, run: WindowRun, of: GroupedKey): void {
    const keyWindows = this.#keyWindows;
    keyWindows.load();
    this.#trim();
    keyWindows.last = Math.max(keyWindows.last, run.last);
    this.#contents.add(this.#start, value, run);
    this.#unfired?.setSlice(this.#start);
    this.#unfired?.add();
    const decided = this.#trigger.onElement(value, timestamp, run);
    this.#open?.register(run);
    this.#decided(decided, of);
    this.#schedule('event');
    this.#schedule('processing');
    this.#store();
  }

  #store(): void {
    const keyWindows = this.#keyWindows;
    if (keyWindows.isEmpty) {
      if (keyWindows.event !== Infinity) this.#timers.deleteEvent(keyWindows.event, undefined);
      const at = keyWindows.processing;
      if (at !== Infinity) this.#timers.deleteProcessing(at, undefined);
    }
    keyWindows.store();
  }

  // --------------------------------------------------------------------------------------- timers

  /** W2, W3 */
  #onTimer(time: WindowTime, at: number): void {
    const { currentKey, currentKeyGroup } = this.#context.keyedState;
    const of = { key: currentKey!, keyGroup: currentKeyGroup };
    const keyWindows = this.#keyWindows;
    keyWindows.load();
    if (keyWindows[time] === at) keyWindows[time] = Infinity;
    this.#reached = this.#timers.watermark;
    this.#trim();
    const over = this.#dueOver(time, at);
    const due = unionOf([over, ...this.#trigger.due(time, at, WINDOWS_AT_ONCE)], WINDOWS_AT_ONCE);
    for (const run of due) this.#decided(this.#trigger.onTimer(time, at, run), of);
    for (const run of over) {
      for (const each of due) this.#clear(overlap(run, each), of);
    }
    this.#schedule(time);
    this.#store();
  }

  /** W1 */
  #dueOver(time: WindowTime, at: number): readonly WindowRun[] {
    if (time !== this.#time || this.#open === undefined) return [];
    if (time === 'processing') return this.#open.due(time, at, WINDOWS_AT_ONCE);
    const due = this.#open.due(time, at - this.#lateness, WINDOWS_AT_ONCE);
    const last = this.#grid.lastEver(Number.MAX_SAFE_INTEGER - this.#lateness);
    return due.map((run) => overlap(run, { first: -Infinity, last }));
  }

  #clear(run: WindowRun, of: GroupedKey): void {
    if (isEmpty(run)) return;
    this.#open!.cancel(run);
    this.#contents.clear(run);
    this.#trigger.clear(run);
    const results = this.#results!;
    for (let window = run.first; results.clears && window <= run.last; window += 1) {
      const end = this.#grid.endOf(window);
      results.clear(of, windowOf(this.#slices.windowStart(end), end));
    }
    if (this.#keyWindows.last <= run.last) this.#keyWindows.forget();
  }

  /** Does what the trigger wants. */
  #decided(decided: readonly Decided[], of: GroupedKey): void {
    const results = this.#results!;
    for (const part of decided) {
      if ((part.decision & FIRE) !== 0) {
        this.#contents.fire(part, (start, end, result) => {
          results.emit(of, windowOf(start, end), result, (end - 1) as Timestamp);
        });
      }
      if ((part.decision & PURGE) !== 0) this.#contents.purge(part);
      const [first, last] = [this.#grid.endOf(part.first), this.#grid.endOf(part.last)];
      this.#unfired?.shown(this.#contents.live, first, last);
    }
  }

  /** W2 */
  #schedule(time: WindowTime): void {
    const keyWindows = this.#keyWindows;
    const next = Math.min(this.#trigger.next(time), this.#nextOver(time));
    if (next >= keyWindows[time] || next > Number.MAX_SAFE_INTEGER) return;
    const timers = this.#timers;
    const isKnown = keyWindows[time] !== Infinity;
    if (time === 'event') {
      if (isKnown) timers.deleteEvent(keyWindows.event, undefined);
      timers.registerEvent(next, undefined);
    } else {
      if (isKnown) timers.deleteProcessing(keyWindows.processing, undefined);
      timers.registerProcessing(next, undefined);
    }
    keyWindows[time] = next;
  }

  // ------------------------------------------------------------------------------ when it is over

  #nextOver(time: WindowTime): number {
    if (time !== this.#time) return Infinity;
    const window = this.#open === undefined ? this.#keyWindows.last : this.#open.first;
    return window === undefined ? Infinity : this.#overAt(window);
  }

  /** When a window is over; infinity: never. */
  #overAt(window: number): number {
    if (window === -Infinity) return Infinity;
    const end = this.#grid.endOf(window);
    const time = this.#time === 'processing' ? end : end - 1 + this.#lateness;
    return time > Number.MAX_SAFE_INTEGER ? Infinity : time;
  }

  /** The first window that is not over for the key at hand. */
  #firstOpen(): number {
    if (this.#clock !== undefined) return -Infinity;
    return this.#grid.lastUpTo(this.#reached - this.#lateness, 'event') + 1;
  }

  /** Windows that are over are forgotten, unless something happens with each of them. */
  #trim(): void {
    if (this.#open !== undefined) return;
    const { currentKeyGroup } = this.#context.keyedState;
    const passed =
      this.#clock === undefined
        ? this.#timers.watermarkOf(currentKeyGroup) - this.#lateness
        : this.#clock.of(currentKeyGroup);
    this.#keyWindows.trim(this.#grid.lastUpTo(passed, 'event') + 1);
  }

  /** Slices whose windows are over. */
  #dropOver(time: number): void {
    const isEnd = this.#timers.watermark === MAX_WATERMARK;
    this.#contents.dropOver(time, (slice) => this.#unfired?.dropUnfired(slice, isEnd));
  }
}
