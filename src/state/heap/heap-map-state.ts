/**
 * The handle of map state: a map per key, which keeps the order in which its keys were first set.
 * A key with an empty map has no entry. An iteration shows the map as it was when `entries`, `keys`
 * or `values` was called, whatever is changed meanwhile.
 */
import type { MapState } from '../../functions/state.ts';
import type { HeapState } from './heap-state.ts';
import { ABSENT } from './key-group-table.ts';
import { KeyedHandle } from './keyed-handle.ts';
import type { MapLookups } from './map-lookup.ts';
import { OrderedMap } from './ordered-map.ts';
import { valueCheckOf } from './value-check.ts';
import type { ValueCheck } from './value-check.ts';

export class HeapMapState extends KeyedHandle implements MapState<unknown, unknown> {
  readonly #lookups: MapLookups;
  readonly #keyFits: ValueCheck;
  readonly #valueFits: ValueCheck;

  constructor(state: HeapState) {
    super(state);
    this.#lookups = state.mapLookups!;
    this.#keyFits = valueCheckOf(state.schemas.key!);
    this.#valueFits = valueCheckOf(state.schemas.value);
  }

  get(key: unknown): unknown {
    return this.#map()?.get(this.#lookups.of(key));
  }

  has(key: unknown): boolean {
    return this.#map()?.has(this.#lookups.of(key)) ?? false;
  }

  set(key: unknown, value: unknown): void {
    if (!this.#keyFits(key)) this.refuse(key);
    if (!this.#valueFits(value)) this.refuse(value);
    const lookup = this.#lookups.of(key);
    const absent = this.locate() === ABSENT;
    const slot = this.locateForWrite();
    const maps = this.table!.values as OrderedMap[];
    if (absent) maps[slot] = new OrderedMap(this.#lookups);
    maps[slot]!.set(lookup, key, value);
  }

  delete(key: unknown): void {
    const lookup = this.#lookups.of(key);
    const map = this.#map();
    if (map === undefined || !map.has(lookup)) return;
    if (map.size === 1) return this.clear();
    this.locateForWrite();
    map.delete(lookup);
  }

  entries(): Iterable<readonly [unknown, unknown]> {
    return this.#map()?.view().entries() ?? [];
  }

  keys(): Iterable<unknown> {
    return this.#map()?.view().keys() ?? [];
  }

  values(): Iterable<unknown> {
    return this.#map()?.view().values() ?? [];
  }

  get isEmpty(): boolean {
    return this.locate() === ABSENT;
  }

  #map(): OrderedMap | undefined {
    const slot = this.locate();
    return slot === ABSENT ? undefined : (this.table!.values as OrderedMap[])[slot];
  }
}
