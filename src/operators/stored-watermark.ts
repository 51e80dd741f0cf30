/**
 * The watermark of an operator as part of its state, so that after a restore the same records are
 * late that would have been without it.
 *
 * Invariants
 * S1. It never goes back.
 * S2. After a restore it is that of the same subtask, or at another parallelism the least of all
 *     former subtasks: keys have come from any of them.
 * S3. From the first look at it on, a snapshot has a part of this subtask.
 */
import { MIN_WATERMARK } from '../network/control-element.ts';
import type { UnionState } from '../state/operator-state.ts';
import { t } from '../types/t.ts';
import type { OperatorContext } from './operator.ts';

export class StoredWatermark {
  readonly #state: UnionState<number>;
  #value: number | undefined = undefined;

  /** In the operator's `open`. */
  constructor(context: OperatorContext) {
    this.#state = context.operatorState.union('watermark', t.float64);
  }

  /** Not before a restore. */
  get value(): number {
    return this.#value ?? this.#load();
  }

  advance(timestamp: number): void {
    if (timestamp > this.value) this.#store(timestamp);
  }

  /** S2 */
  #load(): number {
    const { own, all } = this.#state.restored();
    const parts = own ?? all;
    return this.#store(parts.length === 0 ? MIN_WATERMARK : Math.min(...parts));
  }

  /** S3 */
  #store(timestamp: number): number {
    this.#value = timestamp;
    this.#state.update([timestamp]);
    return timestamp;
  }
}
