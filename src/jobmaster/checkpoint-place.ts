/**
 * Where the master of a job keeps its checkpoints: files of the checkpoint directory or, without
 * one, its own memory; and which of them are complete, in what outlives the master.
 *
 * Q1. Ids are reserved before they are used, so that no later master uses one of them again.
 * Q2. The pointer to a checkpoint is durable before the checkpoint is complete, and is gone before
 *     anything of the checkpoint is removed.
 * Q3. What may be pointed to, because it is not known whether a pointer was written, is not removed
 *     before a later pointer is.
 */
import type { Log } from '../env/env.ts';
import { isEngineError, toEngineError } from '../base/errors.ts';
import type { CompletedCheckpoint, Discards } from '../checkpoint/completed-checkpoints.ts';
import type { PendingCheckpoint } from '../checkpoint/coordinator-state.ts';
import type { RestoreSettings, StateHandle, TaskSnapshot } from '../protocol/checkpoint.ts';
import type { CheckpointPointers, StoredPointer } from '../protocol/stored-checkpoints.ts';
import { handlesIn } from '../storage/checkpoint-metadata.ts';
import type { CheckpointMetadata } from '../storage/checkpoint-metadata.ts';
import { CheckpointStorage } from '../storage/checkpoint-storage.ts';
import type { FileSystems } from '../storage/file-systems.ts';
import {
  discardHandles,
  disposeSavepoint,
  readCheckpoint,
  writeMetadata,
} from '../storage/stored-checkpoint.ts';

/** Ids that are reserved at a time. */
const RESERVED_IDS = 16;

export interface CheckpointPlaceOptions {
  readonly jobId: string;
  readonly fileSystems: FileSystems;
  /** Undefined: in memory. */
  readonly directory: string | undefined;
  readonly pointers: CheckpointPointers;
  /** How many masters have had the job, this one included. */
  readonly masters: number;
  readonly log: Log;
}

export class CheckpointPlace {
  readonly #options: CheckpointPlaceOptions;
  readonly #storage: CheckpointStorage | undefined;
  #isInitialized = false;
  /** This master, or one before it, has put something into the folder of the job. */
  #isUsed = false;
  #reservedId = 0;
  #pointed: readonly StoredPointer[] = [];
  /** Q3. */
  #doubtful: PendingCheckpoint[] = [];
  /** Changes of the pointers, one after another. */
  #writes: Promise<unknown> = Promise.resolve();

  constructor(options: CheckpointPlaceOptions) {
    const { fileSystems, directory, jobId } = options;
    this.#options = options;
    this.#storage =
      directory === undefined
        ? undefined
        : new CheckpointStorage({ fileSystems, directory, jobId });
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

  /** What an earlier master has completed, oldest first, and the first id that is free. */
  async recover(): Promise<{
    readonly kept: readonly CompletedCheckpoint[];
    readonly firstId: number;
  }> {
    const stored = await this.#options.pointers.read();
    if (stored === undefined) return { kept: [], firstId: 1 };
    this.#isUsed = true;
    this.#reservedId = stored.reservedId;
    this.#pointed = stored.checkpoints;
    const kept: CompletedCheckpoint[] = [];
    for (const { location, isOurs } of stored.checkpoints) {
      const { metadata, size } = await readCheckpoint(this.#options.fileSystems, location);
      kept.push({ metadata, location, metadataBytes: size, isOurs });
    }
    return { kept, firstId: stored.reservedId + 1 };
  }

  /** @throws EngineError SAVEPOINT_NOT_FOUND, CHECKPOINT_FILE_INVALID, FILE_SYSTEM_*, IO_* */
  async read({ path, claimMode }: RestoreSettings): Promise<CompletedCheckpoint> {
    const { metadata, location, size } = await readCheckpoint(this.#options.fileSystems, path);
    return { metadata, location, metadataBytes: size, isOurs: claimMode === 'CLAIM' };
  }

  /** Q2: the job goes on from it, and so does a later master. */
  async point(kept: readonly CompletedCheckpoint[], firstId: number): Promise<void> {
    await this.#point(kept.flatMap(pointerOf), Math.max(firstId - 1, this.#reservedId));
  }

  /** Removes what an earlier master has left behind, while no task runs. */
  async removeLeftovers(kept: readonly CompletedCheckpoint[]): Promise<void> {
    await this.#tried(this.jobDirectory, () => this.#removeLeftovers(kept));
  }

  async #removeLeftovers(kept: readonly CompletedCheckpoint[]): Promise<void> {
    const stored = kept.flatMap(({ metadata, location }) =>
      location === undefined ? [] : [{ metadata, location, uri: `${location}/_metadata`, size: 0 }],
    );
    await this.#storage?.removeLeftovers(stored);
  }

  /** Q1. @returns the folder of its files */
  async prepare({ checkpointId, request }: PendingCheckpoint): Promise<string> {
    if (checkpointId > this.#reservedId) {
      await this.#point(undefined, checkpointId + RESERVED_IDS - 1);
    }
    const { savepoint } = request;
    if (savepoint !== undefined) {
      const { fileSystems, jobId } = this.#options;
      const { directory } = savepoint;
      const place = new CheckpointStorage({ fileSystems, directory, jobId });
      return place.savepointLocation(directory);
    }
    if (this.#storage === undefined) return `${this.jobDirectory}/chk-${checkpointId}`;
    // Of a job that takes checkpoints only when somebody asks.
    await this.#initialize();
    return this.#storage.prepareLocation(checkpointId);
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
    if (savepoint !== undefined && savepoint.stop === undefined) return completed;
    this.#doubtful.push(pending);
    await this.#point(keptWith(completed).flatMap(pointerOf), this.#reservedId);
    this.#doubtful = this.#doubtful.filter((each) => each !== pending);
    await this.#discardDoubtful();
    return completed;
  }

  /** Q3. Everything that a checkpoint has left that was given up. */
  async discardPending(
    pending: PendingCheckpoint,
    unused: (handles: readonly StateHandle[]) => readonly StateHandle[],
  ): Promise<void> {
    if (this.#doubtful.includes(pending) || pending.location === '') return;
    const handles = [...pending.acknowledged.values()].flatMap(({ snapshot }) => [
      ...handlesOfTask(snapshot),
    ]);
    await this.#discard(unused(handles));
    await this.#discardLocation(pending.location);
  }

  async discardHandles(handles: readonly StateHandle[]): Promise<void> {
    await this.#discard(handles);
  }

  async discardLocation(location: string): Promise<void> {
    await this.#discardLocation(location);
  }

  /** Subsumed ones: no pointer leads to them. */
  async discard({ checkpoints, handles }: Discards): Promise<void> {
    for (const { location } of checkpoints) {
      if (location === undefined) continue;
      await this.#tried(location, async () => {
        if (this.#isOwn(location)) await this.#storage!.discardLocation(location);
        else await disposeSavepoint(this.#options.fileSystems, location);
      });
    }
    await this.#discard(handles);
  }

  /** The job has ended, and these are kept: what tasks have left that were cancelled goes. */
  async tidyUp(kept: readonly CompletedCheckpoint[]): Promise<void> {
    await this.#discardDoubtful();
    await this.removeLeftovers(kept);
  }

  /** The job has ended, and nothing of it is kept. */
  async removeAll(): Promise<void> {
    await this.#discardDoubtful();
    if (this.#storage === undefined || !this.#isUsed) return;
    await this.#tried(this.jobDirectory, () => this.#storage!.removeJobDirectory());
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
    await this.#tried(location, () => storage.discardLocation(location));
  }

  async #discard(handles: readonly StateHandle[]): Promise<void> {
    if (handles.length === 0) return;
    await this.#tried(this.jobDirectory, () => discardHandles(this.#options.fileSystems, handles));
  }

  /** What cannot be removed is told, and harms nobody. */
  async #tried(what: string, remove: () => Promise<void>): Promise<void> {
    try {
      await remove();
    } catch (thrown) {
      if (isEngineError(thrown, 'IO_NOT_FOUND')) return;
      const { jobId, log } = this.#options;
      const { message } = toEngineError(thrown);
      log.write('warn', `files of a checkpoint could not be removed from ${what}: ${message}`, {
        jobId,
      });
    }
  }

  #point(checkpoints: readonly StoredPointer[] | undefined, reservedId: number): Promise<void> {
    const { pointers, masters } = this.#options;
    const write = async (): Promise<void> => {
      const next = checkpoints ?? this.#pointed;
      await pointers.write({ masters, reservedId, checkpoints: next });
      this.#pointed = next;
      this.#reservedId = reservedId;
    };
    const written = this.#writes.then(write, write);
    this.#writes = written;
    return written;
  }
}

function pointerOf({ metadata, location, isOurs }: CompletedCheckpoint): readonly StoredPointer[] {
  return location === undefined ? [] : [{ checkpointId: metadata.checkpointId, location, isOurs }];
}

export function* handlesOfTask({
  operators,
  inputs,
  outputs,
}: TaskSnapshot): Generator<StateHandle> {
  for (const operator of operators) yield* handlesIn(operator);
  for (const { handle } of [...inputs, ...outputs]) yield handle;
}
