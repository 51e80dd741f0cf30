/**
 * An open file.
 *
 * Invariants:
 *   F1. Nothing but `close` is called on a closed file.
 *   F2. After a failed sync the handle writes and syncs no more: the kernel has dropped the pages
 *       it could not write and would call the next sync a success.
 */
import type { FileHandle } from 'node:fs/promises';
import { assert } from '../../base/assert.ts';
import { EngineError } from '../../base/errors.ts';
import type { DiskFile, OpenMode } from '../env.ts';
import { diskError } from './system-error.ts';

/** The most that one system call moves; Linux stops a little above. */
const LONGEST_TRANSFER_BYTES = 2 ** 30;

export class NodeDiskFile implements DiskFile {
  readonly #handle: FileHandle;
  readonly #path: string;
  readonly #appends: boolean;
  #closing: Promise<void> | undefined;
  #syncFailed = false;

  constructor(handle: FileHandle, path: string, mode: OpenMode) {
    this.#handle = handle;
    this.#path = path;
    this.#appends = mode === 'append';
  }

  async read(into: Uint8Array, position: number): Promise<number> {
    this.#assertOpen();
    const length = Math.min(into.byteLength, LONGEST_TRANSFER_BYTES);
    try {
      return (await this.#handle.read(into, 0, length, position)).bytesRead;
    } catch (thrown) {
      throw diskError(thrown, 'read', this.#path);
    }
  }

  async write(bytes: Uint8Array, position: number): Promise<void> {
    this.#assertOpen();
    this.#refuseAfterFailedSync('write');
    try {
      // The system may take a part only, e.g. when the disk is nearly full.
      for (let done = 0; done < bytes.byteLength;) {
        const length = Math.min(bytes.byteLength - done, LONGEST_TRANSFER_BYTES);
        const at = this.#appends ? null : position + done;
        done += (await this.#handle.write(bytes, done, length, at)).bytesWritten;
      }
    } catch (thrown) {
      throw diskError(thrown, 'write', this.#path);
    }
  }

  async sync(): Promise<void> {
    this.#assertOpen();
    this.#refuseAfterFailedSync('sync');
    try {
      await this.#handle.datasync();
    } catch (thrown) {
      this.#syncFailed = true;
      throw diskError(thrown, 'sync', this.#path);
    }
  }

  async truncate(size: number): Promise<void> {
    this.#assertOpen();
    this.#refuseAfterFailedSync('truncate');
    try {
      await this.#handle.truncate(size);
    } catch (thrown) {
      throw diskError(thrown, 'truncate', this.#path);
    }
  }

  async size(): Promise<number> {
    this.#assertOpen();
    try {
      return (await this.#handle.stat()).size;
    } catch (thrown) {
      throw diskError(thrown, 'look at', this.#path);
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    try {
      await this.#handle.close();
    } catch (thrown) {
      throw diskError(thrown, 'close', this.#path);
    }
  }

  #assertOpen(): void {
    assert(this.#closing === undefined, `F1: ${this.#path} is closed`);
  }

  #refuseAfterFailedSync(operation: string): void {
    if (!this.#syncFailed) return;
    const reason = 'an earlier sync of it failed, so that its content is unknown';
    throw new EngineError('IO_FAILED', { operation, path: this.#path, reason });
  }
}
