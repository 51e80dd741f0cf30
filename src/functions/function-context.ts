/**
 * What every user function may see of where it runs. Contexts and state handles are valid only
 * during the call they were given to; using one later throws USER_CODE_OUTSIDE_CALL.
 */
import type { MetricGroup } from './metric-group.ts';

export interface FunctionLogger {
  debug(message: string): void;
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}

/** Given to `open`; the parts stay valid for the life of the function. */
export interface OpenContext {
  readonly jobName: string;
  readonly operatorName: string;
  /** From 0 to parallelism - 1. */
  readonly subtask: number;
  readonly parallelism: number;
  readonly maxParallelism: number;
  /** From 1; grows with every restart. */
  readonly attempt: number;
  readonly logger: FunctionLogger;
  readonly metrics: MetricGroup;
}

/** The life cycle that every function object may add to its own methods. */
export interface FunctionLifecycle {
  /** Before the first record; a record is processed only after its promise has resolved. */
  open?(context: OpenContext): void | Promise<void>;
  /**
   * After the last record, or when the task is cancelled or fails. Called once if `open` was
   * called.
   */
  close?(): void | Promise<void>;
}

/**
 * What becomes of the checkpoints of the job, for functions that act outside of it; Flink's
 * CheckpointListener. Nothing of the function's state may change here: it would be in no
 * checkpoint's part.
 */
export interface CheckpointListener {
  /**
   * The checkpoint is complete: from here on the job goes on from it, or from a later one. May not
   * come at all, for one or for several in a row: the next one stands for them.
   */
  notifyCheckpointComplete?(checkpointId: number): void | Promise<void>;
  /** It never will be complete. May not come either. */
  notifyCheckpointAborted?(checkpointId: number): void | Promise<void>;
}

/** For functions that keep something beside their state; Flink's CheckpointedFunction. */
export interface CheckpointedFunction<Context> extends CheckpointListener {
  /**
   * Right before the state is taken for a checkpoint: what the function keeps in variables goes
   * into
   * `ctx.operatorState` here, and is found there in the first call after a restart. Nothing may be
   * emitted, and there is no key.
   */
  snapshotState?(ctx: Context, checkpointId: number): void;
}
