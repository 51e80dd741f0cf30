/**
 * The files and folders of one simulated disk, as its host's system sees them: names, links, room
 * that can run out. Every method happens at one instant; waiting and being killed in between is
 * `disk.ts`.
 *
 * Invariants
 * F1. A method that throws has changed nothing, except that a write without room may have done a
 *     part, and so has a removal of a folder into which something came meanwhile.
 * F2. What a power loss takes and leaves is decided by the inodes alone, from the root down.
 */
import { EngineError } from '../src/base/errors.ts';
import type { Prng } from '../src/base/prng.ts';
import type { Timestamp } from '../src/base/units.ts';
import type { OpenMode } from '../src/env/env.ts';
import { DirectoryInode, FileInode, type Inode } from './inode.ts';
import { REASONS } from './system-reasons.ts';

/** Who does something, and when it is by that host's clock. */
export interface Actor {
  readonly host: string;
  readonly now: Timestamp;
}

/** How a folder is removed. */
interface Removal {
  /** What was there when somebody began to; undefined: what is there. */
  readonly listed?: ReadonlySet<string> | undefined;
  /** After so many entries who removes them is killed. */
  readonly limit?: number | undefined;
}

/** A name in a folder. */
interface Place {
  readonly folder: DirectoryInode;
  readonly name: string;
  readonly inode: Inode | undefined;
}

export class FileSystem {
  /** Bytes by which files may grow before the disk is full. */
  room: number = Infinity;
  /** How many times slower than usual it is. */
  slowness = 1;
  /** Probability that a sync of a file fails. */
  syncFailures = 0;
  /** Probability that any operation on it fails. */
  failures = 0;
  /** Nothing on it can be changed. */
  readOnly = false;
  /** Whether who holds a lock is known to other hosts, too: not every network file system does. */
  locksBetweenHosts = true;
  readonly #locks: { readonly file: FileInode; readonly host: string; readonly holder: object }[] =
    [];
  readonly #root: DirectoryInode = new DirectoryInode(0 as Timestamp);

  /**
   * What is at a path; undefined if nothing is. @throws IO_FAILED if a part of the path is a file
   */
  find(path: string, operation: string): Inode | undefined {
    let inode: Inode | undefined = this.#root;
    for (const name of parts(path)) {
      if (inode === undefined) return undefined;
      if (inode.kind === 'file') throw failed(operation, path, REASONS.notFolder);
      inode = inode.entries.get(name);
    }
    return inode;
  }

  open(path: string, mode: OpenMode, actor: Actor): FileInode {
    const operation = mode === 'create' ? 'create' : 'open';
    const inode = this.find(path, operation);
    if (inode !== undefined && mode === 'create') throw new EngineError('IO_EXISTS', { path });
    if (inode?.kind === 'directory') throw failed(operation, path, REASONS.folder);
    if (inode === undefined) {
      if (mode === 'read' || mode === 'update') throw new EngineError('IO_NOT_FOUND', { path });
      const place = this.#place(path, operation);
      this.#needRoom(operation, path);
      const made = new FileInode(actor.now);
      place.folder.change([[place.name, made]], actor.host);
      place.folder.modified = actor.now;
      return made;
    }
    if (mode === 'write' && inode.size > 0) {
      inode.truncate(0, actor.host);
      inode.modified = actor.now;
    }
    return inode;
  }

  /** Writes all of the bytes, or as many as there is room for and throws. */
  write(file: FileInode, path: string, bytes: Uint8Array, position: number, actor: Actor): void {
    const growth = Math.max(0, position + bytes.length - file.size);
    const short = Math.max(0, growth - this.room);
    const fitting = bytes.subarray(0, Math.max(0, bytes.length - short));
    this.room -= growth - short;
    file.write(fitting, position, actor.host);
    file.modified = actor.now;
    if (short > 0) throw new EngineError('IO_NO_SPACE', { operation: 'write', path });
  }

  /** False if another holds it. */
  lock(file: FileInode, host: string, holder: object): boolean {
    const taken = this.#locks.some(
      (lock) => lock.file === file && (this.locksBetweenHosts || lock.host === host),
    );
    if (!taken) this.#locks.push({ file, host, holder });
    return !taken;
  }

  unlock(file: FileInode, holder: object): void {
    const index = this.#locks.findIndex((lock) => lock.file === file && lock.holder === holder);
    if (index >= 0) this.#locks.splice(index, 1);
  }

  list(path: string): DirectoryInode {
    const inode = this.find(path, 'list');
    if (inode === undefined) throw new EngineError('IO_NOT_FOUND', { path });
    if (inode.kind === 'file') throw failed('list', path, REASONS.notFolder);
    return inode;
  }

  makeDirectory(path: string, actor: Actor): void {
    let folder = this.#root;
    const names = parts(path);
    names.forEach((name, index) => {
      const inode = folder.entries.get(name);
      if (inode?.kind === 'file') {
        if (index === names.length - 1) throw new EngineError('IO_EXISTS', { path });
        throw failed('make the folder', path, REASONS.notFolder);
      }
      if (inode !== undefined) {
        folder = inode;
        return;
      }
      this.#needRoom('make the folder', path);
      const made = new DirectoryInode(actor.now);
      folder.change([[name, made]], actor.host);
      folder = made;
    });
  }

  rename(from: string, to: string, actor: Actor): void {
    const operation = `rename to ${to}`;
    const source = this.#existing(from, operation);
    const target = this.#place(to, operation, folderOf(to));
    const moved = source.inode as Inode;
    if (target.inode === moved) return;
    if (moved.kind === 'directory') {
      if (target.inode?.kind === 'file') throw failed(operation, from, REASONS.notFolder);
      if ((target.inode?.entries.size ?? 0) > 0) throw failed(operation, from, REASONS.notEmpty);
      if (contains(moved, target.folder)) throw failed(operation, from, REASONS.invalid);
    } else if (target.inode?.kind === 'directory') {
      throw failed(operation, from, REASONS.folder);
    }
    if (source.folder === target.folder) {
      const changes = [[source.name, undefined] as const, [target.name, moved] as const];
      source.folder.change(changes, actor.host);
    } else {
      target.folder.change([[target.name, moved]], actor.host);
      source.folder.change([[source.name, undefined]], actor.host);
    }
    source.folder.modified = actor.now;
    target.folder.modified = actor.now;
  }

  link(from: string, to: string, actor: Actor): void {
    const operation = `link to ${to}`;
    const source = this.#existing(from, operation);
    const inode = source.inode as Inode;
    const target = this.#place(to, operation, folderOf(to));
    if (target.inode !== undefined) throw new EngineError('IO_EXISTS', { path: to });
    if (inode.kind === 'directory') {
      throw new EngineError('IO_ACCESS_DENIED', { operation, path: from });
    }
    target.folder.change([[target.name, inode]], actor.host);
  }

  /** The paths of all that is below a path, as one who removes it entry by entry lists them. */
  below(path: string): ReadonlySet<string> {
    const found = new Set<string>();
    const visit = (inode: Inode | undefined, at: string): void => {
      if (inode?.kind !== 'directory') return;
      for (const [name, child] of inode.entries) {
        found.add(`${at}/${name}`);
        visit(child, `${at}/${name}`);
      }
    };
    visit(this.#findOrNothing(path), path);
    return found;
  }

  /**
   * Removes what is at the path, entry by entry.
   * @throws IO_FAILED if there is something in one of its folders that was not `listed`
   */
  remove(path: string, actor: Actor, { listed, limit = Infinity }: Removal = {}): void {
    const inode = this.#findOrNothing(path);
    if (inode === undefined) return;
    const place = this.#place(path, 'remove');
    let left = limit;
    const removeAll = ({ folder, name, inode: child }: Place, at: string): void => {
      if (child?.kind === 'directory') {
        for (const [below, next] of [...child.entries]) {
          const there = `${at}/${below}`;
          if (listed?.has(there) === false) throw failed('remove', path, REASONS.notEmpty);
          removeAll({ folder: child, name: below, inode: next }, there);
        }
      }
      if (left <= 0) return;
      left -= 1;
      folder.change([[name, undefined]], actor.host);
      folder.modified = actor.now;
    };
    removeAll(place, path);
  }

  syncDirectory(path: string): void {
    const inode = this.find(path, 'sync');
    if (inode === undefined) throw new EngineError('IO_NOT_FOUND', { path });
    if (inode.kind === 'file') throw failed('sync', path, REASONS.notFolder);
    inode.sync();
  }

  /** F2: `host` has lost its power. */
  crash(random: Prng, host: string): void {
    const seen = new Set<Inode>();
    const visit = (inode: Inode): void => {
      if (seen.has(inode)) return;
      seen.add(inode);
      inode.crash(random, host);
      if (inode.kind === 'directory') for (const child of inode.entries.values()) visit(child);
    };
    visit(this.#root);
  }

  #findOrNothing(path: string): Inode | undefined {
    let inode: Inode | undefined = this.#root;
    for (const name of parts(path)) {
      inode = inode?.kind === 'directory' ? inode.entries.get(name) : undefined;
    }
    return inode;
  }

  #existing(path: string, operation: string): Place {
    const place =
      this.#findOrNothing(path) === undefined ? undefined : this.#place(path, operation);
    if (place?.inode === undefined) throw new EngineError('IO_NOT_FOUND', { path });
    return place;
  }

  /** The folder and the name of a path, whose folder must be there. */
  #place(path: string, operation: string, missing: string = path): Place {
    const names = parts(path);
    const name = names.pop();
    if (name === undefined) throw failed(operation, path, REASONS.invalid);
    const folder = this.find(names.join('/'), operation);
    if (folder === undefined) throw new EngineError('IO_NOT_FOUND', { path: missing });
    if (folder.kind === 'file') throw failed(operation, path, REASONS.notFolder);
    return { folder, name, inode: folder.entries.get(name) };
  }

  #needRoom(operation: string, path: string): void {
    if (this.room <= 0) throw new EngineError('IO_NO_SPACE', { operation, path });
  }
}

function contains(folder: DirectoryInode, inode: DirectoryInode): boolean {
  if (folder === inode) return true;
  for (const child of folder.entries.values()) {
    if (child.kind === 'directory' && contains(child, inode)) return true;
  }
  return false;
}

function folderOf(path: string): string {
  return `/${parts(path).slice(0, -1).join('/')}`;
}

function parts(path: string): string[] {
  return path.split('/').filter((part) => part !== '');
}

function failed(operation: string, path: string, reason: string): EngineError {
  return new EngineError('IO_FAILED', { operation, path, reason });
}
