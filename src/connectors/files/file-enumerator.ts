/**
 * Finds the files of a source, cuts them into splits and gives these to whoever asks, in order;
 * with `watch` it goes on looking for files that it has not seen.
 *
 * Invariants
 * E1. Every path is found once, as soon as there is something in it: it is in `seen` from then on,
 *     and its splits are given once, or again after they came back.
 * E2. A reader waits only while no split is pending.
 */
import { assert } from '../../base/assert.ts';
import type { Duration } from '../../base/units.ts';
import type { SplitEnumerator, SplitEnumeratorContext } from '../../functions/source.ts';
import type { Schema } from '../../types/schema.ts';
import { t } from '../../types/t.ts';
import { compressionOf } from './compression.ts';
import { discoverFiles, noMatch, type DiscoveryOptions } from './file-discovery.ts';
import {
  cutFile,
  FileSplitSchema,
  wholeFile,
  type FileSplit,
  type FoundFile,
} from './file-split.ts';

export interface FileEnumeratorState {
  readonly pending: readonly FileSplit[];
  readonly seen: readonly string[];
}

export const FileEnumeratorStateSchema: Schema<FileEnumeratorState> = t.struct({
  pending: t.array(FileSplitSchema),
  seen: t.array(t.string),
});

export interface FileEnumeratorOptions extends DiscoveryOptions {
  /** Undefined: chosen by how much there is to read. */
  readonly splitBytes: number | undefined;
  /** Whether a file of this format may be read from the middle. */
  readonly splittable: boolean;
  /** How often to look for new files; undefined: once. */
  readonly watch: Duration | undefined;
}

const SPLIT_BYTES_MAX = 16 * 1024 * 1024;
const SPLIT_BYTES_MIN = 1024 * 1024;
const TAKEN_BYTES = 1024 * 1024;
const TAKEN_MAX = 256;

export class FileEnumerator implements SplitEnumerator<FileSplit, FileEnumeratorState> {
  readonly #context: SplitEnumeratorContext<FileSplit>;
  readonly #options: FileEnumeratorOptions;
  readonly #restored: boolean;
  readonly #seen: Set<string>;
  readonly #waiting = new Set<number>();
  #pending: FileSplit[];
  #timer: Disposable | undefined;
  #closed = false;

  constructor(
    context: SplitEnumeratorContext<FileSplit>,
    options: FileEnumeratorOptions,
    restored: FileEnumeratorState | undefined,
  ) {
    this.#context = context;
    this.#options = options;
    this.#restored = restored !== undefined;
    this.#seen = new Set(restored?.seen);
    this.#pending = [...(restored?.pending ?? [])];
  }

  async start(): Promise<void> {
    // A bounded source reads what was there when it first started, also after a restore.
    if (!this.#restored || this.#options.watch !== undefined) await this.#discover();
    this.#watch();
  }

  addReader(): void {}

  handleSplitRequest(subtask: number): void {
    const splits = this.#take();
    if (splits.length > 0) this.#context.assign(subtask, splits);
    else if (this.#options.watch === undefined) this.#context.signalNoMoreSplits(subtask);
    else this.#waiting.add(subtask);
  }

  addSplitsBack(splits: readonly FileSplit[], subtask: number): void {
    this.#waiting.delete(subtask);
    this.#pending.unshift(...splits);
    this.#serveWaiting();
  }

  snapshot(): FileEnumeratorState {
    return { pending: [...this.#pending], seen: [...this.#seen] };
  }

  close(): void {
    this.#closed = true;
    this.#timer?.[Symbol.dispose]();
  }

  #watch(): void {
    const { watch } = this.#options;
    if (watch === undefined || this.#closed) return;
    this.#timer = this.#context.env.clock.after(watch, () => {
      this.#discover().then(
        () => this.#watch(),
        (error: unknown) => {
          if (!this.#closed) this.#context.fail(error);
        },
      );
    });
  }

  async #discover(): Promise<void> {
    const { path: wanted, watch } = this.#options;
    const { disk, log } = this.#context.env;
    const { files, kind } = await discoverFiles(disk, this.#options);
    if (this.#closed) return;
    if (files.length === 0 && watch === undefined) {
      if (kind === 'pattern') throw await noMatch(disk, wanted);
      log.write('warn', `the folder ${wanted} holds no files to read`, {
        path: disk.resolve(wanted),
      });
    }
    const fresh = files.filter(({ path, size }) => size > 0 && !this.#seen.has(path));
    const splitBytes = this.#splitBytes(fresh);
    for (const file of fresh) {
      assert(!this.#seen.has(file.path), 'E1: a file is found once');
      this.#seen.add(file.path);
      this.#pending.push(...this.#cut(file, splitBytes));
    }
    this.#serveWaiting();
  }

  #cut(file: FoundFile, splitBytes: number): readonly FileSplit[] {
    if (compressionOf(file.name) !== undefined || !this.#options.splittable) {
      return [wholeFile(file)];
    }
    return cutFile(file, splitBytes);
  }

  /**
   * Small enough that every reader gets something, large enough that a split is worth its start.
   */
  #splitBytes(files: readonly FoundFile[]): number {
    if (this.#options.splitBytes !== undefined) return this.#options.splitBytes;
    const total = files.reduce((sum, { size }) => sum + size, 0);
    const share = Math.ceil(total / this.#context.parallelism);
    return Math.min(SPLIT_BYTES_MAX, Math.max(SPLIT_BYTES_MIN, share));
  }

  #serveWaiting(): void {
    for (const subtask of this.#waiting) {
      const splits = this.#take();
      if (splits.length === 0) return;
      this.#waiting.delete(subtask);
      this.#context.assign(subtask, splits);
    }
  }

  /** One split, or several small ones, since asking takes time; but not what others could read. */
  #take(): readonly FileSplit[] {
    const share = Math.ceil(this.#pending.length / (2 * this.#context.parallelism));
    const most = Math.min(share, TAKEN_MAX);
    let count = 0;
    for (let bytes = 0; count < most && bytes < TAKEN_BYTES; count++) {
      const { from, to } = this.#pending[count]!;
      bytes += to - from;
    }
    return this.#pending.splice(0, count);
  }
}
