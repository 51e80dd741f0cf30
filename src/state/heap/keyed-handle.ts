/**
 * What all handles of keyed state have in common: finding the slot of the current key, once for as
 * long as the key stays. All access to a state goes through its one handle, so that a slot that the
 * handle remembers can be made wrong only by the handle itself (and by a restore, before any key).
 *
 * Invariants
 * L1. If `located` is the context's lookup, `slot` is the key's slot in `table`, or ABSENT; a
 *     lookup belongs to one key group and one table, so that the table is the same as well.
 * L2. `located` is never undefined (no current key): it begins as NaN, which equals nothing.
 */
import { EngineError } from '../../base/errors.ts';
import { valueInvalid } from '../state-errors.ts';
import type { HeapState } from './heap-state.ts';
import type { HandleContext, KeyLookup } from './key-context.ts';
import { ABSENT } from './key-group-table.ts';
import type { KeyGroupTable } from './key-group-table.ts';

export abstract class KeyedHandle {
  protected readonly state: HeapState;
  protected readonly context: HandleContext;
  protected table: KeyGroupTable | undefined;
  protected slot: number;
  #located: KeyLookup;

  constructor(state: HeapState) {
    this.state = state;
    this.context = state.context;
    this.table = undefined;
    this.slot = ABSENT;
    this.#located = NaN;
  }

  clear(): void {
    const slot = this.locate();
    if (slot === ABSENT) return;
    this.table!.remove(slot, this.context.lookup!);
    this.slot = ABSENT;
  }

  /** After the state has been changed behind the handle's back, by a restore. */
  forget(): void {
    this.table = undefined;
    this.slot = ABSENT;
    this.#located = NaN;
  }

  /** Of a state with a time-to-live: the time of the current key's value; NaN if there is none. */
  valueTime(): number {
    const slot = this.locate();
    return slot === ABSENT ? NaN : this.table!.timeAt(slot);
  }

  /** Gives the value, which is there, another time. */
  stampValue(time: number): void {
    const slot = this.locateForWrite();
    this.table!.setTime(slot, time);
  }

  /** The slot of the current key, or ABSENT. @throws EngineError USER_CODE_OUTSIDE_CALL */
  protected locate(): number {
    if (this.context.lookup === this.#located) return this.slot;
    return this.#find();
  }

  /**
   * A slot whose value may be stored: the entry is there afterwards, and open snapshots have seen
   * it.
   */
  protected locateForWrite(): number {
    const slot = this.locate();
    if (slot === ABSENT) return this.#insert();
    this.table!.touch(slot);
    return slot;
  }

  #find(): number {
    const context = this.context;
    if (context.lookup === undefined) this.#outside();
    const table = this.state.tableOf(context.group, context.lookup);
    this.table = table;
    this.#located = context.lookup;
    this.slot = table === undefined ? ABSENT : table.find(context.lookup);
    return this.slot;
  }

  #insert(): number {
    const context = this.context;
    const lookup = context.lookupToKeep();
    this.table = this.state.makeTableOf(context.group, lookup);
    this.slot = this.table.insert(lookup, context.key!);
    return this.slot;
  }

  #outside(): never {
    throw new EngineError('USER_CODE_OUTSIDE_CALL', {
      what: `state "${this.state.name}"`,
      operator: this.context.operator,
    });
  }

  /** For a value that does not fit the schema, before anything is changed. */
  protected refuse(value: unknown): never {
    throw valueInvalid(this.state.names, value, this.state.schemas.value.kind);
  }
}
