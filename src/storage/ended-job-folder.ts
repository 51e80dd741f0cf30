/**
 * The folder of a job that has ended and left checkpoints, of which others take one over (CLAIM),
 * or somebody disposes: what nobody refers to any more goes, and the folder with it.
 *
 * Invariants
 * J1. A file goes only if no complete checkpoint of the folder refers to it, nor whoever removes
 *     it, nor anybody who has claimed a checkpoint of the folder.
 * J2. Who claims a checkpoint says so in the folder before he goes on from it, and takes it back
 *     when he refers to nothing in the folder any more; who dies before stays there, and the
 *     files with him.
 * J3. What cannot be read may refer to everything. A checkpoint that is newer than the one that was
 *     claimed says that the job may not have ended there: then nothing goes.
 */
import { EngineError, isEngineError } from '../base/errors.ts';
import { handlesOf, type CheckpointMetadata } from './checkpoint-metadata.ts';
import { SHARED_FOLDER } from './checkpoint-streams.ts';
import type { FileEntry } from './file-system.ts';
import type { FileSystems } from './file-systems.ts';
import { folderOfUri, joinUri, nameOfUri } from './file-uri.ts';
import { disposeCheckpoint, readCheckpoint, removeEmptyJobFolder } from './stored-checkpoint.ts';

const CLAIM_PREFIX = '.claimed-';
const JOB_ID = /^[0-9a-f]{32}$/;

/** Undefined: it does not lie in the folder of the job that took it, as savepoints do not. */
export function jobFolderOf(jobId: string, location: string): string | undefined {
  const folder = folderOfUri(location);
  return nameOfUri(folder) === jobId && idOf(nameOfUri(location)) > 0 ? folder : undefined;
}

/** The folder of the job that has written a file of state; undefined: of a savepoint. */
export function jobFolderOfFile(uri: string): string | undefined {
  const place = folderOfUri(uri);
  const folder = folderOfUri(place);
  if (nameOfUri(place) === SHARED_FOLDER) return folder;
  return idOf(nameOfUri(place)) > 0 && JOB_ID.test(nameOfUri(folder)) ? folder : undefined;
}

/** J2 */
export async function claimFolder(
  fileSystems: FileSystems,
  folder: string,
  jobId: string,
): Promise<void> {
  const text = new TextEncoder().encode(`claimed by the job ${jobId}\n`);
  await fileSystems.of(folder).writeIf(claimUri(folder, jobId), text, 'absent');
}

/** J2 */
export async function releaseFolder(
  fileSystems: FileSystems,
  folder: string,
  jobId: string,
): Promise<void> {
  await fileSystems.of(folder).remove(claimUri(folder, jobId));
  await removeEmptyJobFolder(fileSystems, folder);
}

/**
 * J2. What a job that has ended had claimed in the folder, unless it has left a checkpoint in its
 * own, `former`, that refers to it, or that cannot be read.
 */
export async function releaseClaimOfEnded(
  fileSystems: FileSystems,
  folder: string,
  { jobId, former }: { readonly jobId: string; readonly former: string },
): Promise<void> {
  const left = await readContent(fileSystems, former);
  if (left === undefined) return;
  if ([...left.references].some((uri) => uri.startsWith(`${folder}/`))) return;
  await releaseFolder(fileSystems, folder, jobId);
}

export interface TidyOptions {
  /** Who removes, and has claimed. */
  readonly jobId: string;
  /** The checkpoint that was claimed, and has gone: the job had ended with it. */
  readonly claimed: number;
  /** To what the job refers. */
  readonly inUse: ReadonlySet<string>;
}

/** J1, J3. What the job of a claimed checkpoint had begun when it was killed. */
export async function removeBegun(
  fileSystems: FileSystems,
  folder: string,
  { jobId, claimed, inUse }: TidyOptions,
): Promise<void> {
  const content = await contentOf(fileSystems, folder, [jobId]);
  if (content === undefined || content.complete.some((id) => id > claimed)) return;
  const files = fileSystems.of(folder);
  const isUsed = (uri: string): boolean => inUse.has(uri) || content.references.has(uri);
  const used = [...inUse, ...content.references];
  for (const { uri } of content.begun) {
    if (used.some((file) => file.startsWith(`${uri}/`))) continue;
    await files.remove(uri, { recursive: true });
  }
  const shared = joinUri(folder, SHARED_FOLDER);
  const unused = (await files.list(shared)).filter(
    ({ kind, uri }) => kind === 'file' && !isUsed(uri),
  );
  await files.removeFiles(unused.map(({ uri }) => uri));
  await files.removeIncomplete(shared);
}

/**
 * Removes a savepoint or a retained checkpoint of a job that has ended.
 * @param runs whether a job runs: what it has is its own business
 * @throws EngineError SAVEPOINT_NOT_FOUND, SAVEPOINT_IN_USE, CHECKPOINT_FILE_INVALID, IO_*
 */
export async function disposeSavepoint(
  fileSystems: FileSystems,
  pointer: string,
  runs: (jobId: string) => boolean,
): Promise<void> {
  const { metadata, location } = await readCheckpoint(fileSystems, pointer);
  const { jobId } = metadata;
  const own = jobFolderOf(jobId, location);
  const users = own === undefined ? [] : [jobId, ...(await claimersOf(fileSystems, own))];
  const user = users.find(runs);
  if (user !== undefined) throw new EngineError('SAVEPOINT_IN_USE', { location, jobId: user });
  await disposeCheckpoint(fileSystems, pointer);
  if (own === undefined) return;
  const shared = sharedFilesOf(metadata);
  const isLast = await removeUnused(fileSystems, own, { shared, by: [] });
  if (!isLast) return;
  // What it had claimed itself.
  for (const folder of new Set(shared.map((uri) => folderOfUri(folderOfUri(uri))))) {
    if (folder === own || runs(nameOfUri(folder))) continue;
    await removeUnused(fileSystems, folder, { shared, by: [jobId] });
    await releaseFolder(fileSystems, folder, jobId);
  }
}

/** J2. Jobs. */
async function claimersOf(fileSystems: FileSystems, folder: string): Promise<readonly string[]> {
  const entries = await fileSystems.of(folder).list(folder);
  return entries.flatMap(({ name }) =>
    name.startsWith(CLAIM_PREFIX) ? [name.slice(CLAIM_PREFIX.length)] : [],
  );
}

/** J1. @returns whether the folder has no checkpoint any more, and nobody has claimed one */
async function removeUnused(
  fileSystems: FileSystems,
  folder: string,
  { shared, by }: { readonly shared: readonly string[]; readonly by: readonly string[] },
): Promise<boolean> {
  const content = await contentOf(fileSystems, folder, by);
  // One that was begun may be under way.
  if (content === undefined || content.begun.length > 0) return false;
  const isLast = content.complete.length === 0;
  const files = fileSystems.of(folder);
  const place = joinUri(folder, SHARED_FOLDER);
  const named = shared.filter((uri) => folderOfUri(uri) === place);
  const there = (await files.list(place)).filter(({ kind }) => kind === 'file');
  const candidates = isLast ? there.map(({ uri }) => uri) : named;
  await files.removeFiles(candidates.filter((uri) => !content.references.has(uri)));
  if (isLast) {
    await files.removeIncomplete(place);
    await removeEmptyJobFolder(fileSystems, folder);
  }
  return isLast;
}

interface Content {
  /** Ids of those with `_metadata`. */
  readonly complete: readonly number[];
  /** Those without. */
  readonly begun: readonly FileEntry[];
  /** Files to which the complete ones refer. */
  readonly references: ReadonlySet<string>;
}

/** J1, J3. Undefined: others may refer to anything in it. */
async function contentOf(
  fileSystems: FileSystems,
  folder: string,
  by: readonly string[],
): Promise<Content | undefined> {
  const entries = await fileSystems.of(folder).list(folder);
  const own = by.map((jobId) => nameOfUri(claimUri(folder, jobId)));
  if (entries.some(({ name }) => name.startsWith(CLAIM_PREFIX) && !own.includes(name))) {
    return undefined;
  }
  return readContent(fileSystems, folder, entries);
}

/** J3. Whoever has claimed it. Undefined: one that cannot be read may refer to anything. */
async function readContent(
  fileSystems: FileSystems,
  folder: string,
  known?: readonly FileEntry[],
): Promise<Content | undefined> {
  const entries = known ?? (await fileSystems.of(folder).list(folder));
  const complete: number[] = [];
  const begun: FileEntry[] = [];
  const references = new Set<string>();
  for (const entry of entries) {
    if (entry.kind !== 'folder' || idOf(entry.name) === 0) continue;
    try {
      const { metadata } = await readCheckpoint(fileSystems, entry.uri);
      complete.push(idOf(entry.name));
      for (const handle of handlesOf(metadata)) {
        if (handle.kind === 'file') references.add(handle.uri);
      }
    } catch (error) {
      if (isEngineError(error, 'SAVEPOINT_NOT_FOUND')) begun.push(entry);
      else if (isEngineError(error, 'CHECKPOINT_FILE_INVALID')) return undefined;
      else throw error;
    }
  }
  return { complete, begun, references };
}

function sharedFilesOf(metadata: CheckpointMetadata): readonly string[] {
  return [...handlesOf(metadata)].flatMap((handle) =>
    handle.kind === 'file' && handle.shared && nameOfUri(folderOfUri(handle.uri)) === SHARED_FOLDER
      ? [handle.uri]
      : [],
  );
}

function claimUri(folder: string, jobId: string): string {
  return joinUri(folder, `${CLAIM_PREFIX}${jobId}`);
}

/** 0: it is no folder of a checkpoint. */
function idOf(name: string): number {
  return Number(/^chk-(\d+)$/.exec(name)?.[1] ?? 0);
}
