/** What has gone from a state in a key group, as the entries of a section. */
import type { ByteWriter } from '../../base/byte-writer.ts';
import type { Key } from '../../types/schema.ts';
import { notSerializable } from '../state-errors.ts';
import type { EntrySource } from './entry-writer.ts';
import type { HeapState } from './heap-state.ts';
import type { KeyGroupTable } from './key-group-table.ts';
import type { Progress } from './table-cursor.ts';

export interface RemovedKeys {
  /** Undefined: the keys are slices that were dropped. */
  readonly table: KeyGroupTable | undefined;
  readonly keys: readonly Key[];
}

export class RemovalEntries implements EntrySource {
  keyBytes = 0;
  readonly #state: HeapState;
  readonly #removed: readonly RemovedKeys[];
  #current = 0;
  #at = -1;

  constructor(state: HeapState, removed: readonly RemovedKeys[]) {
    this.#state = state;
    this.#removed = removed;
  }

  next(): Progress {
    this.#at += 1;
    for (; this.#current < this.#removed.length; this.#current++) {
      if (this.#at < this.#removed[this.#current]!.keys.length) return 'entry';
      this.#at = 0;
    }
    return 'end';
  }

  write(out: ByteWriter): void {
    const { table, keys } = this.#removed[this.#current]!;
    const key = keys[this.#at]!;
    const begin = out.offset;
    try {
      this.#state.writeRemoval(key, table, out);
    } catch (error) {
      throw notSerializable(this.#state.names, key, error);
    }
    this.keyBytes = out.offset - begin;
  }
}
