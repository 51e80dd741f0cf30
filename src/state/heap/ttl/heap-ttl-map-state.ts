/**
 * Map state with a time-to-live of its entries. What has expired is never shown, unless the
 * declaration wants it, and leaves the map when it is read.
 */
import type { MapState } from '../../../functions/state.ts';
import type { HeapState } from '../heap-state.ts';
import { ABSENT } from '../key-group-table.ts';
import { KeyedHandle } from '../keyed-handle.ts';
import type { Lookup } from '../lookup-index.ts';
import type { MapLookups } from '../map-lookup.ts';
import { OrderedMap } from '../ordered-map.ts';
import type { MapView } from '../ordered-map.ts';
import { TtlCleaner } from './ttl-cleaner.ts';
import type { Ttl } from './ttl.ts';
import { valueCheckOf } from '../value-check.ts';
import type { ValueCheck } from '../value-check.ts';

export class HeapTtlMapState extends KeyedHandle implements MapState<unknown, unknown> {
  readonly cleaner: TtlCleaner;
  readonly #ttl: Ttl;
  readonly #lookups: MapLookups;
  readonly #keyFits: ValueCheck;
  readonly #valueFits: ValueCheck;

  constructor(state: HeapState, ttl: Ttl) {
    super(state);
    this.#ttl = ttl;
    this.#lookups = state.mapLookups!;
    this.#keyFits = valueCheckOf(state.schemas.key!);
    this.#valueFits = valueCheckOf(state.schemas.value);
    this.cleaner = new TtlCleaner(state, ttl, () => this.forget());
  }

  get(key: unknown): unknown {
    const lookup = this.#lookups.of(key);
    const now = this.#begin();
    const map = this.#stored();
    if (map === undefined) return undefined;
    const value = map.get(lookup);
    return this.#read(map, lookup, now) ? value : undefined;
  }

  has(key: unknown): boolean {
    const lookup = this.#lookups.of(key);
    const now = this.#begin();
    const map = this.#stored();
    return map !== undefined && this.#read(map, lookup, now);
  }

  set(key: unknown, value: unknown): void {
    if (!this.#keyFits(key)) this.refuse(key);
    if (!this.#valueFits(value)) this.refuse(value);
    const lookup = this.#lookups.of(key);
    const now = this.#begin();
    const absent = this.locate() === ABSENT;
    const slot = this.locateForWrite();
    const maps = this.table!.values as OrderedMap[];
    if (absent) maps[slot] = new OrderedMap(this.#lookups, true);
    // What has expired is gone, whether it was cleaned up or not: it comes anew, at the end.
    else if (maps[slot]!.timeOf(lookup) <= this.#ttl.cutoffAt(now)) maps[slot]!.delete(lookup);
    maps[slot]!.set(lookup, key, value, now);
  }

  delete(key: unknown): void {
    const lookup = this.#lookups.of(key);
    this.#begin();
    const map = this.#stored();
    if (map !== undefined && map.has(lookup)) this.#delete(map, lookup);
  }

  entries(): Iterable<readonly [unknown, unknown]> {
    return this.#each((view, at) => [view.key(at), view.value(at)] as const);
  }

  keys(): Iterable<unknown> {
    return this.#each((view, at) => view.key(at));
  }

  values(): Iterable<unknown> {
    return this.#each((view, at) => view.value(at));
  }

  get isEmpty(): boolean {
    const now = this.#begin();
    const map = this.#stored();
    if (map === undefined) return true;
    if (this.#ttl.showsExpired) return false;
    return !map.peek().holdsAfter(this.#ttl.cutoffAt(now));
  }

  /** What reading does to an entry; whether it may be shown. */
  #read(map: OrderedMap, lookup: Lookup, now: number): boolean {
    const time = map.timeOf(lookup);
    if (time !== time) return false;
    if (time <= this.#ttl.cutoffAt(now)) {
      this.#delete(map, lookup);
      return this.#ttl.showsExpired;
    }
    if (this.#ttl.updatedByRead) {
      this.locateForWrite();
      map.stamp(lookup, now);
    }
    return true;
  }

  /** The entries that may be shown, as they are now; reading has done its work on all of them. */
  #each<R>(of: (view: MapView, at: number) => R): Iterable<R> {
    const now = this.#begin();
    const map = this.#stored();
    if (map === undefined) return [];
    const { updatedByRead, showsExpired } = this.#ttl;
    const cutoff = this.#ttl.cutoffAt(now);
    const view = map.view();
    const expires = map.hasUntil(cutoff);
    if (expires || updatedByRead) {
      this.locateForWrite();
      if (expires) map.deleteUntil(cutoff);
      if (map.size === 0) this.clear();
      else if (updatedByRead) map.stampAll(now);
    }
    const shownAfter = showsExpired ? -Infinity : cutoff;
    return { [Symbol.iterator]: () => iterate(view, shownAfter, of) };
  }

  #delete(map: OrderedMap, lookup: Lookup): void {
    if (map.size === 1) return this.clear();
    this.locateForWrite();
    map.delete(lookup);
  }

  #begin(): number {
    const now = this.#ttl.clock.now();
    this.cleaner.run(now);
    return now;
  }

  #stored(): OrderedMap | undefined {
    const slot = this.locate();
    return slot === ABSENT ? undefined : (this.table!.values as OrderedMap[])[slot];
  }
}

function* iterate<R>(
  view: MapView,
  cutoff: number,
  of: (view: MapView, at: number) => R,
): Iterator<R> {
  for (let at = 0; at < view.end; at++) {
    if (view.holds(at) && view.time(at) > cutoff) yield of(view, at);
  }
}
