/**
 * Contents of aligned windows that overlap, whose triggers ask a user for each window: a record is
 * added once, to its slice, and a window is put together from its slices when it fires.
 *
 * Invariants
 * H1. A record is added once, before the trigger of its first window is asked.
 * H2. A window holds what has come to its slices since it has dropped its contents.
 * H3. A slice is dropped when its last window is over.
 */
import { assert } from '../../base/assert.ts';
import type { Window } from '../../functions/window.ts';
import type { WindowSpec } from '../../graph/operator-spec.ts';
import type { KeyedStateBackend } from '../../state/keyed-state-backend.ts';
import { incrementalOf } from './incremental.ts';
import type { Incremental } from './incremental.ts';
import { PurgeMarks } from './purge-marks.ts';
import { EVERYTHING, SliceBlocks } from './slice-blocks.ts';
import { SliceCells } from './slice-cells.ts';
import type { Slices } from './slices.ts';
import type { FiredWindows, KeptContents } from './window-contents.ts';
import { windowOf } from './window-firing.ts';

export interface SharedContentsOptions {
  readonly spec: WindowSpec;
  readonly slices: Slices;
  readonly operator: string;
  readonly backend: KeyedStateBackend;
  /** Whether the trigger may drop contents before the window is over. */
  readonly purges: boolean;
  /** Whether it is of a user, and may fire a window that is over, which is empty then. */
  readonly isCustom: boolean;
  /** Time that has passed: of events, or by the clock. */
  readonly passed: () => number;
}

/** What windows of the record at hand have in common that fire with it. */
interface Around {
  /** What there is from `from` to the record's slice. */
  from: number;
  left: unknown;
  /** Slices behind that of the record, and what there is from the first up to each. */
  readonly slices: readonly number[];
  readonly sums: readonly unknown[];
}

export class SharedContents implements KeptContents {
  readonly #slices: Slices;
  readonly #lateness: number;
  readonly #backend: KeyedStateBackend;
  readonly #incremental: Incremental;
  readonly #cells: SliceCells;
  readonly #marks: PurgeMarks | undefined;
  readonly #blocks: SliceBlocks;
  readonly #passed: () => number;
  readonly #isCustom: boolean;
  #window!: Window;
  /** Of the record at hand, or the last one. */
  #start = NaN;
  #end = NaN;
  #isAdded = false;
  /** By mark, from the second window on that fires with the record at hand. */
  readonly #around = new Map<number, Around>();
  #fired = 0;
  #inRecord = false;

  /** In the operator's `open`. */
  constructor(options: SharedContentsOptions) {
    const { spec, slices, operator, backend, purges, isCustom, passed } = options;
    this.#slices = slices;
    this.#lateness = spec.allowedLateness;
    this.#backend = backend;
    this.#incremental = incrementalOf(spec, operator);
    const cells = new SliceCells(backend, this.#incremental, purges);
    this.#cells = cells;
    this.#marks = purges ? new PurgeMarks(backend) : undefined;
    this.#passed = passed;
    this.#isCustom = isCustom;
    this.#blocks = new SliceBlocks({
      slices,
      merge: (left, right) => this.#incremental.merge(left, right),
      read: (slice, after) => cells.read(slice, after),
      part: cells.part.bind(cells),
    });
  }

  /** Before the windows of a record of the current key. */
  enter(at: number): void {
    if (!(at >= this.#start && at < this.#end)) {
      this.#start = this.#slices.sliceStart(at);
      this.#end = this.#slices.sliceEnd(this.#start);
    }
    this.#isAdded = false;
    this.#inRecord = true;
  }

  /** After them. */
  leave(): void {
    this.#inRecord = false;
    this.#fired = 0;
    if (this.#around.size > 0) this.#around.clear();
  }

  setWindow(window: Window): void {
    this.#window = window;
  }

  /** H1 */
  add(value: unknown): void {
    if (this.#isCustom) this.#marks!.open(this.#window);
    if (this.#isAdded) return;
    this.#isAdded = true;
    const slice = this.#start;
    const generation = this.#marks?.touch(this.#slices.lastEnd(slice)) ?? 0;
    this.#cells.add(slice, value, generation, () => this.#marksOf(slice));
    this.#blocks.changed(this.#backend.currentKey!, slice);
  }

  fire(window: Window, to: FiredWindows): void {
    const total = this.#totalOf(window);
    if (total !== undefined) to.fired(window, this.#incremental.result(total));
  }

  /** H2 */
  purge(): void {
    assert(this.#marks !== undefined, 'H2: a purge where none was expected');
    if (this.#isCustom && !this.#marks.isOpen(this.#window)) return;
    this.#marks.purge(this.#window);
  }

  clear(): void {
    this.#marks?.clear(this.#window);
  }

  merge(): void {
    assert(false, 'aligned windows do not merge');
  }

  /** H3: windows whose last millisecond is at or before `time` are over. */
  dropOver(time: number): void {
    const { live } = this.#cells;
    let isDropped = false;
    while (!live.isEmpty && this.#isOver(this.#slices.lastEnd(live.first), time)) {
      this.#cells.dropFirst();
      isDropped = true;
    }
    if (isDropped) this.#blocks.dropBefore(live.isEmpty ? Infinity : live.first);
  }

  /** A window whose end with the lateness is no time any more is never over. */
  #isOver(end: number, time: number): boolean {
    return end - 1 <= time && end - 1 + this.#lateness <= Number.MAX_SAFE_INTEGER;
  }

  #totalOf(window: Window): unknown {
    const mark = this.#marks?.of(window) ?? EVERYTHING;
    if (this.#isCustom && !this.#marks!.isOpen(window)) return undefined;
    if (!this.#inRecord) return this.#between(window.start, window.end, mark);
    this.#fired += 1;
    if (this.#fired === 1) return this.#between(window.start, window.end, mark);
    let around = this.#around.get(mark);
    if (around === undefined) this.#around.set(mark, (around = this.#aroundOf(mark)));
    if (window.start !== around.from) this.#reach(around, window.start, mark);
    const { left, slices, sums } = around;
    let behind = slices.length;
    while (behind > 0 && slices[behind - 1]! >= window.end) behind -= 1;
    return behind === 0 ? left : this.#cells.merged(left, sums[behind - 1]);
  }

  #aroundOf(mark: number): Around {
    const slices = this.#cells.live.between(this.#end, this.#slices.lastEnd(this.#start));
    const sums: unknown[] = [];
    let sum: unknown = undefined;
    for (const slice of slices) {
      sum = this.#cells.merged(sum, this.#cells.read(slice, mark));
      sums.push(sum);
    }
    return { from: this.#end, left: undefined, slices, sums };
  }

  /** Windows mostly come from the latest begin to the earliest. */
  #reach(around: Around, start: number, mark: number): void {
    const isFurther = start < around.from;
    const more = this.#between(start, isFurther ? around.from : this.#end, mark);
    around.left = isFurther ? this.#cells.merged(more, around.left) : more;
    around.from = start;
  }

  /** What slices from `from` to before `to` hold for the current key after a mark. */
  #between(start: number, end: number, after: number): unknown {
    const key = this.#backend.currentKey!;
    return this.#blocks.total(key, { start, end, after }, this.#cells.live, Infinity);
  }

  /** Of the windows that hold a slice and are not over, ascending, each once. */
  #marksOf(slice: number): readonly number[] {
    const slices = this.#slices;
    const marks = new Set<number>();
    const open = slices.endAtOrAfter(this.#passed() - this.#lateness + 2);
    const last = slices.lastEnd(slice);
    for (let end = Math.max(slices.firstEnd(slice), open); end <= last; end += slices.step) {
      marks.add(this.#marks!.of(windowOf(slices.windowStart(end), end)));
    }
    return [...marks].sort((a, b) => a - b);
  }
}
