/**
 * Writes the records of one subtask into files, each in the folder of its bucket.
 *
 * Invariants
 * F1. Every record is in exactly one file of its bucket, and every file that is complete in exactly
 *     one committable.
 * F2. A file that is open over a checkpoint is in the writer's state, and ends where it was then if
 *     the job goes on from there; whoever has the state hands it on.
 */
import { assert } from '../../base/assert.ts';
import { EngineError } from '../../base/errors.ts';
import type { CompressionKind } from '../../env/env.ts';
import type { FileSystem } from '../../functions/file-system.ts';
import type {
  RestoredWriterState,
  SinkWriter,
  SinkWriterContext,
  WriteContext,
} from '../../functions/sink.ts';
import type { LineEncoder, LineFormat } from '../../formats/format.ts';
import type { Schema } from '../../types/schema.ts';
import { t } from '../../types/t.ts';
import { BucketWriter, type Rolling } from './bucket-writer.ts';
import { checkBucket, type BucketAssigner, type BucketContext } from './buckets.ts';
import type { FileCommittable, WrittenFile } from './file-committer.ts';
import { inParallel } from './in-parallel.ts';
import { planOutput, type OnExisting } from './output-folder.ts';
import { finalName, incompleteName, type PartNames } from './part-files.ts';
import { PartFile, type OpenFile } from './part-file.ts';

export interface FileWriterOptions<T> {
  readonly fileSystem: FileSystem;
  /** URI, resolved. */
  readonly folder: string;
  readonly names: PartNames;
  readonly shown: string;
  readonly format: LineFormat<T>;
  readonly compression: CompressionKind | undefined;
  readonly onExisting: OnExisting;
  readonly rolling: Rolling;
  readonly rollOnCheckpoint: boolean;
  /** Undefined: all are in the folder itself. */
  readonly bucketBy: BucketAssigner<T> | undefined;
  readonly blockBytes: number;
}

/** What a subtask goes on from after a restore. */
export interface FileWriterState {
  /** Tag of the job and the sink that wrote. */
  readonly job: string;
  readonly open: readonly OpenFile[];
}

export const FileWriterStateSchema: Schema<FileWriterState> = t.struct({
  job: t.string,
  open: t.array(t.struct({ uri: t.string, resumable: t.bytes })),
});

/** Blocks of a bucket begin so small: there may be many buckets. */
const BUCKET_BYTES = 8 * 1024;
/** Files that are brought to an end at once. */
const AT_ONCE = 8;

export class FileWriter<T> implements SinkWriter<T, FileCommittable, FileWriterState> {
  readonly #context: SinkWriterContext;
  readonly #options: FileWriterOptions<T>;
  readonly #restored: RestoredWriterState<FileWriterState>;
  readonly #bucketBy: BucketAssigner<T> | undefined;
  readonly #buckets = new Map<string, BucketWriter<T>>();
  /** The one that was written to last. */
  #bucket: BucketWriter<T> | undefined;
  #bucketId = '';
  /** Of the first bucket: made before a record is read, so that it can say what to note of it. */
  #encoder: LineEncoder<T> | undefined;
  readonly #bucketContext: CurrentRecord;
  #number = 0;
  /** URIs, until they are in a committable. */
  #replaces: readonly string[] = [];
  /** F2. Those that were open in the checkpoint from which the job goes on. */
  #ended: WrittenFile[] = [];

  constructor(
    context: SinkWriterContext,
    options: FileWriterOptions<T>,
    restored: RestoredWriterState<FileWriterState>,
  ) {
    this.#context = context;
    this.#options = options;
    this.#bucketBy = options.bucketBy;
    this.#restored = restored;
    this.#bucketContext = new CurrentRecord(context);
    this.#encoder = options.format.createEncoder(context.origins);
  }

  async start(): Promise<void> {
    const { names, folder, fileSystem, onExisting, shown, bucketBy } = this.#options;
    const { parallelism, attempt, restoredCheckpointId, restoredIsClaimed } = this.#context;
    // O1: what is to be committed is committed before the rest is removed.
    assert(this.#context.commitsGlobally !== true, 'O1: files are committed by subtask');
    const { own, all } = this.#restored;
    const restored = restoredCheckpointId !== undefined;
    this.#requireOwn(all);
    const formerJobs = restoredIsClaimed === true ? all.map(({ job }) => job) : [];
    const inUse = all.flatMap(({ open }) => open.map(({ uri }) => nameOf(uri)));
    this.#replaces = await planOutput({
      ...{ fileSystem, folder, names, parallelism, onExisting, shown, restored },
      hasBuckets: bucketBy !== undefined,
      hasPredecessor: restored || attempt > 1,
      claimed: new Set(formerJobs),
      inUse: new Set(inUse),
    });
    const open = own.flatMap((state) => state.open);
    await inParallel(open, AT_ONCE, async ({ uri, resumable }) => {
      const output = await fileSystem.recoverableWriter().recover(resumable);
      this.#ended.push({ uri, committable: await output.closeForCommit() });
    });
  }

  get busy(): Promise<void> | undefined {
    return this.#bucket?.busy;
  }

  write(value: T, context: WriteContext): void {
    const bucket = this.#bucketBy === undefined ? this.#bucket : this.#bucketOf(value, context);
    (bucket ?? this.#enter('')).write(value);
  }

  async flush(endOfInput: boolean, purpose?: 'checkpoint' | 'savepoint'): Promise<void> {
    const { names, shown, rollOnCheckpoint } = this.#options;
    if (names.single !== undefined && !endOfInput) {
      throw new EngineError('CONNECTOR_SINGLE_FILE_CHECKPOINT', { path: shown });
    }
    if (endOfInput && names.single !== undefined && this.#number === 0) {
      this.#enter('').beginEmpty();
    }
    const ends = endOfInput || rollOnCheckpoint || purpose === 'savepoint';
    await inParallel(this.#buckets.values(), AT_ONCE, (bucket) => bucket.flush(ends));
  }

  prepareCommit(): readonly FileCommittable[] {
    const files = this.#ended.splice(0);
    for (const bucket of this.#buckets.values()) files.push(...bucket.take());
    const replaces = this.#replaces;
    this.#replaces = [];
    return files.length === 0 && replaces.length === 0 ? [] : [{ files, replaces }];
  }

  async snapshotState(checkpointId: number): Promise<readonly FileWriterState[]> {
    const open: OpenFile[] = [];
    await inParallel([...this.#buckets], AT_ONCE, async ([id, bucket]) => {
      const file = await bucket.persist(checkpointId);
      if (file !== undefined) open.push(file);
      else this.#leave(id, bucket);
    });
    for (const bucket of this.#buckets.values()) bucket.resume();
    open.sort((left, right) => (left.uri < right.uri ? -1 : 1));
    return [{ job: this.#options.names.job, open }];
  }

  /** Nobody goes on from what came before. */
  async committed(upTo: number | 'end'): Promise<void> {
    if (upTo === 'end') return;
    await inParallel(this.#buckets.values(), AT_ONCE, (bucket) => bucket.release(upTo));
  }

  async close(): Promise<void> {
    await inParallel(this.#buckets.values(), AT_ONCE, (bucket) => bucket.close());
  }

  // -------------------------------------------------------------------------------------- buckets

  #bucketOf(value: T, context: WriteContext): BucketWriter<T> {
    this.#bucketContext.write = context;
    const id = this.#bucketBy!(value, this.#bucketContext);
    const bucket = this.#bucket;
    return bucket !== undefined && id === this.#bucketId ? bucket : this.#enter(id);
  }

  #enter(id: string): BucketWriter<T> {
    let bucket = this.#buckets.get(id);
    if (bucket === undefined) {
      bucket = this.#make(id);
      this.#buckets.set(id, bucket);
    }
    this.#bucketId = id;
    this.#bucket = bucket;
    return bucket;
  }

  /** It is made again when a record comes. */
  #leave(id: string, bucket: BucketWriter<T>): void {
    if (this.#options.bucketBy === undefined) return;
    assert(bucket.isEmpty, 'F1: nothing is in it');
    this.#buckets.delete(id);
    if (this.#bucket === bucket) this.#bucket = undefined;
  }

  #make(id: string): BucketWriter<T> {
    checkBucket(id);
    const { fileSystem, names, compression, rolling, blockBytes, bucketBy, format } = this.#options;
    const { env, origins } = this.#context;
    const encoder = this.#encoder ?? format.createEncoder(origins);
    this.#encoder = undefined;
    const folder = id === '' ? this.#options.folder : `${this.#options.folder}/${id}`;
    return new BucketWriter<T>({
      ...{ env, encoder, compression, rolling, blockBytes },
      firstBytes: bucketBy === undefined ? blockBytes : Math.min(BUCKET_BYTES, blockBytes),
      begin: () => {
        const number = this.#number;
        this.#number += 1;
        return new PartFile({
          ...{ fileSystem, folder, uri: `${folder}/${finalName(names, number)}` },
          incompleteName: incompleteName(names, number),
          replace: names.single !== undefined && this.#options.onExisting === 'replace',
        });
      },
    });
  }

  /** A job that still runs would lose what it writes into a file that another one has ended. */
  #requireOwn(all: readonly FileWriterState[]): void {
    if (this.#context.restoredIsClaimed === true) return;
    const { names, shown } = this.#options;
    const foreign = all.find(({ job, open }) => job !== names.job && open.length > 0);
    if (foreign === undefined) return;
    const file = foreign.open[0]!.uri;
    throw new EngineError('CONNECTOR_OUTPUT_UNCLAIMED', { path: shown, file });
  }
}

class CurrentRecord implements BucketContext {
  readonly #context: SinkWriterContext;
  write!: WriteContext;

  constructor(context: SinkWriterContext) {
    this.#context = context;
  }

  get timestamp(): BucketContext['timestamp'] {
    return this.write.timestamp;
  }

  get watermark(): BucketContext['watermark'] {
    return this.write.watermark;
  }

  get processingTime(): BucketContext['processingTime'] {
    return this.#context.env.clock.now();
  }
}

function nameOf(uri: string): string {
  return uri.slice(uri.lastIndexOf('/') + 1);
}
