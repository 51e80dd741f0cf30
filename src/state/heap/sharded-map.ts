/**
 * A Map without the two ends of Map: one holds at most 16.7 million entries, and growing a big one
 * stops the thread for long. Up to `shardedFrom` entries it is one Map; what comes later is spread
 * over 256 Maps by a hash, and the first Map keeps what it has, so that nothing is moved at once.
 *
 * Invariants
 * S1. A key is in exactly one Map.
 * S2. `size` is the number of all entries.
 */
import type { Lookup } from './key-context.ts';

const SHARDS = 256;

export class ShardedMap<V> {
  size = 0;
  readonly #first = new Map<Lookup, V>();
  #shards: Map<Lookup, V>[] | undefined;
  readonly #shardedFrom: number;

  constructor(shardedFrom: number = 1 << 18) {
    this.#shardedFrom = shardedFrom;
  }

  get(key: Lookup): V | undefined {
    const value = this.#first.get(key);
    if (value !== undefined || this.#shards === undefined) return value;
    return this.#shard(key, this.#shards).get(key);
  }

  /** For a key that is not there yet. */
  add(key: Lookup, value: V): void {
    this.size += 1;
    if (this.#shards === undefined) {
      if (this.#first.size < this.#shardedFrom) {
        this.#first.set(key, value);
        return;
      }
      this.#shards = Array.from({ length: SHARDS }, () => new Map());
    }
    this.#shard(key, this.#shards).set(key, value);
  }

  delete(key: Lookup): boolean {
    const found =
      this.#first.delete(key) ||
      (this.#shards !== undefined && this.#shard(key, this.#shards).delete(key));
    if (found) this.size -= 1;
    return found;
  }

  forEach(visit: (value: V, key: Lookup) => void): void {
    this.#first.forEach(visit);
    for (const shard of this.#shards ?? []) shard.forEach(visit);
  }

  #shard(key: Lookup, shards: Map<Lookup, V>[]): Map<Lookup, V> {
    return shards[Math.imul(spread(key), 0x9e3779b1) >>> 24]!;
  }
}

/** Any function of the key will do: nothing of it is kept. */
function spread(key: Lookup): number {
  if (typeof key === 'string') {
    let hash = 0x811c9dc5;
    for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
    return hash;
  }
  if (typeof key === 'number') return (key | 0) ^ ((key * 0x1_0000_0001) | 0);
  return typeof key === 'bigint' ? Number(BigInt.asIntN(32, key)) : Number(key);
}
