/**
 * Folders of other jobs that a job uses because it has claimed a checkpoint in one of them: of the
 * job that took it and, where that one had claimed a checkpoint itself, of those before it.
 *
 * M1. All of them are claimed before the job goes on from the checkpoint: whoever disposes of
 *     another checkpoint there sees that it is used.
 * M2. A claim is taken back as soon as nothing that this job has taken refers to the folder. The
 *     checkpoint that was claimed needs none when it is given back as it was.
 * M3. With the claimed checkpoint goes what its own job had claimed, unless it has left another
 *     one that refers to it.
 * M4. Which folders are claimed is durable beside the pointers before they are, and which
 *     checkpoints are until they are removed, with what nobody could tell then whose metadata is
 *     gone. One to which no pointer leads any more is removed by the next master.
 */
import { isEngineError } from '../base/errors.ts';
import type { CompletedCheckpoint, Discards } from '../checkpoint/completed-checkpoints.ts';
import type { StateHandle } from '../protocol/checkpoint.ts';
import type { StoredCheckpoints } from '../protocol/stored-checkpoints.ts';
import { handlesOf } from '../storage/checkpoint-metadata.ts';
import type { CheckpointMetadata } from '../storage/checkpoint-metadata.ts';
import {
  claimFolder,
  jobFolderOf,
  jobFolderOfFile,
  releaseClaimOfEnded,
  releaseFolder,
  removeBegun,
} from '../storage/ended-job-folder.ts';
import type { FileSystems } from '../storage/file-systems.ts';
import { folderOfUri, nameOfUri } from '../storage/file-uri.ts';
import { discardHandles, disposeCheckpoint, readCheckpoint } from '../storage/stored-checkpoint.ts';

type ClaimsStored = Pick<StoredCheckpoints, 'claims' | 'claimed'>;

export interface ClaimedFoldersOptions {
  readonly jobId: string;
  readonly fileSystems: FileSystems;
  /** Of this job. */
  readonly own: string;
}

export class ClaimedFolders {
  readonly #options: ClaimedFoldersOptions;
  /** M4. */
  readonly #folders = new Set<string>();
  /** M4. By location, until they are removed; with files that are not in the folder of a job. */
  readonly #claimed = new Map<string, readonly string[]>();

  constructor(options: ClaimedFoldersOptions) {
    this.#options = options;
  }

  /** M4. What an earlier master had. */
  resume({ claims = [], claimed = [] }: ClaimsStored): void {
    for (const folder of claims) this.#folders.add(folder);
    for (const { location, files } of claimed) this.#claimed.set(location, files);
  }

  /** M4. To be durable with the pointers. */
  get stored(): ClaimsStored {
    const claims = [...this.#folders];
    const claimed = [...this.#claimed].map(([location, files]) => ({ location, files }));
    return {
      claims: claims.length === 0 ? undefined : claims,
      claimed: claimed.length === 0 ? undefined : claimed,
    };
  }

  /** M1, M4. To be made durable, and claimed then. @returns whether there is any */
  noteFolders(kept: readonly CompletedCheckpoint[]): boolean {
    for (const folder of this.#usedBy(kept)) this.#folders.add(folder);
    return this.#folders.size > 0;
  }

  /** M4. The pointers lead to these, or are about to. */
  note(kept: readonly CompletedCheckpoint[]): void {
    this.noteFolders(kept);
    for (const { metadata, location = '', isOurs } of kept) {
      if (!isOurs || location === '' || location.startsWith(`${this.#options.own}/`)) continue;
      const folder = claimedAt(location)?.folder;
      const elsewhere = (uri: string): boolean => !uri.startsWith(`${folder}/`);
      const files = folder === undefined ? filesOf(metadata) : filesOf(metadata).filter(elsewhere);
      this.#claimed.set(location, files);
    }
  }

  /** M1. @throws EngineError IO_*, S3_* */
  async claim(): Promise<void> {
    const { fileSystems, jobId } = this.#options;
    for (const folder of this.#folders) await claimFolder(fileSystems, folder, jobId);
  }

  /**
   * Checkpoints of others, to which no pointer leads any more, and shared files of them. May be
   * called again after it has failed, and later.
   * @throws EngineError CHECKPOINT_*, IO_*, S3_*
   */
  async remove({ checkpoints, handles, inUse }: Discards): Promise<void> {
    const { fileSystems } = this.#options;
    for (const { location } of checkpoints) await this.#dispose(location!);
    await discardHandles(fileSystems, handles);
    await this.#leaveFormer(checkpoints);
    const folders = this.#touchedBy(handles);
    for (const { location } of checkpoints) {
      const claimed = claimedAt(location!);
      if (claimed !== undefined) folders.add(claimed.folder);
      if (claimed !== undefined) await this.#removeBegun(claimed, inUse);
    }
    folders.delete(this.#options.own);
    for (const folder of folders) await this.#leave(folder, inUse);
    for (const { location } of checkpoints) this.#claimed.delete(location!);
  }

  /** M4. What an earlier master had still to remove. */
  leaving(kept: readonly CompletedCheckpoint[]): readonly string[] {
    return [...this.#claimed.keys()].filter((each) =>
      kept.every(({ location }) => location !== each),
    );
  }

  /** M4. @param kept to which the job refers @throws EngineError CHECKPOINT_*, IO_*, S3_* */
  async removeLeaving(location: string, kept: readonly CompletedCheckpoint[]): Promise<void> {
    const inUse = new Set(kept.flatMap(({ metadata }) => filesOf(metadata)));
    const found = await this.#find(location);
    if (found !== undefined) {
      const handles = [...handlesOf(found.metadata)].filter(
        (handle) => handle.kind === 'file' && handle.shared && !inUse.has(handle.uri),
      );
      await this.remove({ checkpoints: [found], handles, inUse });
      return;
    }
    await this.#removeRest(location, inUse);
    this.#claimed.delete(location);
  }

  /** M4. Its metadata is gone. */
  async #removeRest(location: string, inUse: ReadonlySet<string>): Promise<void> {
    const { fileSystems, own } = this.#options;
    for (const uri of this.#claimed.get(location) ?? []) {
      if (!inUse.has(uri)) await fileSystems.of(uri).removeFiles([uri]);
    }
    const claimed = claimedAt(location);
    if (claimed === undefined) {
      const files = fileSystems.of(location);
      const isEmpty = (await files.list(location)).length === 0;
      if (isEmpty) await files.remove(location, { recursive: true });
      return;
    }
    if (claimed.folder === own) return;
    await this.#removeBegun(claimed, inUse);
    const former = claimed.folder;
    for (const folder of this.#folders) {
      const ended = { jobId: nameOfUri(former), former };
      if (folder !== former) await releaseClaimOfEnded(fileSystems, folder, ended);
    }
    for (const folder of this.#folders) await this.#leave(folder, inUse);
  }

  /** M2. The job has ended, and these stay. */
  unusedBy(kept: readonly CompletedCheckpoint[]): readonly string[] {
    const { jobId } = this.#options;
    const used = this.#usedBy(kept.filter(({ metadata }) => metadata.jobId === jobId));
    return [...this.#folders].filter((folder) => !used.has(folder));
  }

  /** @throws EngineError IO_*, S3_* */
  async release(folder: string): Promise<void> {
    const { fileSystems, jobId } = this.#options;
    await releaseFolder(fileSystems, folder, jobId);
    this.#folders.delete(folder);
  }

  /** Whether somebody who removes these touches what is not this job's. */
  concern({ checkpoints, handles }: Omit<Discards, 'inUse'>): boolean {
    return checkpoints.length > 0 || this.#touchedBy(handles).size > 0;
  }

  /** Those in which something is removed, and that may be of no use any more. */
  #touchedBy(handles: readonly StateHandle[]): Set<string> {
    const folders = new Set<string>();
    for (const handle of handles) {
      const folder = handle.kind === 'file' ? jobFolderOfFile(handle.uri) : undefined;
      if (folder !== undefined) folders.add(folder);
    }
    folders.delete(this.#options.own);
    return folders;
  }

  /** M3. */
  async #leaveFormer(gone: readonly CompletedCheckpoint[]): Promise<void> {
    const { fileSystems, own } = this.#options;
    for (const checkpoint of gone) {
      const { jobId } = checkpoint.metadata;
      const former = jobFolderOf(jobId, checkpoint.location ?? '');
      if (former === undefined || former === own) continue;
      for (const folder of this.#usedBy([checkpoint])) {
        if (folder !== former) await releaseClaimOfEnded(fileSystems, folder, { jobId, former });
      }
    }
  }

  /** What the job that was claimed had begun when it was killed. */
  async #removeBegun({ folder, id }: Claimed, inUse: ReadonlySet<string>): Promise<void> {
    const { fileSystems, jobId } = this.#options;
    await removeBegun(fileSystems, folder, { jobId, claimed: id, inUse });
  }

  /** M2. The folder goes with the last of it. */
  async #leave(folder: string, inUse: ReadonlySet<string>): Promise<void> {
    if ([...inUse].some((uri) => uri.startsWith(`${folder}/`))) return;
    await this.release(folder);
  }

  /** What is gone was removed before, unless its disk is not there. */
  async #dispose(location: string): Promise<void> {
    const { fileSystems } = this.#options;
    try {
      await disposeCheckpoint(fileSystems, location);
    } catch (thrown) {
      if (!isEngineError(thrown, 'SAVEPOINT_NOT_FOUND')) throw thrown;
      const files = fileSystems.of(location);
      const place = folderOfUri(claimedAt(location)?.folder ?? location);
      if (files.scheme === 'file' && (await files.stat(place)) === undefined) throw thrown;
    }
  }

  async #find(location: string): Promise<CompletedCheckpoint | undefined> {
    try {
      const { metadata, size } = await readCheckpoint(this.#options.fileSystems, location);
      return { metadata, location, metadataBytes: size, isOurs: true };
    } catch (thrown) {
      if (!isEngineError(thrown, 'SAVEPOINT_NOT_FOUND')) throw thrown;
      await this.#dispose(location);
      return undefined;
    }
  }

  #usedBy(kept: readonly CompletedCheckpoint[]): ReadonlySet<string> {
    const folders = new Set<string>();
    for (const { metadata, location = '', isOurs } of kept) {
      if (!isOurs) continue;
      const files = [...handlesOf(metadata)].flatMap((handle) =>
        handle.kind === 'file' && handle.shared ? [jobFolderOfFile(handle.uri)] : [],
      );
      for (const folder of [jobFolderOf(metadata.jobId, location), ...files]) {
        if (folder !== undefined) folders.add(folder);
      }
    }
    folders.delete(this.#options.own);
    return folders;
  }
}

interface Claimed {
  readonly folder: string;
  readonly id: number;
}

/** Undefined: a savepoint. */
function claimedAt(location: string): Claimed | undefined {
  const id = Number(/^chk-(\d+)$/.exec(nameOfUri(location))?.[1] ?? 0);
  return id > 0 ? { folder: folderOfUri(location), id } : undefined;
}

function filesOf(metadata: CheckpointMetadata): readonly string[] {
  return [...handlesOf(metadata)].flatMap((handle) => (handle.kind === 'file' ? [handle.uri] : []));
}
