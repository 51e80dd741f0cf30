/**
 * The tail of a chain that writes to a sink: owns the SinkWriter of one subtask, and its committer
 * if the sink has one.
 *
 * Invariants
 * K1. No record is written while the writer is busy.
 * K2. `flush(true)` comes once, after the last record; `prepareCommit` only after a flush, with no
 *     record between them.
 * K3. Committables are committed when their checkpoint is complete or the job has reached its end,
 *     and those of a restored checkpoint before the writer is made.
 * K4. Where a global committer commits, what is prepared for a checkpoint leaves as records before
 *     its barrier, and what is prepared at the end before the end.
 */
import { assert } from '../base/assert.ts';
import type { Timestamp } from '../base/units.ts';
import { NO_TIMESTAMP } from '../network/batch.ts';
import type { FileSystem } from '../functions/file-system.ts';
import type { OpenContext } from '../functions/function-context.ts';
import type { RecordOrigins } from '../functions/record-origins.ts';
import type {
  AnySink,
  RestoredWriterState,
  SinkWriter,
  SinkWriterContext,
  WriteContext,
} from '../functions/sink.ts';
import type { ConnectorEnv } from '../functions/source.ts';
import type { OperatorStateBackend, UnionState } from '../state/operator-state.ts';
import type { SchemaDescription } from '../types/schema-description.ts';
import { projectionOf } from '../types/projection.ts';
import type { CheckpointNotice, OneInputOperator, OperatorContext } from './operator.ts';
import { SinkCommits } from './sink-commits.ts';
import type { CommittablesOfCheckpoint, CommitWiring } from './sink-commits.ts';

export interface SinkWiring extends CommitWiring {
  readonly env: ConnectorEnv;
  readonly origins?: RecordOrigins | undefined;
  readonly jobId: string;
  readonly operatorId: string;
  fileSystem(uri: string): FileSystem;
  sendToClient(message: Uint8Array): Promise<void> | undefined;
}

/** What of a checkpoint a sink's subtask goes on from, beside its operator state. */
interface RestoredSink {
  readonly checkpointId: number;
  /** SinkWriterContext.restoredIsClaimed */
  readonly isClaimed: boolean;
  readonly committables: readonly CommittablesOfCheckpoint[];
  /** With which schema they are encoded; undefined: this program's. */
  readonly committable?: SchemaDescription | undefined;
}

const NO_STATE = { own: [], all: [] };

export class SinkOperator implements OneInputOperator {
  readonly #sink: AnySink;
  readonly #wiring: SinkWiring;
  readonly #project: ((value: unknown) => unknown) | undefined;
  readonly #write = new CurrentWrite();
  #context: OperatorContext | undefined;
  #writer: SinkWriter<unknown, unknown, unknown> | undefined;
  #commits: SinkCommits | undefined;
  #states: UnionState<unknown> | undefined;
  #restored: RestoredSink | undefined;
  #finishing: 'no' | 'flushing' | 'done' = 'no';
  /** Prepared at the end of the input, until `finish` is called again. */
  #last: readonly unknown[] | undefined;

  constructor(sink: AnySink, wiring: SinkWiring) {
    this.#sink = sink;
    this.#wiring = wiring;
    this.#project = sink.accepts === undefined ? undefined : projectionOf(sink.accepts);
  }

  /** K4 */
  get #commitsGlobally(): boolean {
    return this.#sink.createGlobalCommitter !== undefined;
  }

  get hasCommitter(): boolean {
    return this.#sink.createCommitter !== undefined;
  }

  /** All that is not known to be committed, e.g. for the decision to commit at the job's end. */
  get uncommitted(): readonly Uint8Array[] {
    return this.#commits!.all;
  }

  /** The same, as a snapshot keeps it; after `prepareSnapshot`. */
  get committables(): readonly CommittablesOfCheckpoint[] {
    return this.#commits!.byCheckpoint;
  }

  /** Before `open`. */
  restoreCommittables(restored: RestoredSink): void {
    assert(this.#writer === undefined, 'K3: what is restored comes before the writer');
    this.#restored = restored;
  }

  open(context: OperatorContext): void | Promise<void> {
    this.#context = context;
    this.#write.bind(context);
    const restored = this.#restored;
    const commitsGlobally = this.#commitsGlobally;
    const sinkOpen = { ...sinkContext(context.open, this.#wiring), commitsGlobally };
    const opened: SinkWriterContext =
      restored === undefined
        ? sinkOpen
        : {
            ...sinkOpen,
            restoredCheckpointId: restored.checkpointId,
            restoredIsClaimed: restored.isClaimed,
          };
    this.#commits = new SinkCommits(this.#sink, opened, this.#wiring);
    this.#states = declareWriterState(this.#sink, context.operatorState);
    if (restored === undefined || restored.committables.length === 0) return this.#start(opened);
    return this.#commitRestored(restored, opened);
  }

  process(value: unknown, timestamp: number): void {
    const writer = this.#writer!;
    this.#write.at = timestamp;
    writer.write(this.#project === undefined ? value : this.#project(value), this.#write);
    const busy = writer.busy;
    if (busy !== undefined) this.#holdUntil(busy);
  }

  watermark(timestamp: number): boolean {
    this.#writer!.writeWatermark?.(timestamp as Timestamp);
    return true;
  }

  /** K2 */
  async prepareSnapshot(
    checkpointId: number,
    purpose: 'checkpoint' | 'savepoint' = 'checkpoint',
  ): Promise<void> {
    const writer = this.#writer!;
    const commits = this.#commits!;
    if (this.#finishing === 'done') commits.adopt(checkpointId);
    else {
      if (writer.busy !== undefined) await writer.busy;
      await writer.flush(false, purpose);
      this.#prepared(checkpointId, (await writer.prepareCommit?.(checkpointId)) ?? []);
    }
    this.#states?.update((await writer.snapshotState?.(checkpointId)) ?? []);
  }

  /**
   * K3: a checkpoint is complete. Answers true when all up to it is known to be committed, and
   * false when the sink was closed before that; never if the task has been replaced.
   * @throws what the committer throws
   */
  checkpointComplete(checkpointId: number): Promise<boolean> {
    return this.#commit(checkpointId);
  }

  async notifyCheckpoint({ checkpointId, outcome }: CheckpointNotice): Promise<void> {
    if (outcome === 'complete') await this.checkpointComplete(checkpointId);
  }

  finish(): boolean {
    if (this.#finishing === 'no') {
      this.#finishing = 'flushing';
      this.#holdUntil(this.#flush());
    }
    const last = this.#last;
    if (last !== undefined) {
      this.#last = undefined;
      this.#prepared(undefined, last);
      this.#finishing = 'done';
    }
    return this.#finishing === 'done';
  }

  async close(): Promise<void> {
    await this.#commits?.close();
    await this.#writer?.close();
  }

  /** K3: the whole job has reached its end. Answers as `checkpointComplete` does. */
  async commit(): Promise<boolean> {
    assert(this.#finishing === 'done', 'K3: commit before the end of input');
    return await this.#commit('end');
  }

  async #commit(upTo: number | 'end'): Promise<boolean> {
    const known = await this.#commits!.commit(upTo);
    if (known && !this.#commitsGlobally) await this.#writer!.committed?.(upTo);
    return known;
  }

  async #commitRestored(restored: RestoredSink, context: SinkWriterContext): Promise<void> {
    const commits = this.#commits!;
    commits.restore(restored.committables, restored.committable);
    // Closed meanwhile: the task has ended, and nobody would close a writer.
    if (!(await commits.commit(restored.checkpointId))) return;
    await this.#start(context);
  }

  #start(context: SinkWriterContext): void | Promise<void> {
    this.#writer = this.#sink.createWriter(context, this.#restoredStates(context));
    return this.#writer.start?.();
  }

  #restoredStates({ subtask, parallelism }: SinkWriterContext): RestoredWriterState<unknown> {
    const { own, all } = this.#states?.restored() ?? NO_STATE;
    if (own !== undefined) return { own, all };
    const cut = (part: number): number => Math.floor((part * all.length) / parallelism);
    return { own: all.slice(cut(subtask), cut(subtask + 1)), all };
  }

  async #flush(): Promise<void> {
    const writer = this.#writer!;
    if (writer.busy !== undefined) await writer.busy;
    await writer.flush(true);
    this.#last = (await writer.prepareCommit?.(undefined)) ?? [];
  }

  /** K4 */
  #prepared(checkpointId: number | undefined, committables: readonly unknown[]): void {
    if (!this.#commitsGlobally) {
      this.#commits!.prepared(checkpointId, committables);
      return;
    }
    const { output } = this.#context!;
    for (const committable of committables) output.process(committable, NO_TIMESTAMP);
  }

  #holdUntil(promise: Promise<void>): void {
    const context = this.#context!;
    context.hold();
    promise.then(
      () => context.mail(() => context.release()),
      (thrown: unknown) => context.mail(() => context.fail(thrown)),
    );
  }
}

export interface PreparedCommittables {
  readonly committables: readonly CommittablesOfCheckpoint<number | undefined>[];
  /** With which schema they are encoded; undefined: this program's. */
  readonly committable?: SchemaDescription | undefined;
}

/**
 * Makes committables visible in the place of the task that prepared them: after the decision to
 * commit, or after a restore from a checkpoint in which it had finished.
 * @throws what the committer throws
 */
export async function commitInPlace(
  sink: AnySink,
  open: OpenContext,
  wiring: SinkWiring,
  prepared: PreparedCommittables,
): Promise<void> {
  const commits = new SinkCommits(sink, sinkContext(open, wiring), wiring);
  commits.restore(prepared.committables, prepared.committable);
  try {
    const known = await commits.commit('end');
    assert(known, 'K3: nobody else closes these');
  } finally {
    await commits.close();
  }
}

/** What the sink's writer keeps, if it keeps anything. */
export function declareWriterState(
  { writerState, migrations }: AnySink,
  operatorState: OperatorStateBackend,
): UnionState<unknown> | undefined {
  return writerState && operatorState.union('writer', writerState, migrations?.writerState);
}

function sinkContext(open: OpenContext, wiring: SinkWiring): SinkWriterContext {
  return {
    ...open,
    env: wiring.env,
    origins: wiring.origins,
    jobId: wiring.jobId,
    operatorId: wiring.operatorId,
    fileSystem: (uri) => wiring.fileSystem(uri),
    sendToClient: (message) => wiring.sendToClient(message),
  };
}

class CurrentWrite implements WriteContext {
  at = NO_TIMESTAMP;
  #context: OperatorContext | undefined;

  bind(context: OperatorContext): void {
    this.#context = context;
  }

  get timestamp(): Timestamp | undefined {
    return this.at === NO_TIMESTAMP ? undefined : (this.at as Timestamp);
  }

  get watermark(): Timestamp {
    return this.#context!.watermark() as Timestamp;
  }
}
