/**
 * A sink for systems with transactions (Flink's TwoPhaseCommitSinkFunction): records go into the
 * transaction at hand; at a barrier it is prepared, so that it survives its process, and it is
 * committed when the checkpoint is complete.
 *
 * Invariants
 * P1. A transaction has an id that no other of the job ever has.
 * P2. Records of one checkpoint and of the next are never in the same transaction.
 * P3. A transaction that is open in a checkpoint is aborted when the job is restored from it: its
 *     records come again. Not that of a checkpoint which the job has not claimed: there another
 *     job may be writing into it, and preparing it, just now.
 */
import { assert } from '../../base/assert.ts';
import type {
  CommitRequest,
  RestoredWriterState,
  Sink,
  SinkWriter,
  SinkWriterContext,
} from '../../functions/sink.ts';
import type { Schema } from '../../types/schema.ts';
import { TransactionIds } from './transaction-id.ts';

export interface TwoPhaseCommitSinkOptions<T, Transaction> {
  readonly name: string;
  readonly schema: Schema<T>;
  /** What another process needs to commit or abort it. */
  readonly transaction: Schema<Transaction>;
  begin(id: string, context: SinkWriterContext): Transaction | Promise<Transaction>;
  /** A promise holds the input until it has resolved. */
  write(transaction: Transaction, value: T): void | Promise<void>;
  /** From now on it can be committed by anybody, also after a crash. Nothing is written into it. */
  prepare(transaction: Transaction): void | Promise<void>;
  /** Idempotent: it may come again after it has succeeded. */
  commit(transaction: Transaction): void | Promise<void>;
  /** Idempotent, too; also for one that its system has given up, or never heard of. */
  abort(transaction: Transaction): void | Promise<void>;
  /**
   * After a restore, before the first transaction: aborts what earlier attempts of this subtask
   * have begun after the checkpoint, where the system can list it. Ids of the job's sinks begin
   * with
   * `<job id>/<operator id>/<subtask>/<attempt>/`; those of complete checkpoints are committed by
   * then.
   */
  abortLingering?(context: SinkWriterContext): void | Promise<void>;
}

/**
 * @example
 * orders.sinkTo(
 *   twoPhaseCommitSink({
 *     name: 'orders',
 *     schema: Order,
 *     transaction: t.struct({ id: t.string }),
 *     begin: async (id) => (await database.begin(id), { id }),
 *     write: ({ id }, order) => database.insert(id, order),
 *     prepare: ({ id }) => database.prepare(id),
 *     commit: ({ id }) => database.commitPrepared(id),
 *     abort: ({ id }) => database.rollback(id),
 *   }),
 * );
 */
export function twoPhaseCommitSink<T, Transaction>(
  options: TwoPhaseCommitSinkOptions<T, Transaction>,
): Sink<T, Transaction, Transaction> {
  return {
    kind: 'sink',
    name: options.name,
    accepts: options.schema,
    committable: options.transaction,
    writerState: options.transaction,
    createWriter: (context, restored) => new TransactionalWriter(context, options, restored),
    createCommitter: () => ({
      async commit(requests: readonly CommitRequest<Transaction>[]): Promise<void> {
        for (const { committable } of requests) await options.commit(committable);
      },
    }),
  };
}

class TransactionalWriter<T, Transaction> implements SinkWriter<T, Transaction, Transaction> {
  readonly #context: SinkWriterContext;
  readonly #options: TwoPhaseCommitSinkOptions<T, Transaction>;
  readonly #ids: TransactionIds;
  readonly #restored: RestoredWriterState<Transaction>;
  #current: { readonly transaction: Transaction; used: boolean } | undefined;
  #busy: Promise<void> | undefined;

  constructor(
    context: SinkWriterContext,
    options: TwoPhaseCommitSinkOptions<T, Transaction>,
    restored: RestoredWriterState<Transaction>,
  ) {
    this.#context = context;
    this.#options = options;
    this.#ids = new TransactionIds(context);
    this.#restored = restored;
  }

  get busy(): Promise<void> | undefined {
    return this.#busy;
  }

  async start(): Promise<void> {
    const { attempt, restoredCheckpointId, restoredIsClaimed } = this.#context;
    // P3
    if (restoredIsClaimed === true) {
      for (const transaction of this.#restored.own) await this.#options.abort(transaction);
    }
    const hasPredecessor = attempt > 1 || restoredCheckpointId !== undefined;
    if (hasPredecessor) await this.#options.abortLingering?.(this.#context);
    await this.#begin();
  }

  write(value: T): void {
    const current = this.#current!;
    current.used = true;
    const written = this.#options.write(current.transaction, value);
    if (written === undefined) return;
    const busy = written.then(() => {
      if (this.#busy === busy) this.#busy = undefined;
    });
    this.#busy = busy;
  }

  async flush(): Promise<void> {
    await this.#busy;
  }

  /** P2 */
  async prepareCommit(checkpointId: number | undefined): Promise<readonly Transaction[]> {
    const current = this.#current!;
    assert(this.#busy === undefined, 'P2: prepared while something is being written');
    if (!current.used) return [];
    await this.#options.prepare(current.transaction);
    this.#current = undefined;
    // At the end of the input nothing follows.
    if (checkpointId !== undefined) await this.#begin();
    return [current.transaction];
  }

  snapshotState(): readonly Transaction[] {
    return this.#current === undefined ? [] : [this.#current.transaction];
  }

  async close(): Promise<void> {
    const current = this.#current;
    this.#current = undefined;
    if (current !== undefined) await this.#options.abort(current.transaction);
  }

  async #begin(): Promise<void> {
    const transaction = await this.#options.begin(this.#ids.next(), this.#context);
    this.#current = { transaction, used: false };
  }
}
