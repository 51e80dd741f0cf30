/**
 * The files of one folder, for others to read: by a name that is in the folder's list, and by no
 * other.
 *
 * F1. A name is compared with the list before it becomes part of a path. Folders are not in the
 *     list; links are, and lead where the user of the cluster has put them.
 */
import type { Disk } from './env.ts';

const PIECE_BYTES = 256 * 1024;

export interface ListedFile {
  readonly name: string;
  readonly size: number;
  readonly modified: number;
}

export interface FilePiece {
  readonly bytes: Uint8Array;
  /** Of the whole file, at that moment. */
  readonly size: number;
}

export class LogFolder {
  readonly #disk: Disk;
  readonly #folder: string | undefined;
  /** Of the file that is the log of this process, if it has one. */
  readonly logName: string | undefined;
  /** Of the file with what it prints, which lies beside it. */
  readonly stdoutName: string | undefined;

  /** Without a folder there are no files. */
  constructor(disk: Disk, folder: string | undefined, logName?: string) {
    this.#disk = disk;
    this.#folder = folder;
    this.logName = logName;
    this.stdoutName = logName?.replace(/\.log$/, '.out');
  }

  async list(): Promise<readonly ListedFile[]> {
    const names = await this.#names();
    const files = await Promise.all(
      names.map(async (name) => {
        const stat = await this.#disk.stat(`${this.#folder}/${name}`);
        if (stat === undefined) return undefined;
        return { name, size: stat.size, modified: stat.modified };
      }),
    );
    return files.filter((file) => file !== undefined);
  }

  /** F1. Undefined for a name that is not in the list. */
  async read(name: string, offset: number): Promise<FilePiece | undefined> {
    const known = (await this.#names()).find((each) => each === name);
    if (known === undefined) return undefined;
    const file = await this.#disk.open(`${this.#folder}/${known}`, 'read');
    try {
      const size = await file.size();
      const into = new Uint8Array(Math.min(Math.max(size - offset, 0), PIECE_BYTES));
      const count = await file.read(into, offset);
      return { bytes: into.subarray(0, count), size };
    } finally {
      await file.close();
    }
  }

  async #names(): Promise<readonly string[]> {
    if (this.#folder === undefined) return [];
    if ((await this.#disk.stat(this.#folder))?.kind !== 'directory') return [];
    const entries = await this.#disk.list(this.#folder);
    return entries.filter(({ kind }) => kind === 'file').map(({ name }) => name);
  }
}
