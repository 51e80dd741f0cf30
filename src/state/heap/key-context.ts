/**
 * The current key of a backend, in the form in which tables are asked for it. Handles read it on
 * every access and nothing else writes it but the backend.
 *
 * Invariants
 * C1. `lookup` is undefined exactly if there is no current key.
 * C2. All keys are of one family, pinned by the first one, a declared schema or a restored
 *     snapshot.
 * C3. Two keys of a family are equal exactly if their lookups are, by `===`, NaN aside.
 */
import { assert } from '../../base/assert.ts';
import { ByteWriter } from '../../base/byte-writer.ts';
import { EngineError } from '../../base/errors.ts';
import { writeKey } from '../../types/key-bytes.ts';
import { keyFamily } from '../../types/key.ts';
import type { KeyFamily } from '../../types/key.ts';
import type { Key } from '../../types/schema.ts';
import type { KeyGroupRange } from '../keyed-state-backend.ts';
import { shown } from '../state-errors.ts';
import { FlatTexts } from './flat-texts.ts';

/**
 * A key as something that `===` and Map compare by value: itself, or for a tuple its canonical
 * bytes as text.
 */
export type KeyLookup = string | number | bigint | boolean;

/** What handles act on, as they see it. */
export interface HandleContext {
  readonly key: Key | undefined;
  /** Undefined while there is no current key. */
  readonly lookup: KeyLookup | undefined;
  readonly group: number;
  readonly operator: string;
  readonly family: KeyFamily | undefined;
  lookupOf(key: Key): KeyLookup;
  /** The lookup of the current key as a text of its own. */
  lookupToKeep(): KeyLookup;
}

export class KeyContext implements HandleContext {
  key: Key | undefined;
  lookup: KeyLookup | undefined;
  /** Index of the current key's group within the range. */
  group: number;
  readonly operator: string;
  readonly #first: number;
  readonly #count: number;
  #family: KeyFamily | undefined;
  /** The family once more, as what `typeof` says of its keys. */
  #type: string;
  readonly #scratch: ByteWriter;
  readonly #flat = new FlatTexts();

  constructor(operator: string, range: KeyGroupRange) {
    this.key = undefined;
    this.lookup = undefined;
    this.group = 0;
    this.operator = operator;
    this.#first = range.first;
    this.#count = range.last - range.first + 1;
    this.#family = undefined;
    this.#type = 'undefined';
    this.#scratch = new ByteWriter(64);
  }

  get family(): KeyFamily | undefined {
    return this.#family;
  }

  set(key: Key, keyGroup: number): void {
    const group = keyGroup - this.#first;
    assert(group >= 0 && group < this.#count, 'K1: key group outside of the range of this backend');
    if (typeof key !== this.#type) this.pin(keyFamily(key), key);
    this.lookup = typeof key === 'object' ? this.lookupOf(key) : key;
    this.key = key;
    this.group = group;
  }

  /** Makes a key current that has been before, or in the snapshot that was restored. */
  take(key: Key, lookup: KeyLookup, group: number): void {
    this.lookup = lookup;
    this.key = key;
    this.group = group;
  }

  keyGroupAt(group: number): number {
    return this.#first + group;
  }

  clear(): void {
    this.key = undefined;
    this.lookup = undefined;
  }

  /** C2. `key` is the one to name when it does not fit. */
  pin(family: KeyFamily, key?: Key): void {
    if (this.#family !== undefined && this.#family !== family) {
      throw new EngineError('STATE_KEY_FAMILY', {
        operator: this.operator,
        key: key === undefined ? `a ${family}` : shown(key),
        family,
        pinned: this.#family,
      });
    }
    this.#family = family;
    this.#type = family === 'tuple' ? 'object' : family;
  }

  lookupToKeep(): KeyLookup {
    const lookup = this.lookup!;
    // Those of tuples are.
    return typeof this.key === 'string' ? this.#flat.of(this.key) : lookup;
  }

  /** C3 */
  lookupOf(key: Key): KeyLookup {
    if (typeof key !== 'object') return key;
    const scratch = this.#scratch;
    scratch.reset();
    writeKey(key, scratch);
    return scratch.bytes.latin1Slice(0, scratch.position);
  }
}
