/**
 * What a sink finds in its folder before it writes: whether it may write there at all, what it has
 * left there itself and nobody needs, and which files its own will replace.
 *
 * Invariants
 * O1. Nothing is removed but what is not visible and is of this sink: of this job, or of one whose
 *     checkpoint this job has claimed; of an earlier attempt of a subtask that this one has the
 *     place of; and nothing that the checkpoint refers to from which the job goes on.
 * O2. Nor what another sink of this job writes into the same folder, visible or not.
 */
import { EngineError } from '../../base/errors.ts';
import type { FileEntry, FileSystem } from '../../functions/file-system.ts';
import { finalName, isSibling, ownerOf, type PartNames } from './part-files.ts';
import { isHidden } from './glob.ts';

/** What to do about files that are there already. */
export type OnExisting = 'fail' | 'replace' | 'append';

export interface OutputFolderOptions {
  readonly fileSystem: FileSystem;
  /** URI. */
  readonly folder: string;
  readonly names: PartNames;
  readonly parallelism: number;
  readonly onExisting: OnExisting;
  /** The folder (or single file) as the user wrote it. */
  readonly shown: string;
  /** Files are in folders of the folder, too. */
  readonly hasBuckets: boolean;
  /** The job goes on from a checkpoint: what it has committed since its start is its own. */
  readonly restored: boolean;
  /** An attempt before this one may have left something. */
  readonly hasPredecessor: boolean;
  /** Tags of jobs before this one whose files are this one's now. */
  readonly claimed: ReadonlySet<string>;
  /** Names of files that the checkpoint refers to. */
  readonly inUse: ReadonlySet<string>;
}

/**
 * Makes the folder, removes what earlier attempts of this subtask left, and looks at the rest. What
 * was decided to be committed of earlier attempts is committed before an attempt begins, so that
 * other unfinished files of them are of no use to anybody.
 * @returns URIs of files that are to go when those of this subtask have come. Of the files of
 *   earlier jobs, each belongs to one subtask, whatever the parallelism was then.
 * @throws EngineError CONNECTOR_OUTPUT_EXISTS, before anything is written
 */
export async function planOutput(options: OutputFolderOptions): Promise<readonly string[]> {
  const { fileSystem, folder, onExisting, restored } = options;
  const status = await fileSystem.stat(folder);
  if (status?.kind === 'file') {
    throw new EngineError('CONNECTOR_OUTPUT_EXISTS', {
      path: options.shown,
      holding: ', and is a file where a folder is needed',
    });
  }
  if (status === undefined) await fileSystem.makeFolder(folder);
  if (restored || onExisting === 'append') {
    await removeLeftovers(options);
    return [];
  }
  if (onExisting === 'fail') await refuseExisting(options);
  await removeLeftovers(options);
  if (onExisting === 'fail' || options.names.single !== undefined) return [];
  return replacedBy(options, folder);
}

/** O1. */
async function removeLeftovers(options: OutputFolderOptions): Promise<void> {
  const { fileSystem, folder, names, onExisting, hasPredecessor, hasBuckets } = options;
  const isReplacing = onExisting === 'replace' && !options.restored;
  if (!hasPredecessor && !isReplacing) return;
  const of = (name: string): boolean => {
    const owner = ownerOf(names, name);
    if (owner === undefined || heirOf(options, owner.subtask) !== names.subtask) return false;
    if (options.inUse.has(name)) return false;
    // An attempt that has been replaced and does not know it yet removes nothing of its successor.
    if (owner.job === names.job) return owner.attempt < names.attempt;
    if (isSibling(owner.job, names.job)) return false;
    // Left by another job that did not end well, where the folder is this one's now.
    return options.claimed.has(owner.job) || isReplacing;
  };
  await fileSystem.removeIncomplete(folder, { of, recursive: hasBuckets });
}

/** Which subtask has the place of a former one, as committables are dealt out. */
function heirOf({ parallelism }: OutputFolderOptions, subtask: number): number {
  return subtask % parallelism;
}

async function replacedBy(options: OutputFolderOptions, folder: string): Promise<string[]> {
  const { fileSystem, names, hasBuckets } = options;
  const replaced: string[] = [];
  for (const { name, kind, uri } of await fileSystem.list(folder)) {
    if (kind === 'folder') {
      if (hasBuckets && !isHidden(name)) replaced.push(...(await replacedBy(options, uri)));
      continue;
    }
    const owner = ownerOf(names, name);
    if (owner === undefined || isSibling(owner.job, names.job)) continue;
    if (heirOf(options, owner.subtask) === names.subtask) replaced.push(uri);
  }
  return replaced;
}

async function refuseExisting(options: OutputFolderOptions): Promise<void> {
  const { fileSystem, folder, names, shown } = options;
  const visible: string[] = [];
  for (const entry of await fileSystem.list(folder)) {
    const { name } = entry;
    if (names.single === undefined ? isHidden(name) : name !== finalName(names, 0)) continue;
    if (await holdsOutput(options, entry)) visible.push(name);
  }
  if (visible.length === 0) return;
  const [first, ...more] = visible;
  const others = more.length === 0 ? '' : ` and ${more.length} more`;
  const holding = names.single === undefined ? `, and holds ${first}${others}` : '';
  throw new EngineError('CONNECTOR_OUTPUT_EXISTS', { path: shown, holding });
}

/** A bucket in which an attempt before this one was killed is left as an empty folder. */
async function holdsOutput(options: OutputFolderOptions, entry: FileEntry): Promise<boolean> {
  if (entry.kind === 'file' || !options.hasBuckets) return true;
  for (const each of await options.fileSystem.list(entry.uri)) {
    if (!isHidden(each.name) && (await holdsOutput(options, each))) return true;
  }
  return false;
}
