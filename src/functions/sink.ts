/**
 * The Sink contract (Flink's Sink V2): a writer per subtask, and for exactly-once a committer that
 * makes what the writers prepared visible, once, when the whole job has reached the same point.
 */
import type { Timestamp } from '../base/units.ts';
import type { Schema } from '../types/schema.ts';
import type { OpenContext } from './function-context.ts';
import type { ConnectorEnv } from './source.ts';

export interface Sink<in T, Committable = never> {
  readonly kind: 'sink';
  readonly name: string;
  /**
   * Values are projected to it; extra fields are dropped. Undefined: any value is taken as it is.
   */
  readonly accepts: Schema<unknown> | undefined;
  /** Type-level only: makes a Sink contravariant in T. */
  readonly consumes?: ((value: T) => void) | undefined;
  /** Present for sinks with a committer. */
  readonly committable?: Schema<Committable> | undefined;
  createWriter(context: SinkWriterContext): SinkWriter<unknown, Committable>;
  createCommitter?(context: SinkWriterContext): Committer<Committable>;
}

/** A Sink whatever its committable type, as pipelines hold it. */
export type AnySink<T = never> = Sink<T, any>;

export interface SinkWriterContext extends OpenContext {
  readonly env: ConnectorEnv;
  readonly jobId: string;
  /**
   * Sends a message to whoever executes the job (`collect`, `print`). A promise says that too
   * much is under way: write no more until it has resolved.
   */
  sendToClient(message: Uint8Array): Promise<void> | undefined;
}

export interface WriteContext {
  readonly timestamp: Timestamp | undefined;
  readonly watermark: Timestamp;
}

export interface SinkWriter<in T, Committable> {
  /** Before the first record. */
  start?(): void | Promise<void>;
  write(value: T, context: WriteContext): void;
  /**
   * Looked at after every write: while it is a pending promise, no record is given. The way to hold
   * the input back.
   */
  readonly busy?: Promise<void> | undefined;
  /** Makes everything written so far leave this process (or part of the next committables). */
  flush(endOfInput: boolean): void | Promise<void>;
  /** After `flush`: what the committer must make visible. */
  prepareCommit?(): readonly Committable[] | Promise<readonly Committable[]>;
  /**
   * Also called when the task fails or is cancelled: must drop what was not committed, as far as it
   * can.
   */
  close(): void | Promise<void>;
}

/** Commits must be idempotent: the same committable may come again after a failure. */
export interface Committer<Committable> {
  commit(committables: readonly Committable[]): void | Promise<void>;
  close?(): void | Promise<void>;
}
