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
 */
import type { CompletedCheckpoint, Discards } from '../checkpoint/completed-checkpoints.ts';
import { handlesOf } from '../storage/checkpoint-metadata.ts';
import {
  claimFolder,
  jobFolderOf,
  jobFolderOfFile,
  releaseClaimOfEnded,
  releaseFolder,
  removeBegun,
} from '../storage/ended-job-folder.ts';
import type { FileSystems } from '../storage/file-systems.ts';
import { folderOfUri } from '../storage/file-uri.ts';

export interface ClaimedFoldersOptions {
  readonly jobId: string;
  readonly fileSystems: FileSystems;
  /** Of this job. */
  readonly own: string;
}

export class ClaimedFolders {
  readonly #options: ClaimedFoldersOptions;

  constructor(options: ClaimedFoldersOptions) {
    this.#options = options;
  }

  /** M1. @throws EngineError IO_*, S3_* */
  async claim(kept: readonly CompletedCheckpoint[]): Promise<void> {
    const { fileSystems, jobId } = this.#options;
    for (const folder of this.#usedBy(kept)) await claimFolder(fileSystems, folder, jobId);
  }

  /** Those in which something is removed, and that may be of no use any more. */
  touchedBy({ checkpoints, handles }: Omit<Discards, 'inUse'>): ReadonlySet<string> {
    const folders = new Set<string>();
    for (const { metadata, location = '' } of checkpoints) {
      const folder = jobFolderOf(metadata.jobId, location);
      if (folder !== undefined) folders.add(folder);
    }
    for (const handle of handles) {
      const folder = handle.kind === 'file' ? jobFolderOfFile(handle.uri) : undefined;
      if (folder !== undefined) folders.add(folder);
    }
    folders.delete(this.#options.own);
    return folders;
  }

  /** M3. What the jobs of these had claimed themselves. @throws EngineError IO_*, S3_* */
  async leaveFormer(gone: readonly CompletedCheckpoint[]): Promise<void> {
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

  /**
   * M2. Takes with it what the job that was claimed had begun, and the folder with the last of it.
   * @param gone the checkpoints that go just now
   * @param inUse files to which those that stay refer
   * @throws EngineError IO_*, S3_*
   */
  async leave(
    folder: string,
    gone: readonly CompletedCheckpoint[],
    inUse: ReadonlySet<string>,
  ): Promise<void> {
    const { fileSystems, jobId } = this.#options;
    const claimed = gone.find(({ location = '' }) => folderOfUri(location) === folder);
    if (claimed !== undefined) {
      const { checkpointId } = claimed.metadata;
      await removeBegun(fileSystems, folder, { jobId, claimed: checkpointId, inUse });
    }
    if ([...inUse].some((uri) => uri.startsWith(`${folder}/`))) return;
    await releaseFolder(fileSystems, folder, jobId);
  }

  /** M2. The job has ended, and these stay. */
  unusedBy(kept: readonly CompletedCheckpoint[]): readonly string[] {
    const { jobId } = this.#options;
    const taken = kept.filter(({ metadata }) => metadata.jobId === jobId);
    const used = this.#usedBy(taken);
    return [...this.#usedBy(kept)].filter((folder) => !used.has(folder));
  }

  async release(folder: string): Promise<void> {
    const { fileSystems, jobId } = this.#options;
    await releaseFolder(fileSystems, folder, jobId);
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
