/**
 * What slices hold of each key, where windows may drop their contents at different times: an
 * accumulator, or several by generation. A generation is what has come to a key between two purges,
 * so that a window that has dropped its contents reads those that have come since.
 *
 * Invariants
 * G1. Generations of a key and slice ascend; a record is in one of them.
 * G2. Those that no window can tell apart any more become one, and those that none reads leave,
 * when
 *     they have become `MANY`, and twice as many again and again.
 */
import { state } from '../../functions/state.ts';
import type { ValueState } from '../../functions/state.ts';
import type { KeyedStateBackend, SlicedState } from '../../state/keyed-state-backend.ts';
import type { Schema } from '../../types/schema.ts';
import { t } from '../../types/t.ts';
import type { Incremental } from './incremental.ts';
import { LiveSlices } from './live-slices.ts';
import { EVERYTHING } from './slice-blocks.ts';
import type { Part } from './slice-blocks.ts';

interface Cell {
  readonly generation: number;
  readonly value: unknown;
}

type Cells = readonly Cell[];

function cellsOf(accumulator: Schema<unknown>): Schema<Cells> {
  return t.array(t.struct({ generation: t.float64, value: accumulator }));
}

/** From here on they are looked through. */
const MANY = 8;

export class SliceCells {
  readonly #incremental: Incremental;
  /** Without purges. */
  readonly #single: SlicedState<ValueState<unknown>> | undefined;
  readonly #cells: SlicedState<ValueState<Cells | undefined>> | undefined;
  #live: LiveSlices | undefined = undefined;

  /** In the operator's `open`. */
  constructor(backend: KeyedStateBackend, incremental: Incremental, purges: boolean) {
    const { accumulator, migrations } = incremental;
    const name = 'window-contents';
    this.#incremental = incremental;
    this.#single = purges
      ? undefined
      : backend.registerSliced(name, state.value(accumulator, { migrations }));
    const ofCells = migrations.map(({ from, migrate }) =>
      state.migration(cellsOf(from), (cells) =>
        cells.map((cell) => ({ ...cell, value: migrate(cell.value as never) })),
      ),
    );
    this.#cells = purges
      ? backend.registerSliced(name, state.value(cellsOf(accumulator), { migrations: ofCells }))
      : undefined;
  }

  /** Those that hold something; not before a restore. */
  get live(): LiveSlices {
    return (this.#live ??= new LiveSlices((this.#single ?? this.#cells!).slices()));
  }

  /**
   * Adds a record of the current key. `marks` are the generations, ascending, up to which windows
   * that hold the slice have dropped it.
   */
  add(slice: number, value: unknown, generation: number, marks: () => readonly number[]): void {
    this.live.add(slice);
    const incremental = this.#incremental;
    if (this.#single !== undefined) {
      this.#single.setSlice(slice);
      const { handle } = this.#single;
      handle.set(incremental.add(handle.get(), value));
      return;
    }
    this.#cells!.setSlice(slice);
    const { handle } = this.#cells!;
    const cells = handle.get() ?? [];
    const last = cells.at(-1);
    if (last?.generation === generation) {
      const cell = { generation, value: incremental.add(last.value, value) };
      handle.set([...cells.slice(0, -1), cell]);
      return;
    }
    const kept = isMany(cells.length) ? this.#compacted(cells, marks()) : cells;
    handle.set([...kept, { generation, value: incremental.add(undefined, value) }]);
  }

  /** What has come to the current key in a slice after a generation; undefined is nothing. */
  read(slice: number, after: number): unknown {
    if (this.#single !== undefined) {
      this.#single.setSlice(slice);
      return this.#single.handle.get();
    }
    this.#cells!.setSlice(slice);
    const cells = this.#cells!.handle.get();
    if (cells === undefined) return undefined;
    let total: unknown = undefined;
    for (const { generation, value } of cells) {
      if (generation > after) total = this.merged(total, value);
    }
    return total;
  }

  /** All that the current key has in a slice. */
  part(slice: number): Part | undefined {
    const value = this.read(slice, EVERYTHING);
    if (value === undefined) return undefined;
    const cells = this.#cells?.handle.get();
    if (cells === undefined) return { value, earliest: 0, latest: 0 };
    return { value, earliest: cells[0]!.generation, latest: cells.at(-1)!.generation };
  }

  merged(left: unknown, right: unknown): unknown {
    if (left === undefined) return right;
    return right === undefined ? left : this.#incremental.merge(left, right);
  }

  /** The earliest slice, of all keys. */
  dropFirst(): void {
    (this.#single ?? this.#cells!).dropSlice(this.live.first);
    this.live.removeFirst();
  }

  /** G2 */
  #compacted(cells: Cells, marks: readonly number[]): Cells {
    const kept: Cell[] = [];
    let next = 0;
    for (const cell of cells) {
      if (marks.length > 0 && cell.generation <= marks[0]!) continue;
      const before = next;
      while (next < marks.length && marks[next]! < cell.generation) next += 1;
      const last = kept.at(-1);
      if (last === undefined || before < next) kept.push(cell);
      else kept[kept.length - 1] = { ...cell, value: this.merged(last.value, cell.value) };
    }
    return kept;
  }
}

/** G2 */
function isMany(cells: number): boolean {
  return cells >= MANY && (cells & (cells - 1)) === 0;
}
