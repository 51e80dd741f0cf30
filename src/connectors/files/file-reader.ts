/**
 * Reads the splits of a file source one after another: emits the records of their lines, and deals
 * with the lines that are none.
 *
 * Invariants
 * F1. Splits are read in the order in which they came; one is opened when all reads of the one
 *     before have begun, and no more than OPENED_MAX before their turn.
 * F2. A malformed line is skipped, emitted or thrown once, before any line after it; while its
 *     number is being counted, the position is its start.
 */
import type { Counter } from '../../functions/metric-group.ts';
import type {
  PollResult,
  SourceOutput,
  SourceReader,
  SourceReaderContext,
  SplitOutput,
} from '../../functions/source.ts';
import type { LineFormat, LineProblem } from '../../formats/format.ts';
import type { FileSplit } from './file-split.ts';
import {
  malformedLine,
  malformedLineError,
  refusedLine,
  type RefusedLine,
} from './malformed-line.ts';
import { BlockBuffers } from './read-ahead.ts';
import { SplitReading, type StoppingHandler } from './split-reading.ts';

/** What to do about a line that is no record. */
export type OnError = 'fail' | 'skip' | 'side-output';

export interface FileReaderOptions<T> {
  readonly format: LineFormat<T>;
  readonly onError: OnError;
  readonly blockBytes: number;
}

const OPENED_MAX = 4;

/** Of malformed lines that are skipped, this many of a subtask are named in the log. */
const LOGGED_MAX = 10;

export class FileReader<T> implements SourceReader<T, FileSplit>, StoppingHandler<T> {
  readonly #context: SourceReaderContext;
  readonly #options: FileReaderOptions<T>;
  readonly #buffers: BlockBuffers;
  readonly #malformed: Counter;
  readonly #waiting: FileSplit[] = [];
  #current: SplitReading<T> | undefined;
  /** Opened before their turn, so that small files are there when it comes. */
  readonly #opened: SplitReading<T>[] = [];
  readonly #closing = new Set<Promise<void>>();
  #closeFailure: { readonly error: unknown } | undefined;
  #requested = false;
  #noMore = false;
  #output: SourceOutput<T> | undefined;
  /** Of `#current`. */
  #split: SplitOutput<T> | undefined;
  #held: RefusedLine | undefined;
  /** Whose lines are being counted. */
  #counting: SplitReading<T> | undefined;
  #countFailure: { readonly error: unknown } | undefined;
  stopped = false;

  constructor(context: SourceReaderContext, options: FileReaderOptions<T>) {
    this.#context = context;
    this.#options = options;
    this.#buffers = new BlockBuffers(options.blockBytes);
    this.#malformed = context.metrics.counter('malformedLines');
  }

  start(): void {
    this.#openMore();
  }

  addSplits(splits: readonly FileSplit[]): void {
    this.#requested = false;
    this.#waiting.push(...splits);
    this.#openMore();
    this.#context.available();
  }

  noMoreSplits(): void {
    this.#noMore = true;
    this.#context.available();
  }

  poll(output: SourceOutput<T>): PollResult {
    if (this.#closeFailure !== undefined) throw this.#closeFailure.error;
    this.#output = output;
    output.locate?.(this.#place);
    for (;;) {
      if (this.#held !== undefined && !this.#release(output)) return 'nothing';
      if (output.full) return 'more';
      this.#current ??= this.#opened.shift();
      const current = this.#current;
      if (current === undefined) return this.#noMore ? 'end' : 'nothing';
      this.#split = output.forSplit(current.split.id);
      this.stopped = false;
      const result = current.read(this);
      if (result === 'finished') this.#finish(current);
      this.#openMore();
      if (result === 'waiting') return 'nothing';
    }
  }

  snapshot(): readonly FileSplit[] {
    const splits: FileSplit[] = [];
    if (this.#current !== undefined) {
      const next = this.#held === undefined ? this.#current.next : this.#held.offset;
      splits.push(next === undefined ? this.#current.split : { ...this.#current.split, next });
    }
    return [...splits, ...this.#opened.map(({ split }) => split), ...this.#waiting];
  }

  async close(): Promise<void> {
    this.#noMore = true;
    this.#waiting.length = 0;
    const readings = [this.#current, ...this.#opened.splice(0)];
    this.#current = undefined;
    await Promise.all([...readings.map((reading) => reading?.close()), ...this.#closing]);
  }

  // ---------------------------------------------------------------------------- from the decoder

  record(value: T): boolean {
    const split = this.#split!;
    split.collect(value);
    if (!split.full) return true;
    this.stopped = true;
    return false;
  }

  malformed(problem: LineProblem, bytes: Uint8Array, start: number, end: number): boolean {
    const current = this.#current!;
    const place = {
      file: current.split.name,
      offset: current.offset,
      linesAfterFirst: current.linesAfterFirst,
    };
    this.#malformed.increment();
    if (this.#options.onError === 'skip') {
      if (this.#malformed.count <= LOGGED_MAX) {
        this.#context.logger.warn(
          `skipped a malformed line, ${current.place}: ${problem.reason}` +
            (this.#malformed.count === LOGGED_MAX ? '; no more such lines are logged' : ''),
        );
      }
      return true;
    }
    this.#held = refusedLine(place, problem, bytes.subarray(start, end));
    if (this.#release(this.#output!) && !this.#output!.full) return true;
    this.stopped = true;
    return false;
  }

  readonly #place = (): string => this.#current?.place ?? 'between two files';

  /** Emits or throws the held line once its number is known. @returns false until then. */
  #release(output: SourceOutput<T>): boolean {
    const held = this.#held!;
    const current = this.#current!;
    if (this.#countFailure !== undefined) throw malformedLineError(held, undefined);
    const before = current.linesBefore;
    if (before === undefined) {
      this.#countLines(current);
      return false;
    }
    const line = before + held.linesAfterFirst + 1;
    if (this.#options.onError === 'fail') throw malformedLineError(held, line);
    this.#held = undefined;
    output.collectTo!('malformed', malformedLine(held, line));
    return true;
  }

  #countLines(reading: SplitReading<T>): void {
    if (this.#counting === reading) return;
    this.#counting = reading;
    reading.countLinesBefore().catch((error: unknown) => {
      this.#countFailure = { error };
      this.#context.available();
    });
  }

  // ------------------------------------------------------------------------------------ the splits

  #finish(reading: SplitReading<T>): void {
    this.#current = undefined;
    this.#output!.releaseSplit(reading.split.id);
    const closing: Promise<void> = reading.close().then(
      () => void this.#closing.delete(closing),
      (error: unknown) => {
        this.#closeFailure ??= { error };
        this.#context.available();
      },
    );
    this.#closing.add(closing);
  }

  #openMore(): void {
    while (this.#opened.length < OPENED_MAX) {
      const last = this.#opened.at(-1) ?? this.#current;
      if (last?.allBegun === false) return;
      const split = this.#waiting.shift();
      if (split === undefined) break;
      this.#opened.push(
        new SplitReading({
          env: this.#context.env,
          split,
          format: this.#options.format,
          buffers: this.#buffers,
          origins: this.#context.origins,
          progress: () => this.#context.available(),
        }),
      );
    }
    if (this.#waiting.length > 0 || this.#requested || this.#noMore) return;
    this.#requested = true;
    this.#context.requestSplit();
  }
}
