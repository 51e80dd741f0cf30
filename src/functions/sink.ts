/**
 * The Sink contract (Flink's Sink V2): a writer per subtask, and for exactly-once a committer that
 * makes what the writers prepared visible once, when the whole job has reached the same point.
 *
 * The order of calls, for each subtask: after a restore the committables of the checkpoint are
 * committed; then the writer is made from its restored state and started; records are written; at
 * every checkpoint `flush`, `prepareCommit` and `snapshotState`, in this order and with no record
 * between them. What was prepared for a checkpoint is committed when that checkpoint is complete,
 * which includes what was prepared for those before it that were aborted.
 */
import type { Timestamp } from '../base/units.ts';
import type { Schema } from '../types/schema.ts';
import type { FileSystem } from './file-system.ts';
import type { OpenContext } from './function-context.ts';
import type { RecordOrigins } from './record-origins.ts';
import type { ConnectorEnv } from './source.ts';
import type { StateMigration } from './state.ts';

export interface Sink<in T, Committable = never, WriterState = never> {
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
  /** Present for sinks whose writers keep state (`snapshotState`). */
  readonly writerState?: Schema<WriterState> | undefined;
  /**
   * For what an older version of the sink has stored with schemas from which these do not follow by
   * themselves. Made by `state.migration`.
   */
  readonly migrations?: SinkMigrations<Committable, WriterState> | undefined;
  /**
   * `restored` is what writers gave in `snapshotState`; empty at the first start.
   */
  createWriter(
    context: SinkWriterContext,
    restored: RestoredWriterState<WriterState>,
  ): SinkWriter<unknown, Committable, WriterState>;
  /**
   * May be called more than once in a subtask, and on another machine than the writer's: what it
   * needs is in the committables.
   */
  createCommitter?(context: SinkWriterContext): Committer<Committable>;
  /**
   * Instead of `createCommitter`: one committer for all subtasks (Flink's global committer), for
   * systems in which what a checkpoint brings becomes visible in one step, as in a table. It has a
   * subtask of its own; each of its committables is all that the writers have prepared for one
   * checkpoint. It may commit what a restored checkpoint holds while writers have begun again.
   */
  createGlobalCommitter?(context: SinkWriterContext): Committer<readonly Committable[]>;
}

export interface SinkMigrations<out Committable, out WriterState> {
  readonly committable?: readonly StateMigration<Committable>[] | undefined;
  readonly writerState?: readonly StateMigration<WriterState>[] | undefined;
}

/** A Sink whatever its committable type, as pipelines hold it. */
export type AnySink<T = never> = Sink<T, any, any>;

/** Small: every subtask gets to see that of all. */
export interface RestoredWriterState<WriterState> {
  /** To go on from: of the same subtask, or at another parallelism an even share of all. */
  readonly own: readonly WriterState[];
  /** Of all former subtasks, in the order of their numbers. */
  readonly all: readonly WriterState[];
}

export interface SinkWriterContext extends OpenContext {
  readonly env: ConnectorEnv;
  /** For the encoders of formats, which are made before `start` resolves; as a source has it. */
  readonly origins?: RecordOrigins | undefined;
  readonly jobId: string;
  /** Of the sink in its job: no other has it, and it stays over restarts. */
  readonly operatorId: string;
  /** The checkpoint that the job goes on from; undefined at a fresh start. */
  readonly restoredCheckpointId?: number | undefined;
  /**
   * That checkpoint is the job's: its own, or one that it has claimed from another job, which has
   * ended and whose leftovers may go.
   */
  readonly restoredIsClaimed?: boolean | undefined;
  /** The sink has a global committer. */
  readonly commitsGlobally?: boolean | undefined;
  /**
   * Of a path, or of a URI such as `s3://bucket/path`: the job's configuration says how it is
   * reached. @throws EngineError FILE_SYSTEM_UNKNOWN
   */
  readonly fileSystem: (uri: string) => FileSystem;
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

export interface SinkWriter<in T, Committable, WriterState = never> {
  /** Before the first record. */
  start?(): void | Promise<void>;
  write(value: T, context: WriteContext): void;
  /** Event time has come so far; after the records before it. */
  writeWatermark?(watermark: Timestamp): void;
  /**
   * Looked at after every write: while it is a pending promise, no record is given. The way to hold
   * the input back.
   */
  readonly busy?: Promise<void> | undefined;
  /**
   * At every checkpoint and at the end: makes everything written so far leave this process, or part
   * of the next committables, or of the state. `purpose`: of the checkpoint; what is in a savepoint
   * should be readable however much is committed after it.
   */
  flush(endOfInput: boolean, purpose?: 'checkpoint' | 'savepoint'): void | Promise<void>;
  /** After `prepareCommit`, at a checkpoint: what the writer goes on from if it is restored. */
  snapshotState?(checkpointId: number): readonly WriterState[] | Promise<readonly WriterState[]>;
  /**
   * After `flush`: what the committer must make visible when this checkpoint is complete; without
   * an id, when the job has reached its end.
   */
  prepareCommit?(
    checkpointId: number | undefined,
  ): readonly Committable[] | Promise<readonly Committable[]>;
  /**
   * What was prepared up to this checkpoint has been committed, here and in all other subtasks of
   * the sink what they had restored. `end`: the job has reached its end. May come not at all, and
   * does not where a global committer commits.
   */
  committed?(upTo: number | 'end'): void | Promise<void>;
  /**
   * Also called when the task fails or is cancelled: must drop what was not prepared for a commit,
   * as far as it can.
   */
  close(): void | Promise<void>;
}

/**
 * One committable on its way. A commit that has returned without a call of one of these methods has
 * succeeded.
 */
export interface CommitRequest<Committable> {
  readonly committable: Committable;
  /** How often it was tried before, in this life of the task. */
  readonly retries: number;
  /** That it belongs to; undefined: to the end of the job, without a checkpoint. */
  readonly checkpointId: number | undefined;
  /** It could not be committed now, or nobody knows whether it was: try again. */
  retryLater(): void;
  /** The same, with what is left of it to commit. */
  updateAndRetryLater(committable: Committable): void;
  /** It had been committed before; nothing was done. */
  signalAlreadyCommitted(): void;
  /** Gives it up: what it stands for is lost, which is logged and counted. */
  signalFailedWithKnownReason(error: unknown): void;
  /** Fails the task; it comes again after the restart. */
  signalFailedWithUnknownReason(error: unknown): void;
}

/**
 * Commits must be idempotent: the same committable may come again after a failure, also after it
 * was committed. An error that is thrown and says to try again later (`EngineError.retry`) does so
 * for all requests of the call; any other fails the task, and they come again after the restart.
 */
export interface Committer<Committable> {
  commit(requests: readonly CommitRequest<Committable>[]): void | Promise<void>;
  close?(): void | Promise<void>;
}
