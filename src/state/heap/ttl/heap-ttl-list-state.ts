/**
 * List state with a time-to-live of its elements. What has expired is never shown, unless the
 * declaration wants it, and leaves the list when it is read.
 */
import type { ListState } from '../../../functions/state.ts';
import type { MergingHandle } from '../../keyed-state-backend.ts';
import type { HeapState } from '../heap-state.ts';
import { ABSENT } from '../key-group-table.ts';
import { KeyedHandle } from '../keyed-handle.ts';
import { ListView } from '../list-view.ts';
import { StampedList } from './stamped-list.ts';
import { TtlCleaner } from './ttl-cleaner.ts';
import type { Ttl } from './ttl.ts';
import { valueCheckOf } from '../value-check.ts';
import type { ValueCheck } from '../value-check.ts';

export class HeapTtlListState extends KeyedHandle implements ListState<unknown>, MergingHandle {
  readonly cleaner: TtlCleaner;
  readonly #ttl: Ttl;
  readonly #fits: ValueCheck;

  constructor(state: HeapState, ttl: Ttl) {
    super(state);
    this.#ttl = ttl;
    this.#fits = valueCheckOf(state.schemas.value);
    this.cleaner = new TtlCleaner(state, ttl, () => this.forget());
  }

  add(value: unknown): void {
    if (!this.#fits(value)) this.refuse(value);
    const now = this.#begin();
    const list = this.#stored();
    if (list === undefined) return this.#store(StampedList.of([value], now));
    this.locateForWrite();
    list.append(value, now);
  }

  addAll(values: Iterable<unknown>): void {
    // All of them first: they may come from an iteration over this very list, or fail half way.
    for (const value of this.#checked(values)) this.add(value);
  }

  update(values: Iterable<unknown>): void {
    const items = this.#checked(values);
    const now = this.#begin();
    this.#store(StampedList.of(items, now));
  }

  /** What is there now and has not expired, whatever is added later. */
  values(): Iterable<unknown> {
    const now = this.#begin();
    const list = this.#stored();
    if (list === undefined) return [];
    const { updatedByRead, showsExpired } = this.#ttl;
    const live = list.after(this.#ttl.cutoffAt(now));
    const shown = showsExpired ? list : live;
    const view = new ListView(shown.items, shown.length);
    if (updatedByRead) this.#store(live.stamped(now));
    else if (live !== list && (live.length === 0 || !showsExpired)) this.#store(live);
    return view;
  }

  get isEmpty(): boolean {
    const now = this.#begin();
    const list = this.#stored();
    if (list === undefined) return true;
    return !this.#ttl.showsExpired && !list.holdsAfter(this.#ttl.cutoffAt(now));
  }

  take(): unknown {
    const now = this.#begin();
    const list = this.#stored();
    if (list === undefined) return undefined;
    this.clear();
    const taken = this.#ttl.showsExpired ? list : list.after(this.#ttl.cutoffAt(now));
    return taken.length === 0 ? undefined : taken;
  }

  /** Elements keep their times. */
  merge(taken: unknown): void {
    this.#begin();
    const list = this.#stored();
    if (list === undefined) return this.#store(taken as StampedList);
    this.locateForWrite();
    list.appendAll(taken as StampedList);
  }

  #begin(): number {
    const now = this.#ttl.clock.now();
    this.cleaner.run(now);
    return now;
  }

  #stored(): StampedList | undefined {
    const slot = this.locate();
    return slot === ABSENT ? undefined : (this.table!.values as StampedList[])[slot];
  }

  /** In the place of what is there; a key with an empty list has no entry. */
  #store(list: StampedList): void {
    if (list.length === 0) return this.clear();
    const slot = this.locateForWrite();
    (this.table!.values as unknown[])[slot] = list;
  }

  #checked(values: Iterable<unknown>): unknown[] {
    const list = [...values];
    for (const value of list) if (!this.#fits(value)) this.refuse(value);
    return list;
  }
}
