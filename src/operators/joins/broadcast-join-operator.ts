/**
 * Joins each left record with the latest right one of the same key. Every subtask gets all of the
 * right side and keeps it in broadcast state; the left side needs no key and stays where it is.
 *
 * If the left side is to wait for the whole of the right one, its records lie in a list of operator
 * state until then, and watermarks and idleness wait with them. A restore deals the list out anew
 * and waits again; what waited for nobody else but the records is not in the snapshot, as
 * watermarks never are.
 *
 * Invariants
 * B1. While `#holding`, nothing has been emitted: records are in `#held`, in their order.
 * B2. A watermark that came while holding is forwarded after the last held record, and none twice.
 */
import type { BroadcastJoinSpec } from '../../graph/join-spec.ts';
import { MIN_WATERMARK } from '../../network/control-element.ts';
import type { SplitState } from '../../state/operator-state.ts';
import { t } from '../../types/t.ts';
import type { Key } from '../../types/schema.ts';
import type { DeferrableEvent, OperatorContext, TwoInputOperator } from '../operator.ts';
import { userCodeFailure } from '../user-code.ts';
import { BroadcastTable } from './broadcast-table.ts';
import { Deletion } from './deletion.ts';
import { PairResults } from './pair-results.ts';

interface Held {
  readonly value: unknown;
  readonly timestamp: number;
}

export class BroadcastJoinOperator implements TwoInputOperator {
  readonly #spec: BroadcastJoinSpec;
  readonly #results: PairResults;
  readonly #outer: boolean;
  #context!: OperatorContext;
  #name = '';
  #deletion!: Deletion;
  #table!: BroadcastTable;
  #held!: SplitState<Held>;
  #holding: boolean;
  /** Held records that have been emitted. */
  #released = 0;
  /** B2 */
  #watermark = MIN_WATERMARK;
  #status: 'active' | 'idle' | undefined = undefined;

  constructor(spec: BroadcastJoinSpec) {
    this.#spec = spec;
    this.#results = new PairResults(spec.join, spec.type);
    this.#outer = spec.type === 'left';
    this.#holding = spec.holdUntilEnd;
  }

  open(context: OperatorContext): void {
    const { sides, on, isDeletion } = this.#spec;
    this.#context = context;
    this.#name = context.open.operatorName;
    this.#results.open(context);
    this.#deletion = new Deletion(isDeletion, this.#name);
    this.#table = new BroadcastTable(context, sides.right, on.schema);
    if (!this.#holding) return;
    const held = t.struct({ value: sides.left!, timestamp: t.float64 });
    this.#held = context.operatorState.split<Held>('held', held);
  }

  close(): void {}

  processLeft(value: unknown, timestamp: number): void {
    if (this.#holding) this.#held.add({ value, timestamp });
    else this.#join(value, timestamp);
  }

  processRight(value: unknown): void {
    const key = this.#keyOf(this.#spec.on.right, value);
    if (this.#deletion.is(value)) this.#table.delete(key);
    else this.#table.set(key, value);
  }

  defer(event: DeferrableEvent): boolean {
    if (!this.#holding || event.kind === 'epoch') return false;
    if (event.kind === 'watermark') this.#watermark = event.timestamp;
    else this.#status = event.status;
    return true;
  }

  endInput(input: 0 | 1): boolean {
    return input === 0 || !this.#holding || this.#release();
  }

  /** B1, B2. False if output is held, and the rest has to wait. */
  #release(): boolean {
    const held = this.#held.values();
    while (this.#released < held.length) {
      const { value, timestamp } = held[this.#released]!;
      this.#released += 1;
      this.#join(value, timestamp);
      if (this.#context.isHeld) return false;
    }
    this.#held.clear();
    this.#holding = false;
    if (this.#watermark !== MIN_WATERMARK) {
      this.#context.forward({ kind: 'watermark', timestamp: this.#watermark });
    }
    if (this.#status !== undefined) {
      this.#context.forward({ kind: 'status', status: this.#status });
    }
    return true;
  }

  #join(left: unknown, timestamp: number): void {
    const right = this.#table.get(this.#keyOf(this.#spec.on.left, left));
    if (right !== undefined || this.#outer) this.#results.emit(left, right, timestamp);
  }

  #keyOf(select: (value: any) => Key, value: unknown): Key {
    try {
      return select(value);
    } catch (thrown) {
      throw userCodeFailure('on', this.#name, thrown);
    }
  }
}
