/**
 * The handle of list state. A key's list is an array that is only ever appended to; `update` and
 * `clear` begin a new one. So what an iteration or a snapshot needs is the array and its length at
 * that moment. A key with an empty list has no entry.
 */
import type { ListState } from '../../functions/state.ts';
import type { MergingHandle } from '../keyed-state-backend.ts';
import type { HeapState } from './heap-state.ts';
import { ABSENT } from './key-group-table.ts';
import { KeyedHandle } from './keyed-handle.ts';
import { ListView } from './list-view.ts';
import { valueCheckOf } from './value-check.ts';
import type { ValueCheck } from './value-check.ts';

export class HeapListState extends KeyedHandle implements ListState<unknown>, MergingHandle {
  readonly #fits: ValueCheck;

  constructor(state: HeapState) {
    super(state);
    this.#fits = valueCheckOf(state.schemas.value);
  }

  add(value: unknown): void {
    if (!this.#fits(value)) this.refuse(value);
    const absent = this.locate() === ABSENT;
    const slot = this.locateForWrite();
    const lists = this.table!.values as unknown[][];
    if (absent) lists[slot] = [value];
    else lists[slot]!.push(value);
  }

  addAll(values: Iterable<unknown>): void {
    // All of them first: they may come from an iteration over this very list, or fail half way.
    for (const value of this.#checked(values)) this.add(value);
  }

  update(values: Iterable<unknown>): void {
    const list = this.#checked(values);
    if (list.length === 0) return this.clear();
    const slot = this.locateForWrite();
    (this.table!.values as unknown[][])[slot] = list;
  }

  /** The list as it is now, whatever is added later. */
  values(): Iterable<unknown> {
    const slot = this.locate();
    if (slot === ABSENT) return [];
    const list = (this.table!.values as unknown[][])[slot]!;
    return new ListView(list, list.length);
  }

  get isEmpty(): boolean {
    return this.locate() === ABSENT;
  }

  take(): unknown {
    const slot = this.locate();
    if (slot === ABSENT) return undefined;
    const list = (this.table!.values as unknown[][])[slot];
    this.clear();
    return list;
  }

  merge(taken: unknown): void {
    this.addAll(taken as unknown[]);
  }

  #checked(values: Iterable<unknown>): unknown[] {
    const list = [...values];
    for (const value of list) if (!this.#fits(value)) this.refuse(value);
    return list;
  }
}
