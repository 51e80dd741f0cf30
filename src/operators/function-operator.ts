/**
 * What all operators around a user's function object have in common: its life cycle, and calls with
 * a valid context whose failures are the user's.
 */
import type { CheckpointedFunction, FunctionLifecycle } from '../functions/function-context.ts';
import { NO_TIMESTAMP } from '../network/batch.ts';
import type { Timestamp } from '../base/units.ts';
import type { CallContext } from './call-context.ts';
import type { CheckpointNotice, Operator, OperatorContext } from './operator.ts';
import type { TimerService } from './timer-service.ts';
import { refusePromise, userCodeFailure } from './user-code.ts';

/** What every function object that `FunctionOperator` runs may have. */
interface EndingFunction extends FunctionLifecycle, CheckpointedFunction<never> {
  onEnd?(context: never): void;
}

export abstract class FunctionOperator<
  F extends EndingFunction,
  C extends CallContext,
> implements Operator {
  protected readonly function: F;
  protected context!: C;
  /** Of keyed operators, which set it in `createContext`. */
  protected timers: TimerService | undefined = undefined;
  protected name = '';

  constructor(fn: F) {
    this.function = fn;
  }

  /** Makes the context when the operator opens. */
  protected abstract createContext(context: OperatorContext): C;

  open(context: OperatorContext): void | Promise<void> {
    this.name = context.open.operatorName;
    this.context = this.createContext(context);
    return this.#lifecycle('open', () => this.function.open?.(context.open));
  }

  close(): void | Promise<void> {
    return this.#lifecycle('close', () => this.function.close?.());
  }

  watermark(timestamp: number): boolean {
    return this.timers?.advanceWatermark(timestamp) ?? true;
  }

  processingTime(now: Timestamp): boolean {
    return this.timers?.advanceProcessingTime(now) ?? true;
  }

  finish(): boolean {
    if (this.function.onEnd !== undefined) {
      this.callAtEnd('onEnd', () => this.function.onEnd!(this.context as never));
    }
    return true;
  }

  prepareSnapshot(checkpointId: number): void {
    const fn = this.function;
    if (fn.snapshotState === undefined) return;
    this.callAtEnd('snapshotState', () => fn.snapshotState!(this.context as never, checkpointId));
  }

  notifyCheckpoint({ checkpointId, outcome }: CheckpointNotice): void | Promise<void> {
    const role = outcome === 'complete' ? 'notifyCheckpointComplete' : 'notifyCheckpointAborted';
    return this.#lifecycle(role, () => this.function[role]?.(checkpointId));
  }

  /**
   * Calls a user's function that may emit. `body` calls it on the function object, so that `this`
   * is right.
   */
  protected call(role: string, timestamp: number, body: () => unknown): void {
    this.context.enter(role, timestamp);
    try {
      refusePromise(body(), role, this.name);
    } catch (thrown) {
      throw userCodeFailure(role, this.name, thrown);
    } finally {
      this.context.leave();
    }
  }

  protected callAtEnd(role: string, body: () => unknown): void {
    this.call(role, NO_TIMESTAMP, body);
  }

  async #awaiting(role: string, promise: Promise<void>): Promise<void> {
    try {
      await promise;
    } catch (thrown) {
      throw userCodeFailure(role, this.name, thrown);
    }
  }

  #lifecycle(role: string, body: () => void | Promise<void>): void | Promise<void> {
    try {
      const waiting = body();
      return waiting === undefined ? undefined : this.#awaiting(role, waiting);
    } catch (thrown) {
      throw userCodeFailure(role, this.name, thrown);
    }
  }
}
