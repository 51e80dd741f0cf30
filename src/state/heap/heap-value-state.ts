/**
 * Handles of value state, one class for each kind of column, since each checks what it stores in
 * its own way: a typed column would silently bend a wrong value into its type. `undefined` stands
 * for no value: setting it clears.
 */
import type { ValueState } from '../../functions/state.ts';
import type { HeapState } from './heap-state.ts';
import { ABSENT } from './key-group-table.ts';
import { KeyedHandle } from './keyed-handle.ts';
import { valueCheckOf } from './value-check.ts';
import type { ValueCheck } from './value-check.ts';

/** The handle for a state of kind value, reducing or aggregating. */
export function openValueState(state: HeapState, initial: unknown): HeapValueState {
  switch (state.column) {
    case 'float64':
    case 'int32':
      return new NumberValueState(state, initial);
    case 'boolean':
      return new BooleanValueState(state, initial);
    case 'bigint':
      return new BigIntValueState(state, initial);
    case 'reference':
      return new ReferenceValueState(state, initial);
  }
}

export abstract class HeapValueState extends KeyedHandle implements ValueState<unknown> {
  protected readonly initial: unknown;

  constructor(state: HeapState, initial: unknown) {
    super(state);
    this.initial = initial;
  }

  abstract get(): unknown;
  abstract set(value: unknown): void;
}

class NumberValueState extends HeapValueState {
  readonly #any: boolean;
  readonly #whole: boolean;
  readonly #fits: ValueCheck;

  constructor(state: HeapState, initial: unknown) {
    super(state, initial);
    const kind = state.schemas.value.kind;
    this.#any = kind === 'float64';
    this.#whole = kind !== 'float32' && kind !== 'duration';
    this.#fits = valueCheckOf(state.schemas.value);
  }

  override get(): unknown {
    const slot = this.locate();
    return slot === ABSENT ? this.initial : (this.table!.values as Float64Array)[slot];
  }

  override set(value: unknown): void {
    if (typeof value !== 'number') return value === undefined ? this.clear() : this.refuse(value);
    if (!this.#any) return this.#setChecked(value);
    const slot = this.locateForWrite();
    (this.table!.values as Float64Array)[slot] = value;
  }

  #setChecked(value: number): void {
    if (!this.#fits(value)) this.refuse(value);
    const slot = this.locateForWrite();
    (this.table!.values as Float64Array)[slot] = this.#kept(value);
  }

  /** As the codec would give it back: it knows -0 among fractions only. */
  #kept(value: number): number {
    return value === 0 && this.#whole ? 0 : value;
  }
}

class BooleanValueState extends HeapValueState {
  override get(): unknown {
    const slot = this.locate();
    return slot === ABSENT ? this.initial : this.table!.values[slot] === 1;
  }

  override set(value: unknown): void {
    if (typeof value !== 'boolean') return value === undefined ? this.clear() : this.refuse(value);
    const slot = this.locateForWrite();
    (this.table!.values as Uint8Array)[slot] = value ? 1 : 0;
  }
}

class BigIntValueState extends HeapValueState {
  override get(): unknown {
    const slot = this.locate();
    return slot === ABSENT ? this.initial : this.table!.values[slot];
  }

  override set(value: unknown): void {
    if (typeof value !== 'bigint') return value === undefined ? this.clear() : this.refuse(value);
    if (BigInt.asIntN(64, value) !== value) this.refuse(value);
    const slot = this.locateForWrite();
    (this.table!.values as BigInt64Array)[slot] = value;
  }
}

class ReferenceValueState extends HeapValueState {
  readonly #fits: ValueCheck;

  constructor(state: HeapState, initial: unknown) {
    super(state, initial);
    this.#fits = valueCheckOf(state.schemas.value);
  }

  override get(): unknown {
    const slot = this.locate();
    return slot === ABSENT ? this.initial : this.table!.values[slot];
  }

  override set(value: unknown): void {
    if (value === undefined) return this.clear();
    if (!this.#fits(value)) this.refuse(value);
    const slot = this.locateForWrite();
    (this.table!.values as unknown[])[slot] = value;
  }
}
