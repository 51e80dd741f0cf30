/**
 * What a sink finds in its folder before it writes: whether it may write there at all, with which
 * number it begins, and which files its own will replace.
 */
import { EngineError } from '../../base/errors.ts';
import type { Disk } from '../../env/env.ts';
import {
  fileSafe,
  finalName,
  parseFinalName,
  parsePendingName,
  type PartNames,
} from './part-files.ts';
import { isHidden } from './glob.ts';

/** What to do about files that are there already. */
export type OnExisting = 'fail' | 'replace' | 'append';

export interface OutputPlan {
  /** Of the first file to write. */
  readonly firstNumber: number;
  /**
   * Names of files that are to go when those of this subtask have come. Of the files of earlier
   * jobs, each belongs to one subtask, whatever the parallelism was then.
   */
  readonly replaces: readonly string[];
}

export interface OutputFolderOptions {
  readonly names: PartNames;
  readonly parallelism: number;
  readonly onExisting: OnExisting;
  /** The folder (or single file) as the user wrote it. */
  readonly shown: string;
  /** The job goes on from a checkpoint: what it has committed since its start is its own. */
  readonly restored: boolean;
}

/**
 * Makes the folder, removes what earlier attempts of this subtask left, and looks at the rest. What
 * was decided to be committed of earlier attempts is committed before an attempt begins, so that
 * other unfinished files of them are of no use to anybody.
 * @throws EngineError CONNECTOR_OUTPUT_EXISTS, before anything is written
 */
export async function planOutput(disk: Disk, options: OutputFolderOptions): Promise<OutputPlan> {
  const { names, parallelism, onExisting } = options;
  const { folder, prefix, subtask } = names;
  const stat = await disk.stat(folder);
  if (stat !== undefined && stat.kind !== 'directory') {
    throw new EngineError('CONNECTOR_OUTPUT_EXISTS', {
      path: options.shown,
      holding: ', and is a file where a folder is needed',
    });
  }
  await makeFolder(disk, folder);
  const entries = await disk.list(folder);
  if (!options.restored) refuseExisting(options, entries);
  const isReplacing = onExisting === 'replace' && !options.restored;
  const replaces: string[] = [];
  let firstNumber = 0;
  for (const { name, kind } of entries) {
    if (kind !== 'file') continue;
    const pending = parsePendingName(name);
    if (pending !== undefined) {
      const isOurs = pending.jobId === fileSafe(names.jobId) && isOfSubtask(options, pending);
      if (isOurs && pending.attempt < names.attempt) await disk.remove(`${folder}/${name}`);
      else if (isReplacing && isReplaced(options, pending)) replaces.push(name);
      continue;
    }
    if (names.single !== undefined || options.restored) continue;
    const final = parseFinalName(prefix, name);
    if (final === undefined) continue;
    if (isReplacing && final.subtask % parallelism === subtask) replaces.push(name);
    if (onExisting === 'append' && final.subtask === subtask) {
      firstNumber = Math.max(firstNumber, final.number + 1);
    }
  }
  return { firstNumber, replaces };
}

/**
 * Of this sink and subtask, or of one that it has taken over; another sink of the job may write to
 * the folder too.
 */
function isOfSubtask(
  { names, parallelism }: OutputFolderOptions,
  pending: { readonly subtask: number; readonly name: string },
): boolean {
  const isGone = pending.subtask >= parallelism;
  const heir = isGone ? pending.subtask % parallelism : pending.subtask;
  if (heir !== names.subtask) return false;
  return names.single === undefined
    ? parseFinalName(names.prefix, pending.name) !== undefined
    : pending.name === names.single;
}

/** Makes a folder that outlives a crash, as do the folders made on the way to it. */
async function makeFolder(disk: Disk, folder: string): Promise<void> {
  const changed: string[] = [];
  for (let path = folder; path !== '/' && (await disk.stat(path)) === undefined;) {
    path = path.slice(0, path.lastIndexOf('/')) || '/';
    changed.push(path);
  }
  if (changed.length === 0) return;
  await disk.makeDirectory(folder);
  for (const path of changed.reverse()) await disk.syncDirectory(path);
}

/** Left by another job that did not end well. */
function isReplaced(
  { names, parallelism }: OutputFolderOptions,
  pending: { readonly jobId: string; readonly subtask: number; readonly name: string },
): boolean {
  if (pending.jobId === fileSafe(names.jobId)) return false;
  if (names.single !== undefined) return pending.name === names.single;
  const final = parseFinalName(names.prefix, pending.name);
  return final !== undefined && final.subtask % parallelism === names.subtask;
}

function refuseExisting(
  { names, onExisting, shown }: OutputFolderOptions,
  entries: readonly { readonly name: string }[],
): void {
  if (onExisting !== 'fail') return;
  const visible = entries.filter(({ name }) =>
    names.single === undefined ? !isHidden(name) : name === finalName(names, 0),
  );
  if (visible.length === 0) return;
  const [first, ...more] = visible.map(({ name }) => name);
  const others = more.length === 0 ? '' : ` and ${more.length} more`;
  const holding = names.single === undefined ? `, and holds ${first}${others}` : '';
  throw new EngineError('CONNECTOR_OUTPUT_EXISTS', { path: shown, holding });
}
