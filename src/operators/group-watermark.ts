/**
 * How far an operator with keys has come in time, as part of its state, so that after a restore the
 * same records are late that would have been without it, and nothing fires twice.
 *
 * Invariants
 * S1. `value` never goes back, and after a restore it is that of the same subtask; at another
 *     parallelism it is the least of those that the key groups of this subtask come from.
 * S2. `of` a key group is not below what the subtask had reached that the group was at before.
 * S3. From the first look at it on, a snapshot has a part of this subtask for each of its key
 * groups.
 */
import { assert } from '../base/assert.ts';
import { MIN_WATERMARK } from '../network/control-element.ts';
import type { KeyGroupRange } from '../state/keyed-state-backend.ts';
import type { UnionState } from '../state/operator-state.ts';
import { t } from '../types/t.ts';
import type { Infer } from '../types/schema.ts';
import type { OperatorContext } from './operator.ts';

const Reached = t.struct({ first: t.int32, last: t.int32, at: t.float64 });
type Reached = Infer<typeof Reached>;

export class GroupWatermark {
  readonly #state: UnionState<Reached>;
  readonly #groups: KeyGroupRange;
  #value: number | undefined = undefined;
  /** S2: of each group, while some are ahead of `value`. */
  #ahead: Float64Array | undefined = undefined;
  #furthest = MIN_WATERMARK;

  /** In the operator's `open`. */
  constructor(context: OperatorContext, name: 'watermark' | 'clock' = 'watermark') {
    this.#state = context.operatorState.union(name, Reached);
    this.#groups = context.keyedState.keyGroups;
  }

  /** Not before a restore. */
  get value(): number {
    return this.#value ?? this.#load();
  }

  /** How far the keys of this group have come. */
  of(keyGroup: number): number {
    return Math.max(this.value, this.restoredOf(keyGroup));
  }

  /** How far they had come before the restore, until `settle` finds that all are as far. */
  restoredOf(keyGroup: number): number {
    if (this.#ahead === undefined) return MIN_WATERMARK;
    return this.#ahead[keyGroup - this.#groups.first]!;
  }

  /** Whether key groups differ, as they may for a while after the parallelism was changed. */
  get isUneven(): boolean {
    return this.value !== undefined && this.#ahead !== undefined;
  }

  /** What was due at `value` is done: groups that were ahead of it may be so no longer. */
  settle(): void {
    if (this.value >= this.#furthest) this.#ahead = undefined;
  }

  advance(timestamp: number): void {
    if (timestamp <= this.value) return;
    this.#value = timestamp;
    this.#store();
  }

  #load(): number {
    const { own, all } = this.#state.restored();
    const { first, last } = this.#groups;
    const reached = new Float64Array(last - first + 1).fill(MIN_WATERMARK);
    for (const part of own ?? all) {
      const from = Math.max(part.first, first);
      const to = Math.min(part.last, last);
      for (let group = from; group <= to; group++) {
        reached[group - first] = Math.max(reached[group - first]!, part.at);
      }
    }
    const least = reached.reduce((a, b) => Math.min(a, b));
    this.#furthest = reached.reduce((a, b) => Math.max(a, b));
    if (this.#furthest > least) this.#ahead = reached;
    this.#value = least;
    this.#store();
    return least;
  }

  /** S3 */
  #store(): void {
    const at = this.#value;
    assert(at !== undefined, 'S1: stored before it was loaded');
    const { first, last } = this.#groups;
    if (this.#ahead === undefined) {
      this.#state.update([{ first, last, at }]);
      return;
    }
    const groups = [...this.#ahead];
    this.#state.update(
      groups.map((reached, index) => ({
        first: first + index,
        last: first + index,
        at: Math.max(reached, at),
      })),
    );
  }
}
