/**
 * Checkpoints and savepoints where they lie: found by a path, read with their state, disposed of.
 * Whoever has a path and the file system of its scheme needs nothing else.
 *
 * Invariants
 * C1. A checkpoint is there when its `_metadata` is; that is written after all it names and removed
 *     before anything of that.
 * C2. Removing a checkpoint removes what its metadata names in its own folder, and the folder only
 *     if nothing else is in it.
 * C3. What is read is what was written, or the error names the file.
 */
import { EngineError, isEngineError } from '../base/errors.ts';
import type { StateHandle } from '../protocol/checkpoint.ts';
import { SHARED_FOLDER } from './checkpoint-streams.ts';
import { handlesOf, type CheckpointMetadata } from './checkpoint-metadata.ts';
import type { FileInput, FileSystem } from './file-system.ts';
import type { FileSystems } from './file-systems.ts';
import { folderOfUri, joinUri, nameOfUri } from './file-uri.ts';
import { decodeMetadata, encodeMetadata } from './metadata-codec.ts';

export const METADATA_FILE = '_metadata';
/** Of files that are there for a moment, to see whether a folder can keep checkpoints. */
export const PROBE_PREFIX = '.probe-';

/** A checkpoint that was found. */
export interface StoredCheckpoint extends StoredMetadata {
  readonly metadata: CheckpointMetadata;
}

/** Where the metadata of a checkpoint is. */
export interface StoredMetadata {
  /** The folder, absolute: the external pointer, from which users restore. */
  readonly location: string;
  /** Of the file `_metadata` in it. */
  readonly uri: string;
  /** Of that file, in bytes. */
  readonly size: number;
}

/**
 * C1. @throws EngineError IO_EXISTS if there is one already: ids of checkpoints are never used
 * twice
 */
export async function writeMetadata(
  fileSystems: FileSystems,
  folder: string,
  metadata: CheckpointMetadata,
): Promise<StoredMetadata> {
  const files = fileSystems.of(folder);
  const location = files.resolve(folder);
  const uri = joinUri(location, METADATA_FILE);
  const bytes = encodeMetadata(metadata, location);
  // Durable, although others may have made it and written into it.
  await files.makeFolder(location);
  if (!(await files.writeIf(uri, bytes, 'absent')))
    throw new EngineError('IO_EXISTS', { path: uri });
  return { location, uri, size: bytes.length };
}

/**
 * C3. @param pointer the folder of a checkpoint, or its `_metadata`; it may have been moved
 * @throws EngineError SAVEPOINT_NOT_FOUND, CHECKPOINT_FILE_INVALID, FILE_SYSTEM_*, IO_*
 */
export async function readCheckpoint(
  fileSystems: FileSystems,
  pointer: string,
): Promise<StoredCheckpoint> {
  const files = fileSystems.of(pointer);
  const given = files.resolve(pointer);
  const isFile = nameOfUri(given) === METADATA_FILE;
  const location = isFile ? folderOfUri(given) : given;
  const uri = isFile ? given : joinUri(given, METADATA_FILE);
  let bytes: Uint8Array;
  try {
    bytes = await readFile(files, uri);
  } catch (error) {
    if (!isEngineError(error, 'IO_NOT_FOUND')) throw error;
    throw new EngineError('SAVEPOINT_NOT_FOUND', { path: location }, { cause: error });
  }
  return { location, uri, size: bytes.length, metadata: decodeMetadata(bytes, uri) };
}

/**
 * C3. The bytes of a snapshot, to be closed by the caller.
 * @throws EngineError CHECKPOINT_FILE_INVALID if the file is gone, or longer or shorter than it was
 */
export async function openHandle(
  fileSystems: FileSystems,
  handle: StateHandle,
): Promise<FileInput> {
  if (handle.kind === 'inline') return inlineInput(handle.bytes);
  const { uri, size } = handle;
  const invalid = (reason: string, cause?: unknown): EngineError =>
    new EngineError('CHECKPOINT_FILE_INVALID', { path: uri, reason }, { cause });
  let input: FileInput;
  try {
    input = await fileSystems.of(uri).open(uri);
  } catch (error) {
    if (isEngineError(error, 'IO_NOT_FOUND')) throw invalid('it does not exist', error);
    throw error;
  }
  if (input.size === size) return input;
  await input.close();
  throw invalid(`it has ${input.size} bytes, and ${size} were written`);
}

/** Removes the files of handles; those that are gone are no error. */
export async function discardHandles(
  fileSystems: FileSystems,
  handles: Iterable<StateHandle>,
): Promise<void> {
  const byFileSystem = new Map<FileSystem, string[]>();
  for (const handle of handles) {
    if (handle.kind === 'inline') continue;
    const files = fileSystems.of(handle.uri);
    const uris = byFileSystem.get(files) ?? [];
    uris.push(handle.uri);
    byFileSystem.set(files, uris);
  }
  for (const [files, uris] of byFileSystem) await files.removeFiles(uris);
}

/**
 * C1, C2. Shared state stays: other checkpoints may refer to it; see ended-job-folder.ts.
 * @throws EngineError SAVEPOINT_NOT_FOUND, CHECKPOINT_FILE_INVALID
 */
export async function disposeCheckpoint(fileSystems: FileSystems, pointer: string): Promise<void> {
  const { location, uri, metadata } = await readCheckpoint(fileSystems, pointer);
  const files = fileSystems.of(location);
  await files.remove(uri);
  const own = [...handlesOf(metadata)].filter(
    (handle) => handle.kind === 'file' && !handle.shared && folderOfUri(handle.uri) === location,
  );
  await discardHandles(fileSystems, own);
  await files.removeIncomplete(location);
  if ((await files.list(location)).length === 0) await files.remove(location, { recursive: true });
}

/**
 * The folder of a job, once no checkpoint and no file is in it. Its `shared` is made when the job
 * begins, and empty after that of a job whose last checkpoint another one has claimed. What a
 * master has left that was killed while it tried the folder is nothing.
 */
export async function removeEmptyJobFolder(
  fileSystems: FileSystems,
  folder: string,
): Promise<void> {
  const files = fileSystems.of(folder);
  for (const { name, kind, uri } of await files.list(folder)) {
    if (name.startsWith(PROBE_PREFIX)) continue;
    if (kind !== 'folder' || name !== SHARED_FOLDER) return;
    if ((await files.list(uri)).length > 0) return;
  }
  await files.remove(folder, { recursive: true });
}

/** The whole content of a small file. */
export async function readFile(files: FileSystem, uri: string): Promise<Uint8Array> {
  const input = await files.open(uri);
  try {
    return await input.read(0, input.size);
  } finally {
    await input.close();
  }
}

function inlineInput(bytes: Uint8Array): FileInput {
  return {
    name: 'state inside of the metadata',
    size: bytes.length,
    read: async (position, length) => bytes.slice(position, position + length),
    close: async () => undefined,
  };
}
