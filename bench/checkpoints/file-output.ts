/**
 * A snapshot in a local file: written behind the back of who makes it, and read a piece at a time.
 */
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import type { SnapshotInput, SnapshotOutput } from '../../src/state/snapshot.ts';

/** So much may wait to be written. */
const WAITING_BYTES = 16 * 1024 * 1024;

export class FileOutput implements SnapshotOutput {
  readonly #file: FileHandle;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #writing: Promise<void> | undefined;
  #failed: Error | undefined;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  static async create(path: string): Promise<FileOutput> {
    return new FileOutput(await open(path, 'w'));
  }

  write(bytes: Uint8Array): void {
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    this.#writing ??= this.#drain().catch((error: unknown) => {
      this.#failed = error instanceof Error ? error : new Error(String(error));
    });
  }

  get full(): boolean {
    return this.#waitingBytes > WAITING_BYTES;
  }

  /** Everything is in the file, and the file on the disk. */
  async finish(): Promise<void> {
    while (this.#writing !== undefined && this.#failed === undefined) await this.#writing;
    if (this.#failed !== undefined) throw this.#failed;
    await this.#file.sync();
    await this.#file.close();
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      const pieces = this.#waiting;
      this.#waiting = [];
      await this.#file.writev(pieces);
      for (const piece of pieces) this.#waitingBytes -= piece.length;
    }
    this.#writing = undefined;
  }
}

export async function fileInput(path: string): Promise<SnapshotInput & { close(): Promise<void> }> {
  const file = await open(path, 'r');
  const { size } = await file.stat();
  return {
    name: path,
    size,
    read: async (position, length) => {
      const bytes = Buffer.allocUnsafeSlow(length);
      const { bytesRead } = await file.read(bytes, 0, length, position);
      return bytes.subarray(0, bytesRead);
    },
    close: async () => await file.close(),
  };
}
