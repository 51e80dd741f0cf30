/**
 * Handles of reducing and aggregating state: a value state that is only ever changed through the
 * user's functions, which must answer at once. Nothing has changed if one of them throws.
 */
import type { AggregateFunction } from '../../functions/aggregate-function.ts';
import type {
  AggregatingState,
  AggregatingStateDescriptor,
  ReducingState,
  ReducingStateDescriptor,
} from '../../functions/state.ts';
import type { MergingHandle } from '../keyed-state-backend.ts';
import { refusePromise, valueInvalid } from '../state-errors.ts';
import type { HeapState } from './heap-state.ts';
import { openStoredValue } from './ttl/heap-ttl-value-state.ts';
import type { StoredValue } from './ttl/heap-ttl-value-state.ts';
import type { TtlCleaner } from './ttl/ttl-cleaner.ts';

abstract class HeapAccumulatingState implements MergingHandle {
  protected readonly stored: StoredValue;
  readonly #state: HeapState;
  readonly #role: string;

  constructor(state: HeapState, role: string) {
    this.stored = openStoredValue(state, undefined);
    this.#state = state;
    this.#role = role;
  }

  clear(): void {
    this.stored.clear();
  }

  get cleaner(): TtlCleaner | undefined {
    return this.stored.cleaner;
  }

  forget(): void {
    this.stored.forget();
  }

  take(): unknown {
    const stored = this.stored.get();
    this.stored.clear();
    return stored;
  }

  merge(taken: unknown): void {
    const here = this.stored.get();
    if (here === undefined) this.store(taken);
    else this.storeAnswer(this.merged(here, taken));
  }

  protected abstract merged(left: unknown, right: unknown): unknown;

  /** What a function of the user has returned. */
  protected storeAnswer(accumulated: unknown): void {
    this.requireAnswer(accumulated);
    this.#state.parts.onAccumulated?.(accumulated);
    this.store(accumulated);
  }

  protected store(accumulated: unknown): void {
    // Setting undefined would clear.
    if (accumulated === undefined) {
      throw valueInvalid(this.#state.names, accumulated, this.#state.schemas.value.kind);
    }
    this.stored.set(accumulated);
  }

  /** @throws EngineError USER_CODE_ASYNC for a promise */
  protected requireAnswer(answer: unknown): void {
    if (typeof answer !== 'object' || answer === null) return;
    refusePromise(answer, this.#role, this.#state.parts.context.operator);
  }
}

export class HeapReducingState extends HeapAccumulatingState implements ReducingState<unknown> {
  readonly #reduce: (accumulated: unknown, value: unknown) => unknown;

  constructor(state: HeapState, reduce: ReducingStateDescriptor<unknown>['reduce']) {
    super(state, 'reduce');
    this.#reduce = reduce as (accumulated: unknown, value: unknown) => unknown;
  }

  get(): unknown {
    return this.stored.get();
  }

  add(value: unknown): void {
    const accumulated = this.stored.get();
    if (accumulated === undefined) this.store(value);
    else this.storeAnswer(this.#reduce(accumulated, value));
  }

  protected override merged(left: unknown, right: unknown): unknown {
    return this.#reduce(left, right);
  }
}

export class HeapAggregatingState
  extends HeapAccumulatingState
  implements AggregatingState<unknown, unknown>
{
  readonly #aggregate: AggregateFunction<unknown, unknown, unknown>;

  constructor(state: HeapState, aggregate: AggregatingStateDescriptor<unknown>['aggregate']) {
    super(state, 'aggregate');
    this.#aggregate = aggregate as AggregateFunction<unknown, unknown, unknown>;
  }

  get(): unknown {
    const accumulator = this.stored.get();
    if (accumulator === undefined) return undefined;
    const result = this.#aggregate.result(accumulator);
    this.requireAnswer(result);
    return result;
  }

  add(value: unknown): void {
    let accumulator = this.stored.get();
    if (accumulator === undefined) {
      accumulator = this.#aggregate.create();
      this.requireAnswer(accumulator);
    }
    this.storeAnswer(this.#aggregate.add(accumulator, value));
  }

  protected override merged(left: unknown, right: unknown): unknown {
    return this.#aggregate.merge(left, right);
  }
}
