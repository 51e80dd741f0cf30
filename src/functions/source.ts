/**
 * The Source contract (Flink's FLIP-27): an enumerator, one per job, finds splits and gives them to
 * the readers, one per subtask, which read them. Splits and the enumerator's state are values of
 * declared schemas, because they cross processes and are kept in snapshots.
 */
import type { Timestamp } from '../base/units.ts';
import type { Env } from '../env/env.ts';
import type { Schema } from '../types/schema.ts';
import type { OpenContext } from './function-context.ts';
import type { RecordOrigins } from './record-origins.ts';
import type { StateMigration } from './state.ts';

export type Boundedness = 'bounded' | 'unbounded';

/** What a connector may use of the world. */
export type ConnectorEnv = Pick<
  Env,
  'clock' | 'random' | 'disk' | 'compression' | 'network' | 'log'
>;

/**
 * `Split` carries an `id` that is unique within the source and stable over restarts.
 */
export interface Source<out T, Split extends SourceSplit = never, EnumeratorState = never> {
  readonly kind: 'source';
  /** Shown in plans, e.g. `files(flights.jsonl)`. */
  readonly name: string;
  readonly produces: Schema<T>;
  readonly boundedness: Boundedness;
  /**
   * How many readers it gets unless the job says otherwise, e.g. 1 where order matters; undefined:
   * the job's default.
   */
  readonly parallelism?: number | undefined;
  /**
   * Side outputs that its readers fill by `collectTo`. A source that has some states them in its
   * type, `Source<...> & { readonly outputs: { malformed: Schema<...> } }`, and
   * `env.from(source).side` has them by name.
   */
  readonly outputs?: Readonly<Record<string, Schema<unknown>>> | undefined;
  /**
   * Whether its readers give every record an event time. False: never; operators that need event
   * time then ask for a strategy when the job is built. Undefined: it is seen when it runs.
   */
  readonly timestamps?: boolean | undefined;
  readonly split: Schema<Split>;
  readonly enumeratorState: Schema<EnumeratorState>;
  /**
   * For what an older version of the source has stored with schemas from which these do not follow
   * by themselves. Made by `state.migration`.
   */
  readonly migrations?: SourceMigrations<Split, EnumeratorState> | undefined;
  /** `restored` is what `snapshot` gave; undefined at the first start. */
  createEnumerator(
    context: SplitEnumeratorContext<Split>,
    restored: EnumeratorState | undefined,
  ): SplitEnumerator<Split, EnumeratorState>;
  createReader(context: SourceReaderContext): SourceReader<T, Split>;
}

export interface SourceMigrations<out Split, out EnumeratorState> {
  readonly split?: readonly StateMigration<Split>[] | undefined;
  readonly enumeratorState?: readonly StateMigration<EnumeratorState>[] | undefined;
}

/** A Source whatever its split type, as pipelines hold it. */
export type AnySource<T = unknown> = Source<T, any, any>;

export interface SourceSplit {
  readonly id: string;
}

export interface SplitEnumeratorContext<Split extends SourceSplit> {
  readonly env: ConnectorEnv;
  readonly parallelism: number;
  /** Subtasks whose reader is registered now. */
  readonly readers: ReadonlySet<number>;
  /** Gives splits to a registered reader. */
  assign(subtask: number, splits: readonly Split[]): void;
  /** Tells a reader that it will get no more. */
  signalNoMoreSplits(subtask: number): void;
  sendToReader(subtask: number, event: Uint8Array): void;
  /** Reports a failure that ends the job (or restarts it, by its domain). */
  fail(error: unknown): void;
}

/** Runs in one thread; a call never overlaps another. */
export interface SplitEnumerator<Split extends SourceSplit, State> {
  start(): void | Promise<void>;
  /** A reader has come (or come again after a restart). */
  addReader(subtask: number): void;
  /** A reader asks for work. */
  handleSplitRequest(subtask: number): void;
  /** Splits of a failed reader that no completed checkpoint covers. */
  addSplitsBack(splits: readonly Split[], subtask: number): void;
  handleReaderEvent?(subtask: number, event: Uint8Array): void;
  /** What it goes on from after a restore: all that is not with a reader. */
  snapshot(checkpointId: number): State;
  /** That checkpoint is durable, with what the readers had then. May come not at all. */
  checkpointComplete?(checkpointId: number): void | Promise<void>;
  /** That checkpoint never will be complete. */
  checkpointAborted?(checkpointId: number): void | Promise<void>;
  close(): void | Promise<void>;
}

export interface SourceReaderContext extends OpenContext {
  readonly env: ConnectorEnv;
  /** For the decoders of formats; undefined where nothing that was read is written as it is. */
  readonly origins?: RecordOrigins | undefined;
  requestSplit(): void;
  sendToEnumerator(event: Uint8Array): void;
  /** Says that `poll` may have something again; may be called at any time from a callback. */
  available(): void;
}

/**
 * `more`: call again soon. `nothing`: call again after `available()`. `end`: all splits are read
 * and no more will come; never `more` afterwards.
 */
export type PollResult = 'more' | 'nothing' | 'end';

/**
 * Reads splits. Never waits: asynchronous reads are started, and `available` is called when they
 * are done.
 */
export interface SourceReader<T, Split extends SourceSplit> {
  start(): void | Promise<void>;
  addSplits(splits: readonly Split[]): void;
  noMoreSplits(): void;
  handleEvent?(event: Uint8Array): void;
  /**
   * Emits records until `output.full` is true or nothing is at hand; must look at `full` after
   * every record. Throwing fails the task; give malformed input a place (file, line, offset).
   */
  poll(output: SourceOutput<T>): PollResult;
  /**
   * Where splits are kept together (alignment): records of `pause` must wait, those of `resume` may
   * come again. A reader without it waits as a whole, until the least of its splits may go on.
   */
  pauseOrResumeSplits?(pause: readonly string[], resume: readonly string[]): void;
  /** The splits with their positions: reading on from them loses and doubles nothing. */
  snapshot(checkpointId: number): readonly Split[];
  /** That checkpoint is durable: what was read before it will not be asked for again. */
  checkpointComplete?(checkpointId: number): void | Promise<void>;
  /** That checkpoint never will be complete. */
  checkpointAborted?(checkpointId: number): void | Promise<void>;
  close(): void | Promise<void>;
}

/**
 * Takes the records of one split. Each split has its own event time; that of the reader is the
 * least of all that are active.
 */
export interface SplitOutput<T> {
  /** A record, with its event time if the source knows one. */
  collect(value: T, timestamp?: Timestamp): void;
  /** True when the reader must return `more`: the batch is full or the output is held back. */
  readonly full: boolean;
  /** For sources that know that no record at or below this time will follow. */
  emitWatermark(timestamp: Timestamp): void;
  /** For sources that know that nothing will come for a while; until the next record. */
  markIdle(): void;
  /** It is so again without one, and holds event time. */
  markActive(): void;
}

/** What is emitted here directly counts like a split of its own. */
export interface SourceOutput<T> extends SplitOutput<T> {
  /**
   * The output of a split, the same at each call until `releaseSplit`. From the first call on the
   * split holds event time, records or none: call it for all splits that are read side by side
   * before the first record, but not for those whose turn comes later.
   */
  forSplit(id: string): SplitOutput<T>;
  /** The split has been read to its end. */
  releaseSplit(id: string): void;
  /** To one of the source's `outputs`, e.g. lines that could not be parsed. */
  collectTo?(output: string, value: unknown): void;
  /**
   * Where the record that is collected next comes from, for error messages; cheap: a function is
   * kept, not called.
   */
  locate?(place: () => string): void;
}
