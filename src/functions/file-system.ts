/**
 * What Millrace asks of a place that keeps files by URI: a disk that all machines see, or an object
 * store. Checkpoints and exactly-once sinks stand on it, so the contract says what is there after a
 * crash; every implementation passes `file-system-contract.ts`.
 *
 * A URI is `scheme:` and a path; without a scheme it is a path of this machine. As in Flink it is
 * taken literally: `%20` is no space. All errors are EngineErrors that name the URI.
 */
import type { Timestamp } from '../base/units.ts';

export interface FileSystem {
  /** `file`, `s3`. */
  readonly scheme: string;
  /** The absolute form of a URI, with its scheme; the same for every spelling of it. */
  resolve(uri: string): string;
  /** @throws EngineError IO_NOT_FOUND */
  open(uri: string): Promise<FileInput>;
  /**
   * A file that is there, whole and durable, once `finish` has resolved, and not at all before. It
   * replaces one of that name. @throws EngineError IO_NOT_FOUND if this file system has folders,
   * and there is none for it: nobody writes into what has been removed meanwhile.
   */
  create(uri: string): Promise<FileOutput>;
  /**
   * A small file, whole or not at all, durable when it resolves. `absent` leaves one that is there:
   * then the answer is false, and of many who try at once one alone gets true.
   */
  writeIf(uri: string, bytes: Uint8Array, condition: 'absent' | 'any'): Promise<boolean>;
  /** Undefined if there is nothing. */
  stat(uri: string): Promise<FileStatus | undefined>;
  /**
   * What is in a folder, in order of name; files that are not complete are left out. Empty if there
   * is no such folder.
   */
  list(uri: string): Promise<readonly FileEntry[]>;
  /** A folder and those above it, durable when it resolves; does nothing where there are none. */
  makeFolder(uri: string): Promise<void>;
  /**
   * A file; `recursive`: or a folder with all that is in it, incomplete files included. Nothing
   * happens if it is not there. @throws EngineError IO_FAILED for a folder without `recursive`
   */
  remove(uri: string, options?: { readonly recursive?: boolean | undefined }): Promise<void>;
  /** Many files, at once where the file system can; those that are not there are no error. */
  removeFiles(uris: readonly string[]): Promise<void>;
  /**
   * What writers that were killed have left in a folder, of `create` and `recoverableWriter` alike:
   * all of it only in folders that nobody writes into, else what `of` chooses.
   */
  removeIncomplete(uri: string, which?: IncompleteFiles): Promise<void>;
  recoverableWriter(): RecoverableWriter;
}

export interface IncompleteFiles {
  /** By the name that the file would have had. Default: all. */
  readonly of?: ((name: string) => boolean) | undefined;
  /** In folders of the folder, too. Default false. */
  readonly recursive?: boolean | undefined;
}

/** A file to read; fits `SnapshotInput`. */
export interface FileInput {
  /** Its URI. */
  readonly name: string;
  readonly size: number;
  /** Exactly `length` bytes from `position`, which belong to the caller. */
  read(position: number, length: number): Promise<Uint8Array>;
  /** Idempotent. */
  close(): Promise<void>;
}

export interface FileOutput {
  /** The bytes belong to the output until it resolves; one call at a time. */
  write(bytes: Uint8Array): Promise<void>;
  /** Durable and visible when it resolves. After any error only `abort` may follow. */
  finish(): Promise<{ readonly size: number }>;
  /** Leaves nothing behind. Idempotent; does nothing after `finish`. */
  abort(): Promise<void>;
}

export interface FileStatus {
  readonly kind: 'file' | 'folder';
  /** Of a file, in bytes. */
  readonly size: number;
  readonly modified: Timestamp;
}

export interface FileEntry {
  readonly name: string;
  readonly uri: string;
  readonly kind: 'file' | 'folder';
}

/**
 * Writes files that survive their writer: what was persisted can be gone on with after a crash, and
 * what was closed for commit becomes visible by a commit that may be repeated. The bytes between
 * them are to be kept in a checkpoint.
 *
 * @example
 * const output = await writer.open('s3://bucket/out/part-0-1');
 * await output.write(bytes);
 * const resumable = await output.persist(); // goes into the checkpoint
 * // ... after a crash:
 * const again = await writer.recover(resumable);
 * const committable = await again.closeForCommit(); // goes into the next checkpoint
 * await writer.commit(committable); // when that is complete; now the file is there
 */
export interface RecoverableWriter {
  /** Nothing is visible at `uri` before `commit`. */
  open(uri: string, options?: OpenOptions): Promise<RecoverableOutput>;
  /**
   * Goes on behind what had been persisted; what came after it is dropped.
   * @throws EngineError FILE_OUTPUT_LOST if it is not there any more
   */
  recover(resumable: Uint8Array): Promise<RecoverableOutput>;
  /**
   * Makes the file visible, whole. Idempotent, also over crashes. @throws EngineError
   * FILE_OUTPUT_LOST if what was written is gone, IO_EXISTS if another file has the name and was
   * not to be replaced
   */
  commit(committable: Uint8Array): Promise<void>;
  /**
   * No one will recover from this resumable any more, since a later one, or the commit, has taken
   * its place: removes what was kept for it alone. The file goes on. Idempotent.
   */
  release(resumable: Uint8Array): Promise<void>;
  /** Removes what a resumable or committable stands for, unless it was committed. Idempotent. */
  discard(bytes: Uint8Array): Promise<void>;
}

export interface OpenOptions {
  /** A file of that name gives way at the commit. Default false. */
  readonly replace?: boolean | undefined;
  /**
   * By what name `removeIncomplete` knows the file, where the file system has a name for what is
   * not complete; stores of objects have the object's alone. Default: the file's.
   */
  readonly incompleteName?: string | undefined;
}

export interface RecoverableOutput {
  readonly uri: string;
  /** Bytes written so far, those before a recovery included. */
  readonly size: number;
  /** The bytes belong to the output until it resolves; one call at a time, as of all methods. */
  write(bytes: Uint8Array): Promise<void>;
  /** What was written is durable; writing may go on. */
  persist(): Promise<Uint8Array>;
  /** What was written is durable, and complete. Only `commit` or `discard` follow. */
  closeForCommit(): Promise<Uint8Array>;
  /** Lets go of it; what was persisted can be recovered. Idempotent. */
  close(): Promise<void>;
  /** Removes what was written. Idempotent; does nothing after `closeForCommit`. */
  abort(): Promise<void>;
}
