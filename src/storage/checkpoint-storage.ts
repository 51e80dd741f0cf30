/**
 * Where the master of a job keeps its checkpoints, as Flink lays them out:
 *
 *   <directory>/<job id>/chk-<n>/_metadata   written last, whole or not at all
 *   <directory>/<job id>/chk-<n>/<name>      state of this checkpoint alone
 *   <directory>/<job id>/shared/<name>       state that later checkpoints may refer to
 *   <any>/savepoint-<job id>-<random>/       the same for a savepoint, which needs nothing else
 *
 * Invariants
 * S1. A checkpoint is there when its `_metadata` is; it is written after all it names, and removed
 *     before anything of that.
 * S2. What is removed is what a checkpoint of Millrace owns: nothing beside it, whatever the path.
 * S3. What is read is exactly what was written, or the error names the file.
 * S4. A job of an earlier cluster may have had the id and left checkpoints, which are the user's
 *     now: their folders are not written into, and they and what they refer to are not removed.
 */
import { EngineError, isEngineError, messageOf } from '../base/errors.ts';
import type { StateHandle } from '../protocol/checkpoint.ts';
import { handlesOf, type CheckpointMetadata } from './checkpoint-metadata.ts';
import { CHECKPOINT_PREFIX, SHARED_FOLDER } from './checkpoint-streams.ts';
import type { FileSystem } from './file-system.ts';
import type { FileSystems } from './file-systems.ts';
import { folderOfUri, joinUri, nameOfUri } from './file-uri.ts';
import {
  discardHandles,
  METADATA_FILE,
  PROBE_PREFIX,
  readCheckpoint,
  readFile,
  removeEmptyJobFolder,
  writeMetadata,
  type StoredCheckpoint,
  type StoredMetadata,
} from './stored-checkpoint.ts';

const PROBE = new TextEncoder().encode('Can this folder keep checkpoints?');
/** Ids become names of folders. */
const ID = /^[0-9A-Za-z][0-9A-Za-z_-]{0,99}$/;

export interface CheckpointStorageOptions {
  readonly fileSystems: FileSystems;
  /** `execution.checkpointing.dir`. */
  readonly directory: string;
  readonly jobId: string;
}

/** What is to stay where files of killed processes are removed. */
export interface Leftovers {
  readonly retained: readonly StoredCheckpoint[];
  /** S4. The first id that this job has used. */
  readonly firstId?: number | undefined;
  /** Folders that are left alone besides. */
  readonly others?: readonly string[] | undefined;
}

export class CheckpointStorage {
  /** `<directory>/<job id>`, absolute: CheckpointingOfSlot.directory. */
  readonly jobDirectory: string;
  readonly #fileSystems: FileSystems;
  readonly #files: FileSystem;
  readonly #directory: string;
  readonly #jobId: string;

  /** @throws EngineError FILE_SYSTEM_* */
  constructor({ fileSystems, directory, jobId }: CheckpointStorageOptions) {
    if (!ID.test(jobId)) {
      const reason = `${JSON.stringify(jobId)} is no id of a job`;
      throw new EngineError('API_INVALID_ARGUMENT', { call: 'CheckpointStorage', reason });
    }
    this.#fileSystems = fileSystems;
    this.#files = fileSystems.of(directory);
    this.#directory = this.#files.resolve(directory);
    this.#jobId = jobId;
    this.jobDirectory = joinUri(this.#directory, jobId);
  }

  /**
   * Makes the folders, and tries whether what is written there can be read and removed again.
   * @throws EngineError CHECKPOINT_DIRECTORY_UNUSABLE with the reason
   */
  async initialize(): Promise<void> {
    try {
      await this.#files.makeFolder(joinUri(this.jobDirectory, SHARED_FOLDER));
      await this.#probe(
        joinUri(this.jobDirectory, `${PROBE_PREFIX}${this.#fileSystems.uniqueName(4)}`),
      );
    } catch (cause) {
      const parameters = { directory: this.#directory, reason: messageOf(cause) };
      throw new EngineError('CHECKPOINT_DIRECTORY_UNUSABLE', parameters, { cause });
    }
  }

  locationOf(checkpointId: number): string {
    return joinUri(this.jobDirectory, `${CHECKPOINT_PREFIX}${checkpointId}`);
  }

  /** S4. Of a checkpoint that has nothing there yet. @throws EngineError IO_EXISTS */
  async freeLocation(checkpointId: number): Promise<string> {
    const location = this.locationOf(checkpointId);
    if ((await this.#files.stat(location)) !== undefined) {
      throw new EngineError('IO_EXISTS', { path: location });
    }
    return location;
  }

  /** Makes the folder of a checkpoint; tasks write into folders that are there, and no others. */
  async prepareLocation(checkpointId: number): Promise<string> {
    const location = await this.freeLocation(checkpointId);
    await this.#files.makeFolder(location);
    return location;
  }

  /** Where a new savepoint is to lie, as Flink names it; the folder is not made. */
  async savepointLocation(directory: string): Promise<string> {
    const files = this.#fileSystems.of(directory);
    for (;;) {
      const name = `savepoint-${this.#jobId.slice(0, 6)}-${this.#fileSystems.uniqueName(6)}`;
      const location = joinUri(files.resolve(directory), name);
      if ((await files.stat(location)) === undefined) return location;
    }
  }

  /**
   * S1. Its `location` is the external pointer.
   * @throws EngineError IO_EXISTS if there is one already: ids are never used twice
   */
  writeMetadata(location: string, metadata: CheckpointMetadata): Promise<StoredMetadata> {
    return writeMetadata(this.#fileSystems, location, metadata);
  }

  /** @see readCheckpoint */
  readMetadata(pointer: string): Promise<StoredCheckpoint> {
    return readCheckpoint(this.#fileSystems, pointer);
  }

  /**
   * S1, S2. What belongs to one checkpoint, or to an attempt at one, alone; its location must be of
   * this storage.
   */
  async discardLocation(location: string): Promise<void> {
    const files = this.#fileSystems.of(location);
    const isOurs =
      folderOfUri(location) === this.jobDirectory && /^chk-\d+$/.test(nameOfUri(location));
    const isSavepoint = /^savepoint-[0-9A-Za-z]+-[0-9a-f]+$/.test(nameOfUri(location));
    if (!isOurs && !isSavepoint) {
      const reason = `${location} is no location of a checkpoint of job ${this.#jobId}`;
      throw new EngineError('API_INVALID_ARGUMENT', { call: 'discardLocation', reason });
    }
    await files.remove(joinUri(location, METADATA_FILE));
    await files.remove(location, { recursive: true });
  }

  /** Removes files that tasks have written and nobody refers to. */
  async discardHandles(handles: Iterable<StateHandle>): Promise<void> {
    await discardHandles(this.#fileSystems, handles);
  }

  /** The ids of the checkpoints, and of attempts at one, that have a folder. */
  async ids(): Promise<readonly number[]> {
    return (await this.#checkpointFolders()).map(({ id }) => id);
  }

  /**
   * Removes what no retained checkpoint refers to, left by processes that were killed: folders of
   * checkpoints without or before `_metadata`, files of the shared folder, probes. Only to be
   * called while no task of the job runs.
   */
  async removeLeftovers(leftovers: Leftovers): Promise<readonly string[]> {
    const { retained, others = [], firstId = 1 } = leftovers;
    const kept = new Set(retained.map(({ location }) => location));
    const files = new Set(retained.flatMap(({ metadata }) => filesOf(metadata)));
    const folders = (await this.#checkpointFolders()).filter(({ uri }) => !kept.has(uri));
    const isOther = ({ id, uri }: { readonly id: number; readonly uri: string }): boolean =>
      id < firstId || others.includes(uri);
    let areKnown = true;
    for (const { uri } of folders.filter(isOther)) {
      const found = await this.#filesOfOther(uri);
      areKnown &&= found !== undefined;
      for (const file of found ?? []) files.add(file);
    }
    await this.#removeProbes();
    const removed: string[] = [];
    for (const folder of folders) {
      const { uri } = folder;
      if (isOther(folder)) continue;
      // State of others may be in it: a savepoint's, or of a checkpoint that was claimed.
      if ([...files].some((file) => file.startsWith(`${uri}/`))) continue;
      await this.discardLocation(uri);
      removed.push(uri);
    }
    // S4: whose the files are that a damaged checkpoint of others refers to is not known.
    if (!areKnown) return removed;
    const shared = joinUri(this.jobDirectory, SHARED_FOLDER);
    const unused = (await this.#files.list(shared)).flatMap(({ uri, kind }) =>
      kind === 'file' && !files.has(uri) ? [uri] : [],
    );
    await this.#files.removeFiles(unused);
    await this.#files.removeIncomplete(shared);
    return [...removed, ...unused];
  }

  /**
   * S4. Removes the folder of the job, when nothing of this job in it is kept.
   * @param firstId of the checkpoints of this job; those before belong to an earlier job of its id
   */
  async removeJobDirectory(firstId: number): Promise<void> {
    const entries = await this.#files.list(this.jobDirectory);
    const isOurs = ({ name }: { readonly name: string }): boolean =>
      name === SHARED_FOLDER || name.startsWith(PROBE_PREFIX) || idOfFolder(name) >= firstId;
    if (entries.every(isOurs)) {
      await this.#files.remove(this.jobDirectory, { recursive: true });
      return;
    }
    await this.removeLeftovers({ retained: [], firstId });
    await removeEmptyJobFolder(this.#fileSystems, this.jobDirectory);
  }

  /** Also one that was being written. */
  async #removeProbes(): Promise<void> {
    const isProbe = (name: string): boolean => name.startsWith(PROBE_PREFIX);
    const entries = await this.#files.list(this.jobDirectory);
    const probes = entries.filter(({ name }) => isProbe(name));
    if (probes.length > 0) await this.#files.removeFiles(probes.map(({ uri }) => uri));
    await this.#files.removeIncomplete(this.jobDirectory, { of: isProbe });
  }

  async #checkpointFolders(): Promise<readonly { readonly uri: string; readonly id: number }[]> {
    return (await this.#files.list(this.jobDirectory)).flatMap(({ uri, name, kind }) =>
      kind === 'folder' && idOfFolder(name) > 0 ? [{ uri, id: idOfFolder(name) }] : [],
    );
  }

  /** Undefined: it cannot be read, and what it refers to is not known. */
  async #filesOfOther(location: string): Promise<readonly string[] | undefined> {
    try {
      return filesOf((await readCheckpoint(this.#fileSystems, location)).metadata);
    } catch (error) {
      if (isEngineError(error, 'SAVEPOINT_NOT_FOUND')) return [];
      if (isEngineError(error, 'CHECKPOINT_FILE_INVALID')) return undefined;
      throw error;
    }
  }

  async #probe(uri: string): Promise<void> {
    const failed = (reason: string): EngineError =>
      new EngineError('IO_FAILED', { operation: 'use', path: uri, reason });
    await this.#files.writeIf(uri, PROBE, 'absent');
    try {
      if (await this.#files.writeIf(uri, PROBE, 'absent')) {
        throw failed(
          'it writes over what is there although it must not; it may be too old a store',
        );
      }
      const found = await readFile(this.#files, uri);
      if (Buffer.compare(found, PROBE) !== 0) {
        throw failed('it was written just now, and holds something else');
      }
    } finally {
      await this.#files.remove(uri);
    }
  }
}

/** 0: it is no folder of a checkpoint. */
function idOfFolder(name: string): number {
  return Number(/^chk-(\d+)$/.exec(name)?.[1] ?? 0);
}

function filesOf(metadata: CheckpointMetadata): readonly string[] {
  return [...handlesOf(metadata)].flatMap((handle) => (handle.kind === 'file' ? [handle.uri] : []));
}
