/**
 * The folders of checkpoints, looked at again and again while jobs run: told by what their masters
 * log, and by what is on the disk.
 *
 * Invariants
 * D1. The folder of a checkpoint is made once: no master uses an id again.
 * D2. What a checkpoint has left that was given up is gone soon after a later one is complete,
 *     while its master lives. Before that it may not be known whether a pointer leads to it.
 */
import { AssertionError } from '../../src/base/assert.ts';
import type { LogFields } from '../../src/env/env.ts';
import { CHECKPOINTS } from '../cluster/places.ts';
import type { FileSystem } from '../file-system.ts';
import type { Inode } from '../inode.ts';
import type { Checker } from './checker.ts';

export interface CheckpointFoldersOptions {
  /** Of the disk that the hosts share. */
  readonly files: FileSystem;
  /** Milliseconds of virtual time. */
  readonly now: () => number;
  /** How many masters there have been. */
  readonly masters: () => number;
  /** Whether files stayed because of a fault, which was told. */
  readonly isTold: () => boolean;
}

/** Milliseconds between two looks. */
const EVERY = 25;
/** Milliseconds that a removal may take. */
const SOON = 5_000;

interface GivenUp {
  readonly masters: number;
  readonly jobId: string;
  /** When a later one was complete; undefined: none is. */
  since: number | undefined;
}

export class CheckpointFolders implements Checker {
  readonly name = 'checkpoint folders';
  readonly #options: CheckpointFoldersOptions;
  readonly #made: Map<string, Inode> = new Map();
  readonly #givenUp: Map<string, GivenUp> = new Map();
  #next = 0;

  constructor(options: CheckpointFoldersOptions) {
    this.#options = options;
  }

  observe(message: string, { jobId }: LogFields): void {
    if (typeof jobId !== 'string') return;
    const { masters, now } = this.#options;
    const failed = /^checkpoint (\d+) failed: /.exec(message)?.[1];
    if (failed !== undefined) {
      const path = `${CHECKPOINTS}/${jobId}/chk-${failed}`;
      this.#givenUp.set(path, { masters: masters(), jobId, since: undefined });
    }
    if (!/^checkpoint \d+ is complete: /.test(message)) return;
    for (const each of this.#givenUp.values()) {
      if (each.jobId === jobId) each.since ??= now();
    }
  }

  check(): void {
    const now = this.#options.now();
    if (now < this.#next) return;
    this.#next = now + EVERY;
    const there = new Map(this.#folders());
    for (const [path, inode] of there) {
      const before = this.#made.get(path);
      this.#made.set(path, inode);
      if (before === undefined || before === inode) continue;
      throw new AssertionError(`D1: ${path} was made twice`);
    }
    this.#requireGone(there, now);
  }

  /** D2 */
  #requireGone(there: ReadonlyMap<string, Inode>, now: number): void {
    const { masters, isTold } = this.#options;
    for (const [path, { since, masters: before }] of this.#givenUp) {
      if (!there.has(path) || before !== masters() || isTold()) this.#givenUp.delete(path);
      else if (since !== undefined && now - since > SOON) {
        throw new AssertionError(`D2: ${path} was given up, and stays`);
      }
    }
  }

  *#folders(): Generator<[path: string, inode: Inode]> {
    const { files } = this.#options;
    for (const [job, folder] of files.list(CHECKPOINTS).entries) {
      if (folder.kind !== 'directory' || !/^[0-9a-f]{32}$/.test(job)) continue;
      for (const [name, inode] of folder.entries) {
        if (/^chk-\d+$/.test(name)) yield [`${CHECKPOINTS}/${job}/${name}`, inode];
      }
    }
  }
}
