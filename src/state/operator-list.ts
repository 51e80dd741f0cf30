/**
 * A list of operator state of which every subtask has a part: split state, which is dealt out anew
 * when the parallelism changes, or union state, which every subtask sees as a whole after a
 * restore.
 *
 * Invariants
 * P1. `#own` and `#seen` are only ever appended to; whatever replaces their content begins new
 *     arrays. So a view is an array and its length.
 * P2. `#own` is this subtask's part, and what its snapshots hold: over all subtasks, every element
 *     is there once. `#seen` is the same array, but for restored union state, where it has the
 *     parts of the others as well until `update` or `clear`.
 */
import type { ByteReader } from '../base/byte-reader.ts';
import type { Convert } from '../types/index.ts';
import type { Schema } from '../types/schema.ts';
import { ListView } from './heap/list-view.ts';
import { valueCheckOf } from './heap/value-check.ts';
import type { ValueCheck } from './heap/value-check.ts';
import type { RestoredUnion, SplitState, UnionState } from './operator-state.ts';
import type { StateParts } from './operator-snapshot-writer.ts';
import type { StoredParts } from './state-evolution.ts';
import { notSerializable, valueInvalid } from './state-errors.ts';
import type { StateNames } from './state-errors.ts';

const NOT_RESTORED: RestoredUnion<unknown> = { own: undefined, all: [] };

export class OperatorList implements SplitState<unknown>, UnionState<unknown> {
  readonly #names: StateNames;
  readonly #element: Schema<unknown>;
  readonly #fits: ValueCheck;
  /** P2 */
  #own: unknown[] = [];
  #seen: unknown[] = this.#own;
  #restored: RestoredUnion<unknown> = NOT_RESTORED;
  /** `#seen` as it is, if somebody has asked since it was changed. */
  #values: readonly unknown[] | undefined;

  constructor(names: StateNames, element: Schema<unknown>) {
    this.#names = names;
    this.#element = element;
    this.#fits = valueCheckOf(element);
  }

  values(): readonly unknown[] {
    return (this.#values ??= Object.freeze(this.#seen.slice()));
  }

  view(): Iterable<unknown> {
    return new ListView(this.#seen, this.#seen.length);
  }

  get isEmpty(): boolean {
    return this.#seen.length === 0;
  }

  restored(): RestoredUnion<unknown> {
    return this.#restored;
  }

  add(value: unknown): void {
    if (!this.#fits(value)) this.#refuse(value);
    this.#own.push(value);
    if (this.#seen !== this.#own) this.#seen.push(value);
    this.#values = undefined;
  }

  addAll(values: Iterable<unknown>): void {
    // All of them first: they may come from this very list, or fail half way.
    for (const value of this.#checked(values)) this.add(value);
  }

  update(values: Iterable<unknown>): void {
    this.#hold(this.#checked(values));
  }

  clear(): void {
    this.#hold([]);
  }

  /** This subtask's part as it is now, for a snapshot: an element a piece. */
  parts(): StateParts {
    const own = this.#own;
    const end = own.length;
    let at = 0;
    return {
      writeNext: (out) => {
        if (at === end) return false;
        try {
          this.#element.codec.encode(own[at], out);
        } catch (error) {
          throw notSerializable(this.#names, at, error);
        }
        at += 1;
        return true;
      },
    };
  }

  /** Takes in what `parts` of a list of this schema has written, an entry at a time. */
  readEntry(entry: ByteReader, into: unknown[], stored: StoredParts | undefined): void {
    const element = (stored?.codecs.value ?? this.#element.codec).decode(entry);
    const convert = stored?.reading.value;
    into.push(convert === undefined ? element : convert(element));
  }

  /** The same list, each element as it is from now on. */
  convertTo(other: OperatorList, convert: Convert): void {
    const { own, all } = this.#restored;
    if (this.#restored === NOT_RESTORED) return other.restoreSplit(this.#own.map(convert));
    other.restoreUnion({ own: own?.map(convert), all: all.map(convert) }, this.#own.map(convert));
  }

  /** Split state: the part that this subtask has got. */
  restoreSplit(own: unknown[]): void {
    this.#hold(own);
  }

  /** Union state: the parts of all, and the one that this subtask writes from now on (P2). */
  restoreUnion(restored: RestoredUnion<unknown>, own: unknown[]): void {
    this.#hold(own);
    this.#seen = restored.all.slice();
    this.#restored = restored;
  }

  #hold(own: unknown[]): void {
    this.#own = own;
    this.#seen = own;
    this.#values = undefined;
  }

  #checked(values: Iterable<unknown>): unknown[] {
    const list = [...values];
    for (const value of list) if (!this.#fits(value)) this.#refuse(value);
    return list;
  }

  #refuse(value: unknown): never {
    throw valueInvalid(this.#names, value, this.#element.kind);
  }
}
