/** The handle of reducing state: a value state that is only ever changed through its function. */
import { EngineError } from '../../base/errors.ts';
import type { ReducingState, ReducingStateDescriptor } from '../../functions/state.ts';
import { valueInvalid } from '../state-errors.ts';
import type { HeapState } from './heap-state.ts';
import { openValueState } from './heap-value-state.ts';
import type { HeapValueState } from './heap-value-state.ts';

export class HeapReducingState implements ReducingState<unknown> {
  readonly #value: HeapValueState;
  readonly #reduce: (accumulated: unknown, value: unknown) => unknown;
  readonly #state: HeapState;

  constructor(state: HeapState, reduce: ReducingStateDescriptor<unknown>['reduce']) {
    this.#value = openValueState(state, undefined);
    this.#reduce = reduce as (accumulated: unknown, value: unknown) => unknown;
    this.#state = state;
  }

  get(): unknown {
    return this.#value.get();
  }

  /** Nothing has changed if the function throws. */
  add(value: unknown): void {
    const accumulated = this.#value.get();
    if (accumulated === undefined) {
      if (value === undefined) this.#refuse(value);
      this.#value.set(value);
      return;
    }
    const reduced = this.#reduce(accumulated, value);
    if (reduced === undefined) this.#refuse(reduced);
    if (typeof reduced === 'object' && reduced !== null) this.#check(reduced);
    this.#value.set(reduced);
  }

  clear(): void {
    this.#value.clear();
  }

  forget(): void {
    this.#value.forget();
  }

  #check(reduced: object): void {
    if ('then' in reduced && typeof reduced.then === 'function') {
      throw new EngineError('USER_CODE_ASYNC', {
        role: 'reduce',
        operator: this.#state.parts.context.operator,
      });
    }
  }

  #refuse(value: unknown): never {
    throw valueInvalid(this.#state.names, value, this.#state.schemas.value.kind);
  }
}
