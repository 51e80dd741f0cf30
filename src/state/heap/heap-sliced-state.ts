/**
 * What operators hold of sliced state: the handle, which acts on the current key and slice, and
 * what concerns whole slices.
 */
import type { Key } from '../../types/schema.ts';
import type { SliceCursor, SlicedState } from '../keyed-state-backend.ts';
import { loadValue } from './column.ts';
import type { KeyedHandle } from './keyed-handle.ts';
import type { KeyGroupTable } from './key-group-table.ts';
import type { SlicedHeapState } from './sliced-heap-state.ts';

export class HeapSlicedState<H> implements SlicedState<H> {
  readonly handle: H;
  readonly #state: SlicedHeapState;

  constructor(state: SlicedHeapState, handle: H & Pick<KeyedHandle, 'forget'>) {
    this.handle = handle;
    this.#state = state;
  }

  setSlice(start: number): void {
    if (this.#state.select(start)) this.forget();
  }

  slices(): readonly number[] {
    const starts = this.#state.starts();
    // An empty slice may have gone.
    this.forget();
    return starts;
  }

  cursor(start: number): SliceCursor {
    return new HeapSliceCursor(this.#state, this.#state.tablesOfSlice(start));
  }

  dropSlice(start: number): void {
    this.#state.dropSlice(start);
    this.forget();
  }

  /** After the state has been changed behind the handle's back. */
  forget(): void {
    (this.handle as Pick<KeyedHandle, 'forget'>).forget();
  }
}

class HeapSliceCursor implements SliceCursor {
  readonly #state: SlicedHeapState;
  readonly #tables: readonly KeyGroupTable[];
  /** The table is the one before it. */
  #next = 0;
  #table: KeyGroupTable | undefined = undefined;
  #slot = 0;
  #step = 1;
  #end = 0;

  constructor(state: SlicedHeapState, tables: readonly KeyGroupTable[]) {
    this.#state = state;
    this.#tables = tables;
  }

  next(): boolean {
    for (;;) {
      const table = this.#table;
      for (let slot = this.#slot + this.#step; slot < this.#end; slot += this.#step) {
        if (table!.versionAt(slot) <= 0) continue;
        this.#slot = slot;
        return true;
      }
      if (this.#next === this.#tables.length) return false;
      this.#enter(this.#tables[this.#next++]!);
    }
  }

  get key(): Key {
    return this.#table!.keyAt(this.#slot);
  }

  get keyGroup(): number {
    return this.#state.parts.context.keyGroupAt(this.#table!.group);
  }

  get value(): unknown {
    const { column, values } = this.#table!;
    return this.#state.frozen(loadValue(column, values, this.#slot));
  }

  #enter(table: KeyGroupTable): void {
    this.#table = table;
    this.#step = table.step;
    this.#slot = table.first - table.step;
    this.#end = table.end;
  }
}
