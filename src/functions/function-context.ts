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
