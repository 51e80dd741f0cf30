/**
 * Finds the files that a path stands for: the file itself, the files of a folder, or those that a
 * pattern matches; and says what is wrong if there are none.
 */
import { closest } from '../../base/did-you-mean.ts';
import { EngineError, isEngineError } from '../../base/errors.ts';
import type { Disk, DirectoryEntry } from '../../env/env.ts';
import type { FoundFile } from './file-split.ts';
import { isGlob, isHidden, parseGlob, type GlobPart } from './glob.ts';

export interface DiscoveryOptions {
  readonly path: string;
  /** Whether the folders in a folder are read too. */
  readonly recursive: boolean;
}

export interface Discovery {
  /** In order of their paths. */
  readonly files: readonly FoundFile[];
  readonly kind: 'file' | 'folder' | 'pattern';
}

/**
 * @throws EngineError CONNECTOR_FILE_NOT_FOUND if there is nothing at a path that is no pattern.
 */
export async function discoverFiles(disk: Disk, options: DiscoveryOptions): Promise<Discovery> {
  const { path, recursive } = options;
  const found = new Map<string, FoundFile>();
  const stat = await disk.stat(path);
  if (stat === undefined && isGlob(path)) {
    for (const { folder, parts } of parseGlob(path)) await search(disk, folder, parts, found);
    return { files: ordered(found), kind: 'pattern' };
  }
  if (stat === undefined) throw await notFound(disk, path);
  if (stat.kind === 'directory') {
    await collectFolder(disk, path, recursive, found);
    return { files: ordered(found), kind: 'folder' };
  }
  await addFile(disk, path, found);
  return { files: ordered(found), kind: 'file' };
}

/** That a pattern matches nothing, with the names that came nearest. */
export async function noMatch(disk: Disk, path: string): Promise<EngineError> {
  const folder = parseGlob(path)[0]!.folder;
  const entries = await listIfThere(disk, folder);
  const names = entries?.filter((entry) => !isHidden(entry.name)).map(({ name }) => name);
  const reason =
    names === undefined
      ? `there is no folder ${disk.resolve(folder)}`
      : names.length === 0
        ? `${disk.resolve(folder)} is empty`
        : `${disk.resolve(folder)} holds ${listed(names)}`;
  return new EngineError('CONNECTOR_NO_FILES', { path, reason });
}

function ordered(found: ReadonlyMap<string, FoundFile>): readonly FoundFile[] {
  return [...found.values()].sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
}

async function collectFolder(
  disk: Disk,
  folder: string,
  recursive: boolean,
  found: Map<string, FoundFile>,
  depth: number = 0,
): Promise<void> {
  checkDepth(folder, depth);
  for (const { name, kind } of await disk.list(folder)) {
    if (isHidden(name)) continue;
    if (kind === 'file') await addFile(disk, join(folder, name), found);
    else if (kind === 'directory' && recursive) {
      await collectFolder(disk, join(folder, name), recursive, found, depth + 1);
    }
  }
}

/**
 * Links to folders are followed, so a link that leads back to a folder on its way would give the
 * same files again and again, until the system has had enough, at 40 links.
 */
const DEPTH_MAX = 32;

function checkDepth(folder: string, depth: number): void {
  if (depth <= DEPTH_MAX) return;
  throw new EngineError('CONNECTOR_FOLDERS_TOO_DEEP', { path: folder, limit: DEPTH_MAX });
}

/** A file that is gone again, between the listing of its folder and now, is no file. */
async function addFile(disk: Disk, name: string, found: Map<string, FoundFile>): Promise<void> {
  const stat = await disk.stat(name);
  if (stat === undefined) return;
  const path = disk.resolve(name);
  found.set(path, { path, name, size: stat.size });
}

async function search(
  disk: Disk,
  folder: string,
  parts: readonly GlobPart[],
  found: Map<string, FoundFile>,
  depth: number = 0,
): Promise<void> {
  checkDepth(folder, depth);
  const [part, ...rest] = parts;
  const entries = await listIfThere(disk, folder);
  if (part === undefined || entries === undefined) return;
  if (part.kind === 'folders') {
    // No folder, or any folder and then again any number of them.
    await search(disk, folder, rest.length === 0 ? [ANY_NAME] : rest, found);
    for (const entry of entries) {
      if (entry.kind === 'directory' && !isHidden(entry.name)) {
        await search(disk, join(folder, entry.name), parts, found, depth + 1);
      }
    }
    return;
  }
  for (const { name, kind } of entries) {
    if (part.kind === 'literal' ? part.name !== name : !part.matches(name)) continue;
    if (rest.length > 0 && kind === 'directory')
      await search(disk, join(folder, name), rest, found);
    else if (rest.length === 0 && kind === 'file') await addFile(disk, join(folder, name), found);
  }
}

const ANY_NAME: GlobPart = { kind: 'names', matches: (name) => !isHidden(name) };

function join(folder: string, name: string): string {
  if (folder === '.') return name;
  return folder.endsWith('/') ? `${folder}${name}` : `${folder}/${name}`;
}

async function notFound(disk: Disk, path: string): Promise<EngineError> {
  const resolved = disk.resolve(path);
  const slash = resolved.lastIndexOf('/');
  const folder = slash <= 0 ? '/' : resolved.slice(0, slash);
  const entries = await listIfThere(disk, folder);
  const names = entries?.filter(({ name }) => !isHidden(name)).map(({ name }) => name);
  const near = names === undefined ? undefined : closest(resolved.slice(slash + 1), names);
  const suggestion =
    names === undefined
      ? ` Nor is there a folder ${folder}.`
      : near !== undefined
        ? ` Did you mean "${near}"?`
        : names.length === 0
          ? ' That folder is empty.'
          : ` That folder holds ${listed(names)}.`;
  const parameters = { path, resolved, suggestion };
  return new EngineError('CONNECTOR_FILE_NOT_FOUND', parameters);
}

const LISTED_MAX = 5;

function listed(names: readonly string[]): string {
  const more = names.length - LISTED_MAX;
  const shown = names.slice(0, LISTED_MAX).join(', ');
  return more > 0 ? `${shown} and ${more} more` : shown;
}

async function listIfThere(
  disk: Disk,
  folder: string,
): Promise<readonly DirectoryEntry[] | undefined> {
  const stat = await disk.stat(folder);
  if (stat?.kind !== 'directory') return undefined;
  try {
    return await disk.list(folder);
  } catch (error) {
    if (isEngineError(error, 'IO_NOT_FOUND')) return undefined;
    throw error;
  }
}
