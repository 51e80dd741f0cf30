/** Asynchronous work per record: bounded in number and time, retried as asked. */
import type { Duration } from '../base/units.ts';
import type { FunctionLifecycle } from './function-context.ts';

export type AsyncRetry =
  | {
      readonly kind: 'fixed';
      readonly attempts: number;
      readonly delay: Duration;
      readonly retryIf?: ((error: unknown) => boolean) | undefined;
    }
  | {
      readonly kind: 'exponential';
      readonly attempts: number;
      readonly initialDelay: Duration;
      readonly maxDelay: Duration;
      readonly multiplier: number;
      readonly retryIf?: ((error: unknown) => boolean) | undefined;
    };

export interface AsyncCall {
  /** Aborted when the call has timed out or the task is cancelled. */
  readonly signal: AbortSignal;
  /** From 1; above 1 in a retry. */
  readonly attempt: number;
}

export interface AsyncFunction<T, R> extends FunctionLifecycle {
  call(value: T, context: AsyncCall): Promise<R>;
  /** Instead of failing the job; the time-out covers all attempts together. */
  onTimeout?(value: T): R;
}

export interface AsyncOptions {
  /**
   * `ordered` gives results in the order of the input; `unordered` as they come, but never across a
   * watermark or barrier.
   */
  readonly order?: 'ordered' | 'unordered' | undefined;
  /** For one record with all its retries. */
  readonly timeout: Duration;
  /** Records in flight per subtask before the input is held back. */
  readonly capacity?: number | undefined;
  readonly retry?: AsyncRetry | undefined;
}
