/**
 * A map that keeps the order in which keys were first set, and that can be seen as it is at one
 * moment without being copied: its entries lie in chunks, which are copied one by one only when
 * they are changed after such a view was taken. It holds the content of map state and of broadcast
 * state.
 *
 * Invariants
 * O1. Entry number i is in chunk i / 256; a removed entry leaves REMOVED as its key. `size` counts
 *     the others, `end` all.
 * O2. A chunk of an older generation than the map's may be seen by a view: it is copied before an
 *     entry of it is changed. Appending to it is no change: a view ends where the map ended.
 * O3. `index` has exactly the lookups of the entries, each with its number; a map of a few entries
 *     has none.
 * O4. Chunks have times exactly if the map was made so; `least` is at or before all of them.
 */
import { LookupIndex } from './lookup-index.ts';
import type { Lookup, LookupHolder } from './lookup-index.ts';
import type { MapLookups } from './map-lookup.ts';

const CHUNK = 256;
const SMALL = 8;
const REMOVED: unique symbol = Symbol('removed');

interface Chunk {
  readonly generation: number;
  readonly lookups: (Lookup | typeof REMOVED)[];
  /** The same array as `lookups` where keys are their own lookups. */
  readonly keys: unknown[];
  readonly values: unknown[];
  /** Of a map whose entries have times (O4). */
  readonly times: number[] | undefined;
}

export class OrderedMap implements LookupHolder {
  /** O1 */
  size = 0;
  #end = 0;
  #generation = 0;
  #chunks: Chunk[] = [];
  #index: LookupIndex | undefined;
  readonly #lookups: MapLookups;
  /** O4 */
  readonly #timed: boolean;
  #least = Infinity;

  /** @param timed whether entries have times */
  constructor(lookups: MapLookups, timed = false) {
    this.#lookups = lookups;
    this.#timed = timed;
  }

  /** Of an entry, by its number. */
  lookupAt(at: number): Lookup {
    return this.#chunks[at >>> 8]!.lookups[at & (CHUNK - 1)] as Lookup;
  }

  get(lookup: Lookup): unknown {
    const at = this.#find(lookup);
    return at < 0 ? undefined : this.#chunks[at >>> 8]!.values[at & (CHUNK - 1)];
  }

  has(lookup: Lookup): boolean {
    return this.#find(lookup) >= 0;
  }

  set(lookup: Lookup, key: unknown, value: unknown, time = 0): void {
    const at = this.#find(lookup);
    if (at < 0) return this.#append(lookup, key, value, time);
    const chunk = this.#owned(at);
    chunk.values[at & (CHUNK - 1)] = value;
    if (chunk.times !== undefined) this.#stampAt(chunk, at, time);
  }

  /** Of a timed map: that of the entry, NaN if there is none. */
  timeOf(lookup: Lookup): number {
    const at = this.#find(lookup);
    return at < 0 ? NaN : this.#chunks[at >>> 8]!.times![at & (CHUNK - 1)]!;
  }

  /** Gives an entry that is there another time. */
  stamp(lookup: Lookup, time: number): void {
    const at = this.#find(lookup);
    this.#stampAt(this.#owned(at), at, time);
  }

  /** The same for all entries. */
  stampAll(time: number): void {
    for (let at = 0; at < this.#end; at++) {
      const lookup = this.#chunks[at >>> 8]!.lookups[at & (CHUNK - 1)];
      if (lookup !== REMOVED) this.#owned(at).times![at & (CHUNK - 1)] = time;
    }
    this.#least = time;
  }

  /** Whether there is an entry with its time at or before `cutoff`. */
  hasUntil(cutoff: number): boolean {
    if (this.#least > cutoff) return false;
    let least = Infinity;
    const view = this.peek();
    for (let at = 0; at < view.end; at++) {
      if (view.holds(at) && view.time(at) < least) least = view.time(at);
    }
    this.#least = least;
    return least <= cutoff;
  }

  delete(lookup: Lookup): boolean {
    const at = this.#find(lookup);
    if (at < 0) return false;
    const chunk = this.#owned(at);
    const offset = at & (CHUNK - 1);
    chunk.lookups[offset] = REMOVED;
    chunk.keys[offset] = REMOVED;
    chunk.values[offset] = undefined;
    this.#index?.remove(lookup, at);
    this.size -= 1;
    const removed = this.#end - this.size;
    if (removed > SMALL && removed > this.size) this.#compact();
    return true;
  }

  /** Removes the entries with times at or before `cutoff`. */
  deleteUntil(cutoff: number): void {
    // Deleting may move entries: those to go first.
    const expired: Lookup[] = [];
    for (let at = 0; at < this.#end; at++) {
      const chunk = this.#chunks[at >>> 8]!;
      const lookup = chunk.lookups[at & (CHUNK - 1)]!;
      if (lookup !== REMOVED && chunk.times![at & (CHUNK - 1)]! <= cutoff) expired.push(lookup);
    }
    for (const lookup of expired) this.delete(lookup);
  }

  /** The map as it is now, whatever happens to it later. */
  view(): MapView {
    this.#generation += 1;
    return new MapView(this.#chunks.slice(), this.#end, this.size);
  }

  /** A view that is good only until the map is changed, and costs later changes nothing. */
  peek(): MapView {
    return new MapView(this.#chunks, this.#end, this.size);
  }

  #find(lookup: Lookup): number {
    if (this.#index !== undefined) return this.#index.find(lookup, this);
    const lookups = this.#chunks[0]?.lookups;
    for (let i = 0; i < this.#end; i++) {
      const candidate = lookups![i];
      if (candidate === lookup || (lookup !== lookup && candidate !== candidate)) return i;
    }
    return -1;
  }

  #stampAt(chunk: Chunk, at: number, time: number): void {
    chunk.times![at & (CHUNK - 1)] = time;
    if (time < this.#least) this.#least = time;
  }

  #append(lookup: Lookup, key: unknown, value: unknown, time: number): void {
    const at = this.#end;
    if ((at & (CHUNK - 1)) === 0) {
      this.#chunks.push(emptyChunk(this.#generation, this.#lookups.direct, this.#timed));
    }
    const chunk = this.#chunks[at >>> 8]!;
    const kept = this.#lookups.kept(key, lookup);
    chunk.lookups.push(this.#lookups.direct ? (kept as Lookup) : lookup);
    if (!this.#lookups.direct) chunk.keys.push(kept);
    chunk.values.push(value);
    if (chunk.times !== undefined) this.#stampAt(chunk, at, time);
    this.#end += 1;
    this.size += 1;
    if (this.#index !== undefined) this.#index.add(lookup, at);
    else if (this.#end > SMALL) this.#buildIndex();
  }

  #buildIndex(): void {
    this.#index = new LookupIndex();
    for (let at = 0; at < this.#end; at++) {
      const lookup = this.#chunks[at >>> 8]!.lookups[at & (CHUNK - 1)];
      if (lookup !== REMOVED) this.#index.add(lookup, at);
    }
  }

  /** O2: the chunk of an entry, safe to change. */
  #owned(at: number): Chunk {
    const chunk = this.#chunks[at >>> 8]!;
    if (chunk.generation === this.#generation) return chunk;
    const lookups = chunk.lookups.slice();
    const copy: Chunk = {
      generation: this.#generation,
      lookups,
      keys: this.#lookups.direct ? lookups : chunk.keys.slice(),
      values: chunk.values.slice(),
      times: chunk.times?.slice(),
    };
    this.#chunks[at >>> 8] = copy;
    return copy;
  }

  /** O1: takes out what removed entries have left. Views keep the old chunks. */
  #compact(): void {
    const chunks = this.#chunks;
    const end = this.#end;
    this.#chunks = [];
    this.#end = 0;
    this.size = 0;
    this.#index = undefined;
    for (let at = 0; at < end; at++) {
      const chunk = chunks[at >>> 8]!;
      const lookup = chunk.lookups[at & (CHUNK - 1)];
      if (lookup === REMOVED) continue;
      const offset = at & (CHUNK - 1);
      const time = chunk.times === undefined ? 0 : chunk.times[offset]!;
      this.#append(lookup, chunk.keys[offset], chunk.values[offset], time);
    }
  }
}

function emptyChunk(generation: number, direct: boolean, timed: boolean): Chunk {
  const lookups: (Lookup | typeof REMOVED)[] = [];
  const times = timed ? [] : undefined;
  return { generation, lookups, keys: direct ? lookups : [], values: [], times };
}

/** An OrderedMap as it was at one moment. */
export class MapView {
  readonly #chunks: readonly Chunk[];
  /** Entry numbers lie below it. */
  readonly end: number;
  readonly size: number;

  constructor(chunks: readonly Chunk[], end: number, size: number) {
    this.#chunks = chunks;
    this.end = end;
    this.size = size;
  }

  /** Whether the entry of that number is still there. */
  holds(at: number): boolean {
    return this.#chunks[at >>> 8]!.lookups[at & (CHUNK - 1)] !== REMOVED;
  }

  key(at: number): unknown {
    return this.#chunks[at >>> 8]!.keys[at & (CHUNK - 1)];
  }

  value(at: number): unknown {
    return this.#chunks[at >>> 8]!.values[at & (CHUNK - 1)];
  }

  /** Of a timed map: whether there is an entry with its time behind `cutoff`. */
  holdsAfter(cutoff: number): boolean {
    for (let at = 0; at < this.end; at++) if (this.holds(at) && this.time(at) > cutoff) return true;
    return false;
  }

  /** Of a timed map. */
  time(at: number): number {
    return this.#chunks[at >>> 8]!.times![at & (CHUNK - 1)]!;
  }

  entries(): Iterable<readonly [unknown, unknown]> {
    return this.#each((at) => [this.key(at), this.value(at)] as const);
  }

  keys(): Iterable<unknown> {
    return this.#each((at) => this.key(at));
  }

  values(): Iterable<unknown> {
    return this.#each((at) => this.value(at));
  }

  #each<R>(of: (at: number) => R): Iterable<R> {
    return { [Symbol.iterator]: () => this.#iterate(of) };
  }

  *#iterate<R>(of: (at: number) => R): Iterator<R> {
    for (let at = 0; at < this.end; at++) if (this.holds(at)) yield of(at);
  }
}
