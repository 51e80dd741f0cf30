/**
 * Somebody outside who looks at the files of a sink again and again while faults strike. What is
 * seen under a final name is a result: it is whole, and it is there in the end as it was seen. A
 * file whose rename was not durable may be gone after a loss of power, and must come back.
 *
 * Invariants
 * U1. A file that is seen is whole: it begins with its header and ends with a line.
 * U2. What was seen under a name is never something else, nor gone in the end.
 */
import { AssertionError } from '../../src/base/assert.ts';
import type { FileSystem } from '../file-system.ts';
import type { FileInode } from '../inode.ts';
import type { Checker } from './checker.ts';

export interface OutsideReaderOptions {
  readonly files: FileSystem;
  readonly folder: string;
  /** With which the files of the job begin; others were there before, and may go. */
  readonly header: string;
  /** Milliseconds of virtual time. */
  readonly now: () => number;
}

/** Milliseconds between two looks. */
const EVERY = 25;

export class OutsideReader implements Checker {
  readonly name = 'outside reader';
  readonly #options: OutsideReaderOptions;
  readonly #seen: Map<string, { inode: FileInode; readonly text: string }> = new Map();
  /** Seen before a job began anew, which replaces them. */
  readonly #replaced: Set<string> = new Set();
  #next = 0;

  constructor(options: OutsideReaderOptions) {
    this.#options = options;
  }

  check(): void {
    const now = this.#options.now();
    if (now < this.#next) return;
    this.#next = now + EVERY;
    this.#look();
  }

  /** What is seen now is to be replaced. */
  afresh(): void {
    this.#look();
    for (const name of this.#seen.keys()) this.#replaced.add(name);
  }

  /** U2. Called when nothing can happen any more. */
  atLast(): void {
    this.#look();
    const found = new Set([...this.#files(this.#options.folder)].map(([name]) => name));
    for (const name of this.#seen.keys()) {
      if (found.has(name) || this.#replaced.has(name)) continue;
      throw new AssertionError(`U2: ${name} was seen, and is gone`);
    }
  }

  #look(): void {
    for (const [name, inode] of this.#files(this.#options.folder)) {
      const before = this.#seen.get(name);
      if (before?.inode === inode) continue;
      const text = new TextDecoder().decode(inode.content);
      if (text.startsWith('old\n')) continue;
      this.#requireWhole(name, text);
      if (before !== undefined && before.text !== text) {
        throw new AssertionError(`U2: ${name} was seen as it is no more: ${before.text}`);
      }
      this.#seen.set(name, { inode, text });
    }
  }

  /** By their paths, those of buckets among them. */
  *#files(folder: string): Generator<[path: string, inode: FileInode]> {
    for (const [name, inode] of this.#options.files.list(folder).entries) {
      const path = `${folder}/${name}`;
      if (inode.kind === 'directory') yield* this.#files(path);
      else if (!name.startsWith('.')) yield [path, inode];
    }
  }

  #requireWhole(name: string, text: string): void {
    if (text.startsWith(`${this.#options.header}\n`) && text.endsWith('\n')) return;
    throw new AssertionError(`U1: ${name} is torn: ${text.slice(0, 100)}`);
  }
}
