/**
 * Savepoints of a job that were begun and are not known to be complete. They lie where their users
 * have said, and nobody would find them when the master is lost that has begun them: so where is
 * durable beside the pointers to checkpoints, before anything is put there.
 *
 * N1. A savepoint is named here before its folder is made, and until it is complete or its folder
 *     was removed. A place that is not there may be on a disk that is not: it is named on.
 * N2. One that is complete is its user's, who may have been told of it: it is never removed, even
 *     if it is named here still.
 * N3. Who removes what an earlier master has begun has excluded that master before: one that finds
 *     its savepoint complete later does not tell anybody of it.
 */
import { EngineError } from '../base/errors.ts';
import type { FileSystems } from '../storage/file-systems.ts';
import { folderOfUri, joinUri } from '../storage/file-uri.ts';
import { CheckpointStorage } from '../storage/checkpoint-storage.ts';
import { METADATA_FILE } from '../storage/stored-checkpoint.ts';

export interface BegunSavepointsOptions {
  readonly jobId: string;
  readonly fileSystems: FileSystems;
}

export class BegunSavepoints {
  readonly #options: BegunSavepointsOptions;
  readonly #locations = new Set<string>();

  constructor(options: BegunSavepointsOptions) {
    this.#options = options;
  }

  /** Undefined: there are none. */
  get locations(): readonly string[] | undefined {
    return this.#locations.size === 0 ? undefined : [...this.#locations];
  }

  /** N1. @returns where it is to lie; nothing is there yet */
  async begin(directory: string): Promise<string> {
    const location = await this.#storageOf(directory).savepointLocation(directory);
    this.#locations.add(location);
    return location;
  }

  /** N1. One that is begun, whoever has begun it. */
  add(location: string): void {
    this.#locations.add(location);
  }

  /** It is complete, or gone. */
  forget(location: string): void {
    this.#locations.delete(location);
  }

  /**
   * N1, N2. May be called again after it has failed, and while others are under way.
   * @throws EngineError CHECKPOINT_DIRECTORY_UNUSABLE, FILE_SYSTEM_*, IO_*, S3_*
   */
  async remove(location: string): Promise<void> {
    if (!this.#locations.has(location)) return;
    const files = this.#options.fileSystems.of(location);
    if ((await files.stat(joinUri(location, METADATA_FILE))) !== undefined) {
      this.#locations.delete(location);
      return;
    }
    const isThere = (await files.stat(location)) !== undefined;
    const directory = folderOfUri(location);
    // What is being written there has no folder that can be seen, in a store of objects.
    await this.#storageOf(directory).discardLocation(location);
    if (isThere || files.scheme !== 'file') this.#locations.delete(location);
    else if ((await files.stat(directory)) === undefined) {
      const reason = 'it does not exist: is its disk mounted?';
      throw new EngineError('CHECKPOINT_DIRECTORY_UNUSABLE', { directory, reason });
    }
  }

  #storageOf(directory: string): CheckpointStorage {
    return new CheckpointStorage({ ...this.#options, directory });
  }
}
