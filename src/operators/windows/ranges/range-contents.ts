/**
 * Contents of windows that overlap, for runs of them: a record is added once, to its slice, and
 * windows that fire are put together from their slices. A window that drops what it holds is marked
 * with the generation of its key that has come until then; records after that are of a later one.
 *
 * Invariants
 * X1. A window holds what has come to its slices in generations after its mark.
 * X2. A purge begins a new generation, if a record has come in the one before.
 * X3. A slice is dropped when its last window is over.
 */
import type { WindowSpec } from '../../../graph/operator-spec.ts';
import type { KeyedStateBackend } from '../../../state/keyed-state-backend.ts';
import { incrementalOf } from '../incremental.ts';
import type { Incremental } from '../incremental.ts';
import { EVERYTHING, SliceBlocks } from '../slice-blocks.ts';
import { SliceCells } from '../slice-cells.ts';
import type { Slices } from '../slices.ts';
import { WindowTotals } from '../window-totals.ts';
import type { LiveSlices } from '../live-slices.ts';
import type { KeyWindows, RunNumbers } from './key-windows.ts';
import type { WindowRun } from './range-numbers.ts';
import type { WindowGrid } from './window-grid.ts';

export interface RangeContentsOptions {
  readonly spec: WindowSpec;
  readonly slices: Slices;
  readonly grid: WindowGrid;
  readonly operator: string;
  readonly backend: KeyedStateBackend;
  readonly keyWindows: KeyWindows;
  /** Whether the trigger may drop contents before the window is over. */
  readonly purges: boolean;
}

/** All methods but `dropOver` concern the current key. */
export class RangeContents {
  readonly #slices: Slices;
  readonly #grid: WindowGrid;
  readonly #lateness: number;
  readonly #backend: KeyedStateBackend;
  readonly #keyWindows: KeyWindows;
  readonly #incremental: Incremental;
  readonly #cells: SliceCells;
  readonly #blocks: SliceBlocks;
  readonly #totals: WindowTotals;
  /** X1 */
  readonly #marks: RunNumbers | undefined;

  /** In the operator's `open`. */
  constructor(options: RangeContentsOptions) {
    const { spec, slices, grid, operator, backend, keyWindows, purges } = options;
    this.#slices = slices;
    this.#grid = grid;
    this.#lateness = spec.allowedLateness;
    this.#backend = backend;
    this.#keyWindows = keyWindows;
    this.#incremental = incrementalOf(spec, operator);
    const cells = new SliceCells(backend, this.#incremental, purges);
    this.#cells = cells;
    this.#marks = purges ? keyWindows.slot(EVERYTHING) : undefined;
    const merge = (left: unknown, right: unknown): unknown => this.#incremental.merge(left, right);
    const read = (slice: number, after: number): unknown => cells.read(slice, after);
    const part = cells.part.bind(cells);
    this.#blocks = new SliceBlocks({ slices, merge, read, part });
    this.#totals = new WindowTotals({
      slices,
      live: () => cells.live,
      blocks: this.#blocks,
      merge,
      read,
      passed: () => Infinity,
    });
  }

  /** Slices that hold something; not before a restore. */
  get live(): LiveSlices {
    return this.#cells.live;
  }

  /** A record of the slice; `open` are the windows that it comes to. */
  add(slice: number, value: unknown, open: WindowRun): void {
    const keyWindows = this.#keyWindows;
    if (this.#marks !== undefined) keyWindows.isTouched = true;
    this.#cells.add(slice, value, keyWindows.generation, () => this.#marksOf(open));
    this.#blocks.changed(this.#backend.currentKey!, slice);
  }

  /** Visits windows that hold something, with their results. */
  fire(run: WindowRun, visit: (start: number, end: number, result: unknown) => void): void {
    if (this.#marks === undefined) this.#fire(run, EVERYTHING, visit);
    else this.#marks.each(run, (part, mark) => this.#fire(part, mark, visit));
  }

  /** X2 */
  purge(run: WindowRun): void {
    const keyWindows = this.#keyWindows;
    if (keyWindows.isTouched) keyWindows.generation += 1;
    keyWindows.isTouched = false;
    this.#marks!.set(run, keyWindows.generation - 1);
  }

  clear(run: WindowRun): void {
    this.#marks?.reset(run);
  }

  /**
   * X3: windows whose last millisecond is at or before `time` are over. `dropped` is told of each
   * slice.
   */
  dropOver(time: number, dropped: (slice: number) => void): void {
    const { live } = this.#cells;
    let isDropped = false;
    while (!live.isEmpty && this.#isOver(this.#slices.lastEnd(live.first), time)) {
      dropped(live.first);
      this.#cells.dropFirst();
      isDropped = true;
    }
    if (isDropped) this.#blocks.dropBefore(live.isEmpty ? Infinity : live.first);
  }

  /** A window whose end with the lateness is no time any more is never over. */
  #isOver(end: number, time: number): boolean {
    return end - 1 <= time && end - 1 + this.#lateness <= Number.MAX_SAFE_INTEGER;
  }

  #fire(
    { first, last }: WindowRun,
    after: number,
    visit: (start: number, end: number, result: unknown) => void,
  ): void {
    const grid = this.#grid;
    const wanted = { first: grid.endOf(first), last: grid.endOf(last), after };
    this.#totals.each(this.#backend.currentKey!, wanted, (start, end, total) => {
      if (total !== undefined) visit(start, end, this.#incremental.result(total));
    });
  }

  #marksOf(open: WindowRun): readonly number[] {
    const marks = new Set<number>();
    this.#marks!.each(open, (_run, mark) => marks.add(mark));
    return [...marks].sort((a, b) => a - b);
  }
}
