/**
 * Files of this machine, by node:fs/promises. Contents are made durable by fdatasync (size
 * included), entries of folders by fsync of the folder; on Windows, where a folder cannot be
 * synced, `syncDirectory` only checks that it is there, and NTFS's journal orders the entries.
 */
import type { Dirent, OpenMode as NodeFlags } from 'node:fs';
import type * as FileSystem from 'node:fs/promises';
import { isEngineError } from '../../base/errors.ts';
import type { Timestamp } from '../../base/units.ts';
import type {
  Access,
  DirectoryEntry,
  Disk,
  DiskFile,
  DiskLock,
  FileStat,
  OpenMode,
  ScratchFile,
} from '../env.ts';
import { NodeDiskFile } from './disk-file.ts';
import { lockFile } from './disk-lock.ts';
import { makeFolders } from './make-folders.ts';
import { NodeScratchFile } from './scratch-file.ts';
import { diskError, systemCode } from './system-error.ts';

/** How Node names the modes. */
const FLAGS: Readonly<Record<OpenMode, NodeFlags>> = {
  read: 'r',
  create: 'wx+',
  write: 'w+',
  append: 'a+',
  update: 'r+',
};

const PRIVATE_FILE = 0o600;
const PRIVATE_FOLDER = 0o700;

export interface NodeDiskOptions {
  /** Where scratch files go; the system's folder for temporary files if undefined. */
  readonly scratchFolder?: string | undefined;
}

/** @example const disk = nodeDisk({ scratchFolder: '/var/tmp' }) */
export function nodeDisk(options: NodeDiskOptions = {}): Disk {
  return new NodeDisk(options);
}

class NodeDisk implements Disk {
  readonly #scratchFolder: string | undefined;

  constructor(options: NodeDiskOptions) {
    this.#scratchFolder = options.scratchFolder;
  }

  async open(path: string, mode: OpenMode, access?: Access): Promise<DiskFile> {
    const operation = mode === 'create' ? 'create' : 'open';
    const bits = access === undefined ? undefined : PRIVATE_FILE;
    const handle = await attempt(operation, path, () => fs().open(path, FLAGS[mode], bits));
    // One that was there before has the mode that it had.
    if (bits !== undefined && mode === 'write') {
      await attempt('restrict', path, () => handle.chmod(bits));
    }
    return new NodeDiskFile(handle, path, mode);
  }

  async stat(path: string): Promise<FileStat | undefined> {
    try {
      const stats = await fs().stat(path);
      // Files have finer times than a Timestamp, which is a whole number.
      const modified = Math.floor(stats.mtimeMs) as Timestamp;
      return { kind: kindOf(stats), size: stats.size, modified };
    } catch (thrown) {
      if (isNothingThere(thrown)) return undefined;
      throw diskError(thrown, 'look at', path);
    }
  }

  async list(path: string): Promise<readonly DirectoryEntry[]> {
    const entries = await attempt('list', path, () => fs().readdir(path, { withFileTypes: true }));
    const listed = await Promise.all(entries.map((entry) => this.#entry(path, entry)));
    return listed.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  }

  // A link counts as what it leads to, as in `stat` and `open`.
  async #entry(folder: string, entry: Dirent): Promise<DirectoryEntry> {
    if (!entry.isSymbolicLink()) return { name: entry.name, kind: kindOf(entry) };
    const target = await this.stat(`${folder}/${entry.name}`);
    return { name: entry.name, kind: target?.kind ?? 'other' };
  }

  async makeDirectory(path: string, access?: Access): Promise<void> {
    const mode = access === undefined ? undefined : PRIVATE_FOLDER;
    await makeFolders(fs(), this.resolve(path), mode);
    if (mode !== undefined) await attempt('restrict', path, () => fs().chmod(path, mode));
  }

  async rename(from: string, to: string): Promise<void> {
    try {
      await fs().rename(from, to);
    } catch (thrown) {
      throw diskError(thrown, `rename to ${to}`, await this.#missing(thrown, from, to));
    }
  }

  async link(from: string, to: string): Promise<void> {
    try {
      await fs().link(from, to);
    } catch (thrown) {
      if (systemCode(thrown) === 'EEXIST') throw diskError(thrown, 'link', to);
      throw diskError(thrown, `link to ${to}`, await this.#missing(thrown, from, to));
    }
  }

  async remove(path: string): Promise<void> {
    try {
      // Somebody may put a file into a folder of which all others are removed already.
      await fs().rm(path, { recursive: true, force: true, maxRetries: 3, retryDelay: 10 });
    } catch (thrown) {
      if (!isNothingThere(thrown)) throw diskError(thrown, 'remove', path);
    }
  }

  async syncDirectory(path: string): Promise<void> {
    if (process.platform === 'win32') {
      await this.list(path);
      return;
    }
    await attempt('sync', path, async () => {
      const { O_DIRECTORY, O_RDONLY } = fs().constants;
      const handle = await fs().open(path, O_RDONLY | O_DIRECTORY);
      try {
        await handle.sync();
      } finally {
        await handle.close();
      }
    });
  }

  async lock(path: string): Promise<DiskLock | undefined> {
    try {
      await (await this.open(path, 'create', 'private')).close();
    } catch (thrown) {
      if (!isEngineError(thrown, 'IO_EXISTS')) throw thrown;
    }
    return lockFile(path);
  }

  resolve(path: string): string {
    const absolute = process.getBuiltinModule('node:path').resolve(path);
    return process.platform === 'win32' ? absolute.replaceAll('\\', '/') : absolute;
  }

  scratch(): ScratchFile {
    return new NodeScratchFile(this.#scratchFolder);
  }

  /**
   * Of an operation on two paths, the one that an ENOENT is about: `to` means its folder is
   * missing.
   */
  async #missing(thrown: unknown, from: string, to: string): Promise<string> {
    if (systemCode(thrown) !== 'ENOENT') return from;
    try {
      await fs().lstat(from);
    } catch {
      return from;
    }
    return process.getBuiltinModule('node:path').dirname(to);
  }
}

// Loaded on first use: it takes a millisecond, and not every process opens files.
function fs(): typeof FileSystem {
  return process.getBuiltinModule('node:fs/promises');
}

async function attempt<T>(operation: string, path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    throw diskError(thrown, operation, path);
  }
}

function isNothingThere(thrown: unknown): boolean {
  const code = systemCode(thrown);
  return code === 'ENOENT' || code === 'ENOTDIR';
}

function kindOf(entry: {
  isFile(): boolean;
  isDirectory(): boolean;
}): 'file' | 'directory' | 'other' {
  return entry.isFile() ? 'file' : entry.isDirectory() ? 'directory' : 'other';
}
