/**
 * A sink for systems without transactions (Flink's GenericWriteAheadSink): records are kept in the
 * checkpoint, and written when it is complete. A CheckpointCommitter remembers which batches were
 * written, so that those that come again after a failure are passed over.
 *
 * Invariants
 * W1. A batch has one id for its whole life, and no other batch of the job ever has it.
 * W2. A batch is written only when its checkpoint is complete, and marked only when it is written.
 */
import type {
  CommitRequest,
  Committer,
  Sink,
  SinkWriter,
  SinkWriterContext,
} from '../../functions/sink.ts';
import type { Schema } from '../../types/schema.ts';
import { TransactionIds } from './transaction-id.ts';
import { BatchRecords, batchSchemaOf } from './write-ahead-batch.ts';
import type { WriteAheadBatch } from './write-ahead-batch.ts';

/** Knows which batches were written; what it knows must outlive the job's processes. */
export interface CheckpointCommitter {
  isCommitted(batchId: string): boolean | Promise<boolean>;
  /**
   * The batch is written. Not needed where `write` stores the id together with the records, in one
   * step: only then, or where writing a batch twice is the same as once, is it exactly-once when a
   * process dies between the two.
   */
  commit?(batchId: string): void | Promise<void>;
  close?(): void | Promise<void>;
}

export interface WriteAheadSinkOptions<T> {
  readonly name: string;
  readonly schema: Schema<T>;
  /** All records of a batch, in order; what it throws is tried again, or fails the task. */
  write(records: readonly T[], batchId: string): void | Promise<void>;
  createCommitter(context: SinkWriterContext): CheckpointCommitter;
  /** A batch is about so large at most; those of a checkpoint are in memory. Default 1 MiB. */
  readonly batchBytes?: number | undefined;
}

const BATCH_BYTES = 1024 * 1024;

/**
 * @example
 * orders.sinkTo(
 *   writeAheadSink({
 *     name: 'orders in the ledger',
 *     schema: Order,
 *     write: (records, batchId) => ledger.append(records, batchId),
 *     createCommitter: () => ({ isCommitted: (batchId) => ledger.has(batchId) }),
 *   }),
 * );
 */
export function writeAheadSink<T>(options: WriteAheadSinkOptions<T>): Sink<T, WriteAheadBatch<T>> {
  return {
    kind: 'sink',
    name: options.name,
    accepts: options.schema,
    committable: batchSchemaOf(options.schema),
    createWriter: (context) => new WriteAheadWriter(context, options),
    createCommitter: (context) => new BatchCommitter(options, options.createCommitter(context)),
  };
}

class WriteAheadWriter<T> implements SinkWriter<T, WriteAheadBatch<T>> {
  readonly #ids: TransactionIds;
  readonly #batchBytes: number;
  readonly #records: BatchRecords<T>;
  #batches: WriteAheadBatch<T>[] = [];

  constructor(context: SinkWriterContext, { schema, batchBytes }: WriteAheadSinkOptions<T>) {
    this.#ids = new TransactionIds(context);
    this.#records = new BatchRecords(schema);
    this.#batchBytes = batchBytes ?? BATCH_BYTES;
  }

  write(value: T): void {
    this.#records.add(value);
    if (this.#records.bytes >= this.#batchBytes) this.flush();
  }

  flush(): void {
    if (!this.#records.isEmpty) this.#batches.push(this.#records.take(this.#ids.next()));
  }

  prepareCommit(): readonly WriteAheadBatch<T>[] {
    return this.#batches.splice(0);
  }

  close(): void {}
}

class BatchCommitter<T> implements Committer<WriteAheadBatch<T>> {
  readonly #options: WriteAheadSinkOptions<T>;
  readonly #known: CheckpointCommitter;

  constructor(options: WriteAheadSinkOptions<T>, known: CheckpointCommitter) {
    this.#options = options;
    this.#known = known;
  }

  async commit(requests: readonly CommitRequest<WriteAheadBatch<T>>[]): Promise<void> {
    for (const request of requests) {
      const { id, records } = request.committable;
      if (await this.#known.isCommitted(id)) {
        request.signalAlreadyCommitted();
        continue;
      }
      await this.#options.write(records, id);
      await this.#known.commit?.(id);
    }
  }

  close(): void | Promise<void> {
    return this.#known.close?.();
  }
}
