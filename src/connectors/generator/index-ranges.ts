/**
 * Sources that make their records from an index: a split is a range of indices, so it is small,
 * its position is a number, and reading on from there loses and doubles nothing.
 *
 * Invariants
 * I1. The splits of an enumerator and of all its readers together are the whole range, each index
 *     once.
 * I2. A reader emits the indices of a split in ascending order; `next` is the first that it has not
 *     emitted.
 */
import { assert } from '../../base/assert.ts';
import type {
  PollResult,
  SourceOutput,
  SourceReader,
  SourceReaderContext,
  SplitEnumerator,
  SplitEnumeratorContext,
  SplitOutput,
} from '../../functions/source.ts';
import type { Schema } from '../../types/schema.ts';
import { t } from '../../types/t.ts';
import { Throttle } from './throttle.ts';

const WITHOUT_END = Number.MAX_SAFE_INTEGER;
/** A reader that is slower than the others leaves them this many parts of its share to take. */
const RANGES_PER_READER = 32;
/** Of a range that is one of several of its reader: to ask for the next one costs little of it. */
const RANGE_LENGTH_MIN = 64 * 1024;

/** The indices `next`, `next + step`, ... below `end`. Without end, `end` is undefined. */
export interface IndexRange {
  readonly id: string;
  readonly next: number;
  readonly end?: number | undefined;
  readonly step: number;
}

export const IndexRangeSchema: Schema<IndexRange> = t.struct({
  id: t.string,
  next: t.integer,
  end: t.optional(t.integer),
  step: t.integer,
});

export const IndexRangesSchema: Schema<readonly IndexRange[]> = t.array(IndexRangeSchema);

/**
 * Cuts `[from, end)` into at most `count` ranges of nearly equal length, in order; without end,
 * into interleaved ones.
 */
export function splitIndices(
  from: number,
  end: number | undefined,
  count: number,
): readonly IndexRange[] {
  if (end === undefined) {
    return Array.from({ length: count }, (_, i) => ({
      id: `every-${count}-${i}`,
      next: from + i,
      step: count,
    }));
  }
  const length = end - from;
  const ranges: IndexRange[] = [];
  for (let i = 0; i < count; i++) {
    // Exact also where length * i is beyond the safe integers.
    const cut = (part: number): number =>
      from + Number((BigInt(length) * BigInt(part)) / BigInt(count));
    const [first, last] = [cut(i), cut(i + 1)];
    if (last > first) ranges.push({ id: `range-${count}-${i}`, next: first, end: last, step: 1 });
  }
  return ranges;
}

/**
 * The ranges of `[from, end)` for so many readers: more than there are readers where they are worth
 * asking for, so that all readers end at about the same time whatever the speed of each.
 */
export function rangesForReaders(
  from: number,
  end: number | undefined,
  readers: number,
): readonly IndexRange[] {
  if (end === undefined || readers === 1) return splitIndices(from, end, readers);
  const worthwhile = Math.floor((end - from) / RANGE_LENGTH_MIN);
  const count = Math.min(readers * RANGES_PER_READER, worthwhile);
  return splitIndices(from, end, Math.max(readers, count));
}

/**
 * Gives out ranges: those with an end one at a time, those without by the remainder of their
 * number.
 */
export class IndexRangeEnumerator implements SplitEnumerator<IndexRange, readonly IndexRange[]> {
  readonly #context: SplitEnumeratorContext<IndexRange>;
  #unassigned: readonly IndexRange[];

  constructor(context: SplitEnumeratorContext<IndexRange>, ranges: readonly IndexRange[]) {
    this.#context = context;
    this.#unassigned = ranges;
  }

  start(): void {}

  addReader(): void {}

  handleSplitRequest(subtask: number): void {
    const endless = this.#unassigned[0]?.end === undefined;
    const mine = endless ? this.#takeOwn(subtask) : this.#takeFirst();
    if (mine.length > 0) this.#context.assign(subtask, mine);
    if (endless || this.#unassigned.length === 0) this.#context.signalNoMoreSplits(subtask);
  }

  addSplitsBack(splits: readonly IndexRange[]): void {
    this.#unassigned = [...splits, ...this.#unassigned];
  }

  snapshot(): readonly IndexRange[] {
    return this.#unassigned;
  }

  close(): void {}

  #takeFirst(): readonly IndexRange[] {
    const first = this.#unassigned.slice(0, 1);
    this.#unassigned = this.#unassigned.slice(1);
    return first;
  }

  #takeOwn(subtask: number): readonly IndexRange[] {
    const { parallelism } = this.#context;
    const own = (range: IndexRange): boolean => (range.next % range.step) % parallelism === subtask;
    const taken = this.#unassigned.filter(own);
    this.#unassigned = this.#unassigned.filter((range) => !own(range));
    return taken;
  }
}

/**
 * Emits the records of indices from `first` on, until `output.full`, and at most as many as
 * `budget`. Returns the index after the last one emitted. A tight loop of its own for each kind of
 * record.
 */
export type EmitRange<T> = (
  output: SplitOutput<T>,
  first: number,
  end: number,
  step: number,
  budget: number,
) => number;

export interface IndexRangeReaderOptions<T> {
  readonly emit: EmitRange<T>;
  /** Of this reader alone; undefined: as fast as it goes. */
  readonly ratePerSecond: number | undefined;
}

export class IndexRangeReader<T> implements SourceReader<T, IndexRange> {
  readonly #context: SourceReaderContext;
  readonly #emit: EmitRange<T>;
  readonly #throttle: Throttle | undefined;
  /** In turn; the first is being read. */
  readonly #ranges: {
    readonly id: string;
    next: number;
    readonly end: number;
    readonly step: number;
  }[] = [];
  readonly #paused = new Set<string>();
  #requested = false;
  #noMore = false;

  constructor(context: SourceReaderContext, options: IndexRangeReaderOptions<T>) {
    this.#context = context;
    this.#emit = options.emit;
    this.#throttle =
      options.ratePerSecond === undefined
        ? undefined
        : new Throttle(context.env.clock, options.ratePerSecond, () => context.available());
  }

  start(): void {
    if (this.#ranges.length === 0) this.#request();
  }

  addSplits(splits: readonly IndexRange[]): void {
    this.#requested = false;
    for (const { id, next, end, step } of splits) {
      this.#ranges.push({ id, next, end: end ?? WITHOUT_END, step });
    }
    this.#context.available();
  }

  noMoreSplits(): void {
    this.#noMore = true;
    this.#context.available();
  }

  poll(output: SourceOutput<T>): PollResult {
    // The next one is there when this one has been read.
    if (this.#ranges.length === 1 && this.#ranges[0]!.end !== WITHOUT_END) this.#request();
    // Those that take turns hold event time together, from their beginning.
    for (const { id, end } of this.#ranges) if (end === WITHOUT_END) output.forSplit(id);
    while (!output.full) {
      if (this.#ranges.length === 0) return this.#exhausted();
      const turn = this.#ranges.findIndex(({ id }) => !this.#paused.has(id));
      const range = this.#ranges[turn];
      if (range === undefined) return 'nothing';
      const budget = this.#throttle?.budget() ?? Number.MAX_SAFE_INTEGER;
      if (budget === 0) return 'nothing';
      const split = output.forSplit(range.id);
      const next = this.#emit(split, range.next, range.end, range.step, budget);
      this.#throttle?.spend((next - range.next) / range.step);
      assert(next >= range.next, 'I2: a range is read upwards');
      range.next = next;
      this.#ranges.splice(turn, 1);
      // Endless ranges take turns, so that the indices of one are not far ahead of another's.
      if (next >= range.end) output.releaseSplit(range.id);
      else if (range.end === WITHOUT_END) this.#ranges.push(range);
      else this.#ranges.unshift(range);
    }
    return this.#ranges.length === 0 ? this.#exhausted() : 'more';
  }

  pauseOrResumeSplits(pause: readonly string[], resume: readonly string[]): void {
    for (const id of pause) this.#paused.add(id);
    for (const id of resume) this.#paused.delete(id);
    if (resume.length > 0) this.#context.available();
  }

  snapshot(): readonly IndexRange[] {
    return this.#ranges.map(({ id, next, end, step }) => ({
      id,
      next,
      ...(end === WITHOUT_END ? {} : { end }),
      step,
    }));
  }

  close(): void {
    this.#throttle?.close();
  }

  #exhausted(): PollResult {
    if (this.#noMore) return 'end';
    this.#request();
    return 'nothing';
  }

  #request(): void {
    if (this.#requested || this.#noMore) return;
    this.#requested = true;
    this.#context.requestSplit();
  }
}
