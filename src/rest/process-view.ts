/** What a process of the cluster shows of itself: its files, its threads, how it was started. */

import type { FilePiece, ListedFile, ThreadInfo } from '../protocol/process-files.ts';
import type { ProcessProfiling, ProfiledThread } from '../protocol/profiling.ts';

export interface ProcessView {
  readonly environment: ProcessEnvironment;
  /** Names of the log and of the standard output among the files, where it writes them. */
  readonly logName: string | undefined;
  readonly stdoutName: string | undefined;
  files(): Promise<readonly ListedFile[]>;
  /** A piece of a file; undefined for a name that is not in the list. */
  read(name: string, offset: number): Promise<FilePiece | undefined>;
  /** What its threads do, as far as it can tell. */
  threads(): Promise<readonly ThreadInfo[]>;
  /** Undefined: it is off. */
  readonly profiling: ProcessProfiling | undefined;
  /** Those that a profile is taken of beside the main one. */
  profiledThreads(): readonly ProfiledThread[];
}

export interface ProcessEnvironment {
  /** Of Node. */
  readonly version: string;
  readonly architecture: string;
  readonly options: readonly string[];
}

/** A file piece by piece, as it was when the reading began. */
export async function* piecesOf(
  first: FilePiece,
  read: (offset: number) => Promise<FilePiece | undefined>,
): AsyncGenerator<Uint8Array, void, undefined> {
  let offset = 0;
  for (let piece: FilePiece | undefined = first; piece !== undefined; piece = await read(offset)) {
    const bytes = piece.bytes.subarray(0, first.size - offset);
    if (bytes.byteLength > 0) yield bytes;
    offset += bytes.byteLength;
    if (bytes.byteLength === 0 || offset >= first.size) return;
  }
}
