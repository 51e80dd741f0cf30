/**
 * The disk as a thread of a simulated process sees it: operations that take time, can fail, and are
 * caught in the middle when the thread ends.
 *
 * Invariants
 * K1. An operation of a thread that ends meanwhile has been done, has not, or has in part; it never
 *     happens after the end of the thread.
 * K2. Bytes given to `write` belong to the disk until the call is done: who changes them fails.
 * K3. Nothing but `close` is called on a closed file; a handle whose sync failed changes no more.
 * K4. An operation that fails by a fault of the disk has changed nothing; closing never does.
 */
import { AssertionError, assert } from '../src/base/assert.ts';
import { EngineError, isEngineError } from '../src/base/errors.ts';
import type { Prng } from '../src/base/prng.ts';
import type {
  DirectoryEntry,
  Disk,
  DiskFile,
  DiskLock,
  FileStat,
  OpenMode,
  ScratchFile,
} from '../src/env/env.ts';
import { wallClock } from './clock.ts';
import type { CrashMode, CrashPoints } from './crash-points.ts';
import type { Actor, FileSystem } from './file-system.ts';
import type { SimHost } from './host.ts';
import type { FileInode } from './inode.ts';
import type { SimEvent } from './event-queue.ts';
import { SimScratchFile } from './scratch-file.ts';
import { REASONS } from './system-reasons.ts';
import type { Ending, Held, SimThread } from './thread.ts';

/** Codes of operations in the trace. */
const OPERATIONS = {
  open: 1,
  stat: 2,
  list: 3,
  'make the folder': 4,
  rename: 5,
  link: 6,
  remove: 7,
  'sync the folder': 8,
  read: 9,
  write: 10,
  sync: 11,
  truncate: 12,
  size: 13,
  close: 14,
  lock: 15,
  unlock: 16,
} as const;

type Operation = keyof typeof OPERATIONS;

/** Opening for writing is refused by `open` itself, which knows the mode. */
const CHANGES: ReadonlySet<Operation> = new Set<Operation>([
  ...(['make the folder', 'rename', 'link', 'remove', 'write', 'truncate'] as const),
]);

/** Folders that several hosts share, as on a network file system. */
export interface Mount {
  /** Absolute path of the folder, the same on every host. */
  readonly path: string;
  readonly files: FileSystem;
}

export interface SimDiskOptions {
  readonly thread: SimThread;
  readonly host: SimHost;
  readonly mounts: readonly Mount[];
  readonly workingDirectory: string;
  readonly random: Prng;
  /** Typical microseconds of an operation. */
  readonly micros: number;
  readonly points: CrashPoints | undefined;
}

/** One operation: what it does, and what of it is done when its thread ends before. */
interface Work<T> {
  readonly operation: Operation;
  readonly path: string;
  readonly bytes: number;
  readonly files: FileSystem;
  readonly run: () => T;
  /** Does a part; nothing if it is left out. */
  readonly part?: ((random: Prng) => void) | undefined;
}

export class SimDisk implements Disk {
  readonly #options: SimDiskOptions;

  constructor(options: SimDiskOptions) {
    this.#options = options;
  }

  open(path: string, mode: OpenMode): Promise<DiskFile> {
    const { files, absolute } = this.#at(path);
    const run = (): DiskFile => {
      if (files.readOnly && mode !== 'read') {
        throw new EngineError('IO_READ_ONLY', { operation: mode, path });
      }
      const inode = files.open(absolute, mode, this.actor());
      return new SimDiskFile(this, files, inode, path, mode);
    };
    return this.perform({ operation: 'open', path, bytes: 0, files, run });
  }

  stat(path: string): Promise<FileStat | undefined> {
    const { files, absolute } = this.#at(path);
    const run = (): FileStat | undefined => {
      const inode = findOrNothing(files, absolute);
      if (inode === undefined) return undefined;
      const { kind, modified } = inode;
      return { kind, size: inode.kind === 'file' ? inode.size : 4096, modified };
    };
    return this.perform({ operation: 'stat', path, bytes: 0, files, run });
  }

  list(path: string): Promise<readonly DirectoryEntry[]> {
    const { files, absolute } = this.#at(path);
    const run = (): readonly DirectoryEntry[] =>
      [...files.list(absolute).entries]
        .map(([name, inode]): DirectoryEntry => ({ name, kind: inode.kind }))
        .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
    return this.perform({ operation: 'list', path, bytes: 0, files, run });
  }

  makeDirectory(path: string): Promise<void> {
    const { files, absolute } = this.#at(path);
    const run = (): void => files.makeDirectory(absolute, this.actor());
    return this.perform({ operation: 'make the folder', path, bytes: 0, files, run });
  }

  rename(from: string, to: string): Promise<void> {
    const source = this.#at(from);
    const target = this.#at(to);
    const run = (): void => {
      this.#oneDisk(source.files, target.files, `rename to ${to}`, from);
      source.files.rename(source.absolute, target.absolute, this.actor());
    };
    const path = `${from} -> ${to}`;
    return this.perform({ operation: 'rename', path, bytes: 0, files: source.files, run });
  }

  link(from: string, to: string): Promise<void> {
    const source = this.#at(from);
    const target = this.#at(to);
    const run = (): void => {
      this.#oneDisk(source.files, target.files, `link to ${to}`, from);
      source.files.link(source.absolute, target.absolute, this.actor());
    };
    const path = `${from} -> ${to}`;
    return this.perform({ operation: 'link', path, bytes: 0, files: source.files, run });
  }

  remove(path: string): Promise<void> {
    const { files, absolute } = this.#at(path);
    // Not at one instant: what comes into a folder after it was listed keeps it from being removed.
    const listed = files.below(absolute);
    const run = (): void => files.remove(absolute, this.actor(), { listed });
    const part = (random: Prng): void =>
      files.remove(absolute, this.actor(), { limit: random.below(20) });
    return this.perform({ operation: 'remove', path, bytes: 0, files, run, part });
  }

  syncDirectory(path: string): Promise<void> {
    const { files, absolute } = this.#at(path);
    const run = (): void => files.syncDirectory(absolute);
    return this.perform({ operation: 'sync the folder', path, bytes: 0, files, run });
  }

  lock(path: string): Promise<DiskLock | undefined> {
    const { files, absolute } = this.#at(path);
    const { thread, host } = this.#options;
    const run = (): DiskLock | undefined => {
      const inode = files.open(absolute, 'append', this.actor());
      const held: Held = { kind: 'lock', what: path, release: () => files.unlock(inode, held) };
      // Of a thread that has ended meanwhile nobody holds anything.
      if (!thread.alive || !files.lock(inode, host.name, held)) return undefined;
      thread.held.add(held);
      const unlock = (): void => {
        files.unlock(inode, held);
        if (thread.alive) thread.held.delete(held);
      };
      return {
        release: () => this.perform({ operation: 'unlock', path, bytes: 0, files, run: unlock }),
      };
    };
    return this.perform({ operation: 'lock', path, bytes: 0, files, run });
  }

  resolve(path: string): string {
    this.#options.thread.enter();
    return this.#absolute(path);
  }

  scratch(): ScratchFile {
    this.#options.thread.enter();
    return new SimScratchFile(this.#options.thread, this.#options.host.files);
  }

  get thread(): SimThread {
    return this.#options.thread;
  }

  get random(): Prng {
    return this.#options.random;
  }

  actor(): Actor {
    const { host, thread } = this.#options;
    return { host: host.name, now: wallClock(host, thread.scheduler.time) };
  }

  /** Has the operation happen after a while, and answers in a turn of the thread. */
  perform<T>(work: Work<T>): Promise<T> {
    const { thread, random } = this.#options;
    thread.enter();
    const { scheduler } = thread;
    const code = OPERATIONS[work.operation];
    const text = `${work.operation} ${work.path}`;
    scheduler.trace.record(scheduler.eventTime, thread, 'disk', code, work.bytes, text);
    return thread.promise<T>((settle) => {
      const delay = this.#delay(work);
      const apply = (): void => {
        thread.held.delete(held);
        const crash = this.#crash(work, text);
        if (crash === 'before') return;
        try {
          this.#refuse(work);
          const value = work.run();
          if (crash === undefined) settle.resolve('settle', code, work.bytes, () => value);
        } catch (error) {
          if (error instanceof AssertionError) scheduler.uncaught(thread, error);
          settle.reject('settle', code, -1, error as Error);
        }
      };
      const event: SimEvent = scheduler.world(delay, 'apply', code, work.bytes, apply);
      const held: Held = {
        kind: 'disk operation',
        what: text,
        release: (ending) => {
          scheduler.cancel(event);
          this.#interrupt(work, ending, random);
        },
      };
      thread.held.add(held);
    });
  }

  /** At a crash point: ends the process; what is still to be done of the operation is 'after'. */
  #crash<T>(work: Work<T>, text: string): CrashMode | undefined {
    const { points, thread, host, random } = this.#options;
    if (points === undefined) return undefined;
    const process = host.processOf(thread);
    const modes: CrashMode[] = ['before', 'after'];
    if (work.part !== undefined) modes.push('torn');
    const mode = points.reach('disk', process?.name, text, modes);
    if (mode === undefined) return undefined;
    process!.kill();
    if (mode === 'torn') work.part?.(random);
    return mode === 'after' ? 'after' : 'before';
  }

  /** K4. */
  #refuse({ operation, path, files }: Work<unknown>): void {
    if (operation === 'close') return;
    if (files.readOnly && CHANGES.has(operation)) {
      throw new EngineError('IO_READ_ONLY', { operation, path });
    }
    if (files.failures > 0 && this.#options.random.chance(files.failures)) {
      throw new EngineError('IO_FAILED', { operation, path, reason: REASONS.device });
    }
  }

  /** K1: what the system has done of an operation whose thread has ended. */
  #interrupt<T>(work: Work<T>, _ending: Ending, random: Prng): void {
    const done = random.below(3);
    if (done === 0) return;
    try {
      if (done === 1) work.run();
      else work.part?.(random);
    } catch (error) {
      // Nobody is left to be told; a wrong use of the disk is still one.
      if (error instanceof AssertionError) throw error;
    }
  }

  #delay(work: Work<unknown>): number {
    const { random, micros } = this.#options;
    const sync = work.operation === 'sync' || work.operation === 'sync the folder';
    const typical = micros * (sync ? 10 : 1) + work.bytes / 1000;
    const slow = random.below(500) === 0 ? 30 : 1;
    return Math.ceil(
      (typical / 2 + random.below(Math.ceil(typical) + 1)) * slow * work.files.slowness,
    );
  }

  #oneDisk(source: FileSystem, target: FileSystem, operation: string, path: string): void {
    if (source === target) return;
    throw new EngineError('IO_FAILED', { operation, path, reason: REASONS.otherDisk });
  }

  #at(path: string): { readonly files: FileSystem; readonly absolute: string } {
    const absolute = this.#absolute(path);
    const mount = this.#options.mounts.find(
      (each) => absolute === each.path || absolute.startsWith(`${each.path}/`),
    );
    return { files: mount?.files ?? this.#options.host.files, absolute };
  }

  #absolute(path: string): string {
    const whole = path.startsWith('/') ? path : `${this.#options.workingDirectory}/${path}`;
    const names: string[] = [];
    for (const name of whole.split('/')) {
      if (name === '..') names.pop();
      else if (name !== '' && name !== '.') names.push(name);
    }
    return `/${names.join('/')}`;
  }
}

class SimDiskFile implements DiskFile, Held {
  readonly kind: string = 'file';
  readonly what: string;
  readonly #disk: SimDisk;
  readonly #files: FileSystem;
  readonly #inode: FileInode;
  readonly #mode: OpenMode;
  #closed: Promise<void> | undefined = undefined;
  #syncFailed = false;

  constructor(disk: SimDisk, files: FileSystem, inode: FileInode, path: string, mode: OpenMode) {
    this.what = path;
    this.#disk = disk;
    this.#files = files;
    this.#inode = inode;
    this.#mode = mode;
    disk.thread.held.add(this);
  }

  async read(into: Uint8Array, position: number): Promise<number> {
    const run = (): Uint8Array => this.#inode.content.slice(position, position + into.length);
    const found = await this.#perform('read', into.length, run);
    into.set(found);
    return found.length;
  }

  async write(bytes: Uint8Array, position: number): Promise<void> {
    this.#refuseIfUnfit('write');
    const copy = bytes.slice();
    const write = (length: number): void => {
      for (let index = 0; index < length; index++) {
        if (bytes[index] === copy[index]) continue;
        throw new AssertionError(`K2: bytes were changed while they were written to ${this.what}`);
      }
      const at = this.#mode === 'append' ? this.#inode.size : position;
      const part = copy.subarray(0, length);
      this.#disk.thread.scheduler.trace.content(part);
      this.#files.write(this.#inode, this.what, part, at, this.#disk.actor());
    };
    const part = (random: Prng): void => write(random.below(bytes.length + 1));
    await this.#perform('write', bytes.length, () => write(bytes.length), part);
  }

  async sync(): Promise<void> {
    this.#refuseIfUnfit('sync');
    await this.#perform('sync', 0, () => {
      const { random } = this.#disk;
      if (!random.chance(this.#files.syncFailures)) {
        this.#inode.sync();
        return;
      }
      this.#inode.failSync(random);
      this.#syncFailed = true;
      const parameters = { operation: 'sync', path: this.what, reason: REASONS.device };
      throw new EngineError('IO_FAILED', parameters);
    });
  }

  async truncate(size: number): Promise<void> {
    this.#refuseIfUnfit('truncate');
    await this.#perform('truncate', 0, () => {
      this.#inode.truncate(size, this.#disk.actor().host);
      this.#inode.modified = this.#disk.actor().now;
    });
  }

  async size(): Promise<number> {
    return this.#perform('size', 0, () => this.#inode.size);
  }

  close(): Promise<void> {
    if (this.#closed !== undefined) return this.#closed;
    const { thread } = this.#disk;
    const closed = this.#perform('close', 0, () => undefined);
    if (thread.alive) thread.held.delete(this);
    this.#closed = closed;
    return closed;
  }

  release(): void {
    this.#closed = new Promise(() => undefined);
  }

  #perform<T>(
    operation: Operation,
    bytes: number,
    run: () => T,
    part?: (random: Prng) => void,
  ): Promise<T> {
    this.#disk.thread.enter();
    assert(this.#closed === undefined, `K3: ${this.what} is closed`);
    return this.#disk.perform({ operation, path: this.what, bytes, files: this.#files, run, part });
  }

  #refuseIfUnfit(operation: string): void {
    const reason = this.#syncFailed
      ? REASONS.syncFailed
      : this.#mode === 'read'
        ? REASONS.notForWriting
        : undefined;
    if (reason === undefined) return;
    throw new EngineError('IO_FAILED', { operation, path: this.what, reason });
  }
}

function findOrNothing(files: FileSystem, path: string): ReturnType<FileSystem['find']> {
  try {
    return files.find(path, 'look at');
  } catch (error) {
    if (isEngineError(error)) return undefined;
    throw error;
  }
}
