/** Split state: this subtask's part of a list. */
import type { ByteReader } from '../base/byte-reader.ts';
import type { Schema } from '../types/schema.ts';
import type { SplitState } from './operator-state.ts';
import type { StateParts } from './operator-snapshot-writer.ts';
import { notSerializable } from './state-errors.ts';
import type { StateNames } from './state-errors.ts';

export class SplitList implements SplitState<unknown> {
  readonly #names: StateNames;
  readonly #element: Schema<unknown>;
  /** Never changed in place. */
  #values: readonly unknown[] = [];

  constructor(names: StateNames, element: Schema<unknown>) {
    this.#names = names;
    this.#element = element;
  }

  values(): readonly unknown[] {
    return this.#values;
  }

  update(values: Iterable<unknown>): void {
    this.#values = Object.freeze([...values]);
  }

  /** The list as it is now, for a snapshot: an element a piece. */
  parts(): StateParts {
    const values = this.#values;
    let at = 0;
    return {
      writeNext: (out) => {
        if (at === values.length) return false;
        try {
          this.#element.codec.encode(values[at], out);
        } catch (error) {
          throw notSerializable(this.#names, at, error);
        }
        at += 1;
        return true;
      },
    };
  }

  /** Takes in what `parts` has written, an entry at a time. */
  readEntry(entry: ByteReader, into: unknown[]): void {
    into.push(this.#element.codec.decode(entry));
  }
}
