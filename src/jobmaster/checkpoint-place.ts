/**
 * Where the master of a job keeps its checkpoints: files of the checkpoint directory or, without
 * one, its own memory; and which of them are complete, in what outlives the master.
 *
 * Q1. Ids are reserved before they are used, so that no later master uses one of them again.
 * Q2. The pointer to a checkpoint is durable before the checkpoint is complete, and is gone before
 *     anything of the checkpoint is removed.
 * Q3. What may be pointed to, because it is not known whether a pointer was written, is not removed
 *     before a later pointer is.
 * Q4. What cannot be read is not taken for what is not there: without its newest complete
 *     checkpoint a job does not begin. One before it that is damaged is left alone.
 * Q5. A savepoint is complete, and somebody told, only if no later master had come when its
 *     `_metadata` was there: that one removes what is begun and not complete (begun-savepoints.ts).
 */
import type { Clock, Log } from '../env/env.ts';
import { EngineError, isEngineError, toEngineError } from '../base/errors.ts';
import type { CompletedCheckpoint, Discards } from '../checkpoint/completed-checkpoints.ts';
import type { PendingCheckpoint } from '../checkpoint/coordinator-state.ts';
import type { RestoreSettings, StateHandle, TaskSnapshot } from '../protocol/checkpoint.ts';
import type {
  CheckpointPointers,
  CheckpointsAtEnd,
  StoredCheckpoints,
  StoredPointer,
} from '../protocol/stored-checkpoints.ts';
import { handlesIn } from '../storage/checkpoint-metadata.ts';
import type { CheckpointMetadata } from '../storage/checkpoint-metadata.ts';
import { CheckpointStorage } from '../storage/checkpoint-storage.ts';
import type { FileSystems } from '../storage/file-systems.ts';
import { folderOfUri } from '../storage/file-uri.ts';
import {
  discardHandles,
  readCheckpoint,
  removeEmptyJobFolder,
  writeMetadata,
} from '../storage/stored-checkpoint.ts';
import { BegunSavepoints } from './begun-savepoints.ts';
import { ClaimedFolders } from './claimed-folders.ts';
import { PersistentRemovals } from './persistent-removals.ts';

/** Ids that are reserved at a time. */
const RESERVED_IDS = 16;

export interface CheckpointPlaceOptions {
  readonly jobId: string;
  readonly fileSystems: FileSystems;
  /** Undefined: in memory. */
  readonly directory: string | undefined;
  readonly pointers: CheckpointPointers;
  /** What becomes of checkpoints when the job is cancelled; undefined: nobody knows. */
  readonly onCancel?: CheckpointsAtEnd | undefined;
  /** How many masters have had the job, this one included. */
  readonly masters: number;
  readonly log: Log;
  readonly clock: Pick<Clock, 'after'>;
}

export class CheckpointPlace {
  readonly #options: CheckpointPlaceOptions;
  readonly #storage: CheckpointStorage | undefined;
  #isInitialized = false;
  /** This master, or one before it, has put something into the folder of the job. */
  #isUsed = false;
  #reservedId = 0;
  /** CheckpointStorage S4. */
  #firstId = 1;
  /** An earlier master has had checkpoints of the job. */
  #isLater = false;
  /** Q4. */
  #damaged: string[] = [];
  #pointed: readonly StoredPointer[] = [];
  /** Q3. */
  #doubtful: PendingCheckpoint[] = [];
  readonly #removals: PersistentRemovals;
  readonly #begun: BegunSavepoints;
  readonly #claims: ClaimedFolders;
  /** Changes of the pointers, one after another. */
  #writes: Promise<unknown> = Promise.resolve();

  constructor(options: CheckpointPlaceOptions) {
    const { fileSystems, directory, jobId } = options;
    this.#options = options;
    const tell = (text: string, { message }: EngineError): void =>
      options.log.write('warn', `${text}: ${message}`, { jobId });
    this.#removals = new PersistentRemovals({
      clock: options.clock,
      failed: (what, error) =>
        tell(`files of a checkpoint cannot be removed just now from ${what}`, error),
      gaveUp: (what, error) =>
        tell(`files of a checkpoint could not be removed from ${what}, and stay`, error),
    });
    this.#begun = new BegunSavepoints({ fileSystems, jobId });
    this.#storage =
      directory === undefined
        ? undefined
        : new CheckpointStorage({ fileSystems, directory, jobId });
    this.#claims = new ClaimedFolders({ fileSystems, jobId, own: this.jobDirectory });
  }

  /** CheckpointingOfSlot.directory. */
  get jobDirectory(): string {
    return this.#storage?.jobDirectory ?? `jobmanager:/${this.#options.jobId}`;
  }

  /**
   * A job that starts hears at once of a folder that cannot be used. One that goes on has used it
   * before: a disk that is full just now costs checkpoints only.
   * @throws EngineError CHECKPOINT_DIRECTORY_UNUSABLE
   */
  async begin(): Promise<void> {
    if (this.#options.masters > 1) this.#isUsed = true;
    else await this.#initialize();
  }

  /**
   * Q4. What an earlier master has completed, oldest first.
   * @throws EngineError RESTORE_CHECKPOINT_UNUSABLE; others, if it may be there later
   */
  async recover(): Promise<readonly CompletedCheckpoint[]> {
    const stored = await this.#options.pointers.read();
    if (stored === undefined) return [];
    this.resume(stored);
    this.#damaged = [];
    const kept: CompletedCheckpoint[] = [];
    for (const pointer of stored.checkpoints) {
      const found = await this.#recoverOne(pointer, kept);
      if (found !== undefined) kept.push(found);
    }
    return kept;
  }

  /** After a master that has come to its end. */
  resume(stored: StoredCheckpoints): void {
    const { reservedId, firstId = 1, checkpoints, begun = [] } = stored;
    this.#isLater = true;
    this.#isUsed = true;
    this.#reservedId = reservedId;
    this.#firstId = firstId;
    this.#pointed = checkpoints;
    for (const location of begun) this.#begun.add(location);
    this.#claims.resume(stored);
  }

  /**
   * The first id that is free, after `recover`. Where it is not known, and need not be because
   * checkpoints are taken only when somebody asks, ids that are used are refused one by one.
   * @throws EngineError IO_*, S3_*
   */
  async firstFreeId(isPeriodic: boolean): Promise<number> {
    if (this.#isLater) return this.#reservedId + 1;
    try {
      const ids = (await this.#storage?.ids()) ?? [];
      this.#firstId = Math.max(0, ...ids) + 1;
    } catch (thrown) {
      if (isPeriodic) throw thrown;
      const { log, jobId } = this.#options;
      const text = 'it cannot be seen which checkpoints there are';
      log.write('warn', `${text}: ${toEngineError(thrown).message}`, { jobId });
    }
    return this.#firstId;
  }

  /** @throws EngineError SAVEPOINT_NOT_FOUND, CHECKPOINT_FILE_INVALID, FILE_SYSTEM_*, IO_* */
  async read({ path, claimMode }: RestoreSettings): Promise<CompletedCheckpoint> {
    const { metadata, location, size } = await readCheckpoint(this.#options.fileSystems, path);
    return { metadata, location, metadataBytes: size, isOurs: claimMode === 'CLAIM' };
  }

  /** Q2: the job goes on from it, and so does a later master. */
  async point(kept: readonly CompletedCheckpoint[], firstId: number): Promise<void> {
    const reservedId = Math.max(firstId - 1, this.#reservedId);
    if (this.#claims.noteFolders(kept)) await this.#write({ reservedId });
    await this.#claims.claim();
    this.#claims.note(kept);
    await this.#point(kept.flatMap(pointerOf), reservedId);
  }

  /** Removes what an earlier master has left behind, while no task runs. */
  async removeLeftovers(kept: readonly CompletedCheckpoint[]): Promise<void> {
    if (!this.#isLater) return;
    const leftovers = this.#leftoversBeside(kept);
    await this.#removals.removeNow(this.jobDirectory, leftovers);
    this.#claims.note(kept);
    await this.#removeLeaving(kept);
    await this.#removeBegunBefore();
  }

  /** Savepoints that were begun and are not complete, whatever master of the job has begun them. */
  async removeBegun(): Promise<void> {
    for (const location of this.#begun.locations ?? []) {
      await this.#removals.remove(location, () => this.#begun.remove(location));
    }
  }

  /** Q1. @returns the folder of its files */
  async prepare({ checkpointId, request }: PendingCheckpoint): Promise<string> {
    const isReserved = checkpointId <= this.#reservedId;
    const reservedId = isReserved ? this.#reservedId : checkpointId + RESERVED_IDS - 1;
    const { savepoint } = request;
    if (savepoint !== undefined) return this.#prepareSavepoint(savepoint.directory, reservedId);
    if (!isReserved) await this.#point(undefined, reservedId);
    if (this.#storage === undefined) return `${this.jobDirectory}/chk-${checkpointId}`;
    // Of a job that takes checkpoints only when somebody asks.
    await this.#initialize();
    const location = await this.#storage.freeLocation(checkpointId);
    await this.#makeFolder(location);
    return location;
  }

  /** Q2. `kept`: those that are kept with it. */
  async complete(
    pending: PendingCheckpoint,
    metadata: CheckpointMetadata,
    keptWith: (completed: CompletedCheckpoint) => readonly CompletedCheckpoint[],
  ): Promise<CompletedCheckpoint> {
    const { savepoint } = pending.request;
    const isInMemory = savepoint === undefined && this.#storage === undefined;
    const { fileSystems } = this.#options;
    const written = isInMemory
      ? undefined
      : await writeMetadata(fileSystems, pending.location, metadata);
    const completed: CompletedCheckpoint = {
      metadata,
      location: written?.location,
      metadataBytes: written?.size ?? 0,
      isOurs: savepoint === undefined,
    };
    if (savepoint !== undefined && savepoint.stop === undefined) {
      await this.#requireLeader();
      this.#begun.forget(pending.location);
      return completed;
    }
    this.#doubtful.push(pending);
    await this.#point(keptWith(completed).flatMap(pointerOf), this.#reservedId);
    this.#doubtful = this.#doubtful.filter((each) => each !== pending);
    this.#begun.forget(pending.location);
    await this.#discardDoubtful();
    return completed;
  }

  /** Q3. Everything that a checkpoint has left that was given up. */
  async discardPending(
    pending: PendingCheckpoint,
    unused: (handles: readonly StateHandle[]) => readonly StateHandle[],
  ): Promise<void> {
    await this.#removals.retry();
    if (this.#doubtful.includes(pending) || pending.location === '') return;
    const handles = [...pending.acknowledged.values()].flatMap(({ snapshot }) => [
      ...handlesOfTask(snapshot),
    ]);
    // What a complete savepoint names is there as long as its `_metadata` is.
    await this.#discardLocation(pending.location);
    await this.#discard(unused(handles));
  }

  async discardHandles(handles: readonly StateHandle[]): Promise<void> {
    await this.#removals.retry();
    await this.#discard(handles);
  }

  async discardLocation(location: string): Promise<void> {
    await this.#discardLocation(location);
  }

  /** Subsumed ones: no pointer leads to them. */
  async discard({ checkpoints, handles, inUse }: Discards): Promise<void> {
    await this.#removals.retry();
    const [own, others]: CompletedCheckpoint[][] = [[], []];
    for (const each of checkpoints) {
      if (each.location === undefined) continue;
      if (this.#isOwn(each.location)) own!.push(each);
      else others!.push(each);
    }
    for (const { location } of own!) await this.#discardLocation(location!);
    const claimed = { checkpoints: others!, handles, inUse };
    if (!this.#claims.concern(claimed)) return this.#discard(handles);
    const what = others![0]?.location ?? namesOf(handles);
    await this.#removals.remove(what, () => this.#claims.remove(claimed));
  }

  /** The job has ended; it is durable what becomes of its checkpoints when it has resolved. */
  async settle(atEnd: CheckpointsAtEnd): Promise<void> {
    if (this.#isLater || this.#reservedId > 0) await this.#write({ atEnd });
  }

  /** The job has ended, and these are kept: what tasks have left that were cancelled goes. */
  async tidyUp(kept: readonly CompletedCheckpoint[]): Promise<void> {
    await this.#removals.retry();
    await this.#discardDoubtful();
    await this.removeBegun();
    await this.#removals.remove(this.jobDirectory, this.#leftoversBeside(kept));
    this.#claims.note(kept);
    await this.#removeLeaving(kept);
    await this.#release(kept);
    await this.#removals.finish();
  }

  /** The job has ended, and nothing of it is kept. */
  async removeAll(): Promise<void> {
    await this.#removals.retry();
    await this.#discardDoubtful();
    await this.removeBegun();
    await this.#removeLeaving([]);
    await this.#release([]);
    if (this.#storage !== undefined && this.#isUsed) {
      await this.#removals.remove(this.jobDirectory, () =>
        this.#storage!.removeJobDirectory(this.#firstId),
      );
    }
    await this.#removals.finish();
  }

  /**
   * The job has ended, and nothing was decided on what is complete: only what it has begun goes.
   */
  async leaveUndecided(): Promise<void> {
    await this.#removeBegunBefore();
    if (this.#pointed.length === 0) await this.#release([]);
    if (this.#storage !== undefined) {
      const { fileSystems } = this.#options;
      await this.#removals.remove(this.jobDirectory, () =>
        removeEmptyJobFolder(fileSystems, this.jobDirectory),
      );
    }
    await this.#removals.finish();
  }

  /** Q5. */
  async #removeBegunBefore(): Promise<void> {
    if (this.#begun.locations !== undefined && (await this.#isLeader())) await this.removeBegun();
  }

  #leftoversBeside(kept: readonly CompletedCheckpoint[]): () => Promise<void> {
    const retained = kept.flatMap(({ metadata, location }) =>
      location === undefined ? [] : [{ metadata, location, uri: `${location}/_metadata`, size: 0 }],
    );
    const leftovers = { retained, firstId: this.#firstId, others: this.#damaged };
    return async () => void (await this.#storage?.removeLeftovers(leftovers));
  }

  /** Checkpoints that were claimed, and that an earlier master did not come to remove. */
  async #removeLeaving(kept: readonly CompletedCheckpoint[]): Promise<void> {
    for (const location of this.#claims.leaving(kept)) {
      await this.#removals.remove(location, () => this.#claims.removeLeaving(location, kept));
    }
  }

  /** The job has ended with these. */
  async #release(kept: readonly CompletedCheckpoint[]): Promise<void> {
    for (const folder of this.#claims.unusedBy(kept)) {
      await this.#removals.remove(folder, () => this.#claims.release(folder));
    }
  }

  /** Its folder is made when it is durable where that is. @returns its location */
  async #prepareSavepoint(directory: string, reservedId: number): Promise<string> {
    const location = await this.#begun.begin(directory);
    try {
      await this.#point(undefined, reservedId);
    } catch (thrown) {
      await this.#discardLocation(location);
      throw thrown;
    }
    await this.#makeFolder(location);
    return location;
  }

  /** It may be there although it could not be made durable: then nobody else would remove it. */
  async #makeFolder(location: string): Promise<void> {
    try {
      await this.#options.fileSystems.of(location).makeFolder(location);
    } catch (thrown) {
      await this.#discardLocation(location);
      throw thrown;
    }
  }

  /** Q5. */
  async #requireLeader(): Promise<void> {
    const { pointers, masters, jobId } = this.#options;
    const stored = await pointers.read();
    if (stored === undefined || stored.masters <= masters) return;
    throw new EngineError('HA_SUPERSEDED', { jobId });
  }

  /** Q5. From then on; false: it cannot be written just now. @throws EngineError HA_SUPERSEDED */
  async #isLeader(): Promise<boolean> {
    try {
      await this.#point(undefined, this.#reservedId);
      return true;
    } catch (thrown) {
      if (isEngineError(thrown, 'HA_SUPERSEDED')) throw thrown;
      const { jobId, log } = this.#options;
      const text = 'savepoints that an earlier JobManager has begun are not removed now';
      log.write('warn', `${text}: ${toEngineError(thrown).message}`, { jobId });
      return false;
    }
  }

  /** Q4. */
  async #recoverOne(
    { location, isOurs, checkpointId }: StoredPointer,
    older: readonly CompletedCheckpoint[],
  ): Promise<CompletedCheckpoint | undefined> {
    const { fileSystems, log, jobId } = this.#options;
    try {
      const { metadata, size } = await readCheckpoint(fileSystems, location);
      return { metadata, location, metadataBytes: size, isOurs };
    } catch (thrown) {
      const error = toEngineError(thrown);
      if (error.code === 'SAVEPOINT_NOT_FOUND') await this.#requireFolder(location, error);
      if (error.retry !== 'never') throw error;
      if (checkpointId !== this.#pointed.at(-1)!.checkpointId) {
        const text = `checkpoint ${checkpointId}, which is not the newest, cannot be used`;
        log.write('warn', `${text}: ${error.message}`, { jobId });
        this.#damaged.push(location);
        return undefined;
      }
      const paths = older.map((each) => each.location).join(', ');
      throw new EngineError(
        'RESTORE_CHECKPOINT_UNUSABLE',
        {
          ...{ location, reason: error.message },
          older:
            older.length === 0
              ? 'no older one is kept'
              : `or from an older one (${paths}), and what sinks have shown since comes twice`,
        },
        { cause: error },
      );
    }
  }

  /** A disk that is not mounted has no files, either. */
  async #requireFolder(location: string, cause: EngineError): Promise<void> {
    const folder = folderOfUri(location);
    if ((await this.#options.fileSystems.of(folder).stat(folder)) !== undefined) return;
    const reason = `${folder} does not exist: is its disk mounted?`;
    const parameters = { directory: folderOfUri(folder), reason };
    throw new EngineError('CHECKPOINT_DIRECTORY_UNUSABLE', parameters, { cause });
  }

  /** Makes its folders, once. @throws EngineError CHECKPOINT_DIRECTORY_UNUSABLE */
  async #initialize(): Promise<void> {
    if (this.#isInitialized) return;
    this.#isUsed = true;
    await this.#storage?.initialize();
    this.#isInitialized = true;
  }

  async #discardDoubtful(): Promise<void> {
    for (const pending of this.#doubtful.splice(0)) await this.#discardLocation(pending.location);
  }

  #isOwn(location: string): boolean {
    return this.#storage !== undefined && location.startsWith(`${this.jobDirectory}/chk-`);
  }

  async #discardLocation(location: string): Promise<void> {
    if (location.startsWith('jobmanager:')) return;
    const { fileSystems, jobId } = this.#options;
    const directory = location.slice(0, location.lastIndexOf('/'));
    const storage = this.#storage ?? new CheckpointStorage({ fileSystems, directory, jobId });
    await this.#removals.remove(location, async () => {
      await storage.discardLocation(location);
      this.#begun.forget(location);
    });
  }

  async #discard(handles: readonly StateHandle[]): Promise<void> {
    if (handles.every(({ kind }) => kind !== 'file')) return;
    await this.#removals.remove(namesOf(handles), () =>
      discardHandles(this.#options.fileSystems, handles),
    );
  }

  #point(checkpoints: readonly StoredPointer[] | undefined, reservedId: number): Promise<void> {
    return this.#write({ checkpoints, reservedId });
  }

  #write({ checkpoints, reservedId, atEnd }: PointersChange): Promise<void> {
    const { pointers, masters, directory, onCancel } = this.#options;
    const write = async (): Promise<void> => {
      const next = checkpoints ?? this.#pointed;
      const reserved = reservedId ?? this.#reservedId;
      await pointers.write({
        ...{ masters, reservedId: reserved, checkpoints: next },
        ...this.#claims.stored,
        ...{ directory, firstId: this.#firstId, begun: this.#begun.locations, onCancel, atEnd },
      });
      this.#pointed = next;
      this.#reservedId = reserved;
    };
    const written = this.#writes.then(write, write);
    this.#writes = written;
    return written;
  }
}

interface PointersChange {
  readonly checkpoints?: readonly StoredPointer[] | undefined;
  readonly reservedId?: number | undefined;
  readonly atEnd?: CheckpointsAtEnd | undefined;
}

function pointerOf({ metadata, location, isOurs }: CompletedCheckpoint): readonly StoredPointer[] {
  return location === undefined ? [] : [{ checkpointId: metadata.checkpointId, location, isOurs }];
}

function namesOf(handles: readonly StateHandle[]): string {
  const files = handles.flatMap((handle) => (handle.kind === 'file' ? [handle.uri] : []));
  return files.length === 1 ? files[0]! : `${files[0]} and ${files.length - 1} others`;
}

export function* handlesOfTask({
  operators,
  inputs,
  outputs,
}: TaskSnapshot): Generator<StateHandle> {
  for (const operator of operators) yield* handlesIn(operator);
  for (const { handle } of [...inputs, ...outputs]) yield handle;
}
