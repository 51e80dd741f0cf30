/**
 * Broadcast state: a map that every subtask changes in the same way. Iteration shows the map as it
 * was when `entries` was called, in the order in which keys were first set.
 */
import type { ByteReader } from '../base/byte-reader.ts';
import type { ByteWriter } from '../base/byte-writer.ts';
import type { BroadcastState } from '../functions/state.ts';
import type { Convert } from '../types/index.ts';
import type { Schema } from '../types/schema.ts';
import { MapLookups } from './heap/map-lookup.ts';
import { OrderedMap } from './heap/ordered-map.ts';
import { valueCheckOf } from './heap/value-check.ts';
import type { ValueCheck } from './heap/value-check.ts';
import type { StateParts } from './operator-snapshot-writer.ts';
import type { StateReading, StoredParts } from './state-evolution.ts';
import { notSerializable, valueInvalid } from './state-errors.ts';
import type { StateNames } from './state-errors.ts';

/** Entries in one piece of a snapshot. */
const PART_ENTRIES = 256;

const same: Convert = (value) => value;

export class BroadcastMap implements BroadcastState<unknown, unknown> {
  readonly #names: StateNames;
  readonly #key: Schema<unknown>;
  readonly #value: Schema<unknown>;
  readonly #lookups: MapLookups;
  readonly #keyFits: ValueCheck;
  readonly #valueFits: ValueCheck;
  #map: OrderedMap;

  constructor(names: StateNames, key: Schema<unknown>, value: Schema<unknown>) {
    this.#names = names;
    this.#key = key;
    this.#value = value;
    this.#lookups = new MapLookups(key);
    this.#keyFits = valueCheckOf(key);
    this.#valueFits = valueCheckOf(value);
    this.#map = new OrderedMap(this.#lookups);
  }

  get(key: unknown): unknown {
    return this.#map.get(this.#lookups.of(key));
  }

  has(key: unknown): boolean {
    return this.#map.has(this.#lookups.of(key));
  }

  set(key: unknown, value: unknown): void {
    if (!this.#keyFits(key)) throw valueInvalid(this.#names, key, this.#key.kind);
    if (!this.#valueFits(value)) throw valueInvalid(this.#names, value, this.#value.kind);
    this.#map.set(this.#lookups.of(key), key, value);
  }

  delete(key: unknown): void {
    this.#map.delete(this.#lookups.of(key));
  }

  clear(): void {
    this.#map = new OrderedMap(this.#lookups);
  }

  entries(): Iterable<readonly [unknown, unknown]> {
    return this.#map.view().entries();
  }

  get size(): number {
    return this.#map.size;
  }

  /** The map as it is now, for a snapshot. */
  parts(): StateParts {
    const view = this.#map.view();
    let at = 0;
    return {
      writeNext: (out: ByteWriter) => {
        const countAt = out.reserve(4);
        let count = 0;
        for (; at < view.end && count < PART_ENTRIES; at++) {
          if (!view.holds(at)) continue;
          try {
            this.#key.codec.encode(view.key(at), out);
            this.#value.codec.encode(view.value(at), out);
          } catch (error) {
            throw notSerializable(this.#names, view.key(at), error);
          }
          count += 1;
        }
        out.patchUint32(countAt, count);
        return count > 0;
      },
    };
  }

  /** Takes in what `parts` has written. */
  readEntry(entry: ByteReader, stored: StoredParts | undefined): void {
    const keys = stored?.codecs.key ?? this.#key.codec;
    const values = stored?.codecs.value ?? this.#value.codec;
    const { key: convertKey = same, value: convertValue = same } = stored?.reading ?? {};
    const count = entry.uint32();
    if (count > PART_ENTRIES) entry.corrupt(`${count} entries in one piece`);
    for (let i = 0; i < count; i++) {
      const key = convertKey(keys.decode(entry));
      this.#map.set(this.#lookups.of(key), key, convertValue(values.decode(entry)));
    }
  }

  /** The same map, with keys and values as they are from now on. */
  convertTo(other: BroadcastMap, { key = same, value = same }: StateReading): void {
    for (const [k, v] of this.entries()) {
      const now = key(k);
      other.#map.set(other.#lookups.of(now), now, value(v));
    }
  }
}
