/**
 * What a single window of a single key comes to, asked for out of turn: early, by a record, or for
 * a late one. So that this does not take a look at each of its slices, runs of slices are added up
 * once, in blocks of 4, 16, 64 and so on steps. Blocks follow from the slices in the state, are no
 * state themselves, and are made anew after a restore.
 *
 * Where windows may drop their contents, what has come to a slice is told apart by generation, and
 * a window asks for what has come after one of them: a block that has only later ones is taken
 * whole, one that has only earlier ones is passed over.
 *
 * Invariants
 * B1. A block holds what its slices hold. It ends at or before what was passed when it was made,
 *     and a record that comes into it later makes the block be forgotten for its key.
 * B2. Blocks that end before the earliest live slice are dropped.
 */
import type { Key } from '../../types/schema.ts';
import { ComparableKeys } from './comparable-keys.ts';
import type { ComparableKey } from './comparable-keys.ts';
import type { LiveSlices } from './live-slices.ts';
import type { Merge } from './pane-stack.ts';
import type { Slices } from './slices.ts';

/** How many blocks of a level are in one of the next. */
const FOLD = 4;

/** What there is, and of which generations. */
export interface Part {
  readonly value: unknown;
  readonly earliest: number;
  readonly latest: number;
}

/** Below every generation. */
export const EVERYTHING = -1;

export interface SliceBlocksOptions {
  readonly slices: Slices;
  readonly merge: Merge;
  /** What has come to a slice for the current key after a generation; undefined is nothing. */
  readonly read: (slice: number, after: number) => unknown;
  /** All that a slice holds for it. Not needed where nothing is dropped. */
  readonly part?: (slice: number) => Part | undefined;
}

/** From a time to before another, and what has come after a generation. */
export interface BlockSpan {
  readonly start: number;
  readonly end: number;
  readonly after?: number;
}

interface Level {
  readonly width: number;
  /** By the start of a block, what is in it by key. */
  readonly blocks: Map<number, Map<ComparableKey, Part | null>>;
  /** The earliest start of a block, or before it. */
  earliest: number;
}

export class SliceBlocks {
  readonly #options: SliceBlocksOptions;
  readonly #step: number;
  /** Where blocks of all levels begin, among other places. */
  readonly #origin: number;
  readonly #levels: readonly Level[];
  readonly #keys = new ComparableKeys();
  readonly #part: (slice: number) => Part | undefined;
  /** Of a call. */
  #live!: LiveSlices;
  #key!: ComparableKey;

  constructor(options: SliceBlocksOptions) {
    const { slices, read } = options;
    this.#options = options;
    this.#part = options.part ?? ((slice) => wholePart(read(slice, EVERYTHING)));
    this.#step = slices.step;
    this.#origin = slices.windowStart(slices.endAtOrAfter(0));
    const longest = slices.lastEnd(this.#origin) - this.#origin;
    const levels: Level[] = [];
    for (let width = FOLD * this.#step; width <= longest; width *= FOLD) {
      levels.push({ width, blocks: new Map(), earliest: Infinity });
    }
    this.#levels = levels;
  }

  /**
   * What has come to the current key after a generation from `start`, where a window may begin, to
   * before `end`; undefined if there is nothing. Who calls `changed` for all that comes before
   * `passed` says so.
   */
  total(
    key: Key,
    { start, end, after = EVERYTHING }: BlockSpan,
    live: LiveSlices,
    passed: number,
  ): unknown {
    this.#live = live;
    this.#key = this.#keys.of(key);
    const settled = Math.min(end, passed);
    let total: unknown = undefined;
    let at = start;
    while (at < end) {
      const slice = live.firstFrom(at);
      if (slice === undefined || slice >= end) break;
      // Nothing is in the steps before it.
      at = Math.max(at, this.#floor(slice, this.#step));
      const level = this.#levelAt(at, settled);
      const next = at + (level < 0 ? this.#step : this.#levels[level]!.width);
      const value =
        level < 0 ? this.#fold(at, Math.min(next, end), after) : this.#blockAfter(level, at, after);
      total = this.#merged(total, value);
      at = next;
    }
    return total;
  }

  /** B1: a record has come to a slice that may be in a block. */
  changed(key: Key, slice: number): void {
    let comparable: ComparableKey | undefined;
    for (const { width, blocks } of this.#levels) {
      const block = blocks.get(this.#floor(slice, width));
      if (block === undefined) continue;
      comparable ??= this.#keys.of(key);
      block.delete(comparable);
    }
  }

  /** B2: there are no slices before `start` any more. */
  dropBefore(start: number): void {
    for (const level of this.#levels) {
      const { width, blocks } = level;
      if (level.earliest + width > start) continue;
      // Mostly those in between are few.
      if ((start - level.earliest) / width < blocks.size) {
        for (let from = level.earliest; from + width <= start; from += width) blocks.delete(from);
      } else {
        for (const from of blocks.keys()) if (from + width <= start) blocks.delete(from);
      }
      level.earliest = blocks.size === 0 ? Infinity : this.#floor(start, width);
    }
  }

  /** The highest level with a block that begins here and ends by `settled`; -1 if there is none. */
  #levelAt(at: number, settled: number): number {
    const levels = this.#levels;
    let level = -1;
    while (level + 1 < levels.length) {
      const { width } = levels[level + 1]!;
      if (at + width > settled || this.#floor(at, width) !== at) break;
      level += 1;
    }
    return level;
  }

  /** What has come to a block after a generation. */
  #blockAfter(level: number, from: number, after: number): unknown {
    const part = this.#block(level, from);
    if (part === null || part.latest <= after) return undefined;
    if (part.earliest > after) return part.value;
    const to = from + this.#levels[level]!.width;
    if (this.#isFolded(level, from)) return this.#fold(from, to, after);
    let total: unknown = undefined;
    for (let at = from; at < to; at += this.#levels[level - 1]!.width) {
      total = this.#merged(total, this.#blockAfter(level - 1, at, after));
    }
    return total;
  }

  #block(level: number, from: number): Part | null {
    const of = this.#levels[level]!;
    const { width, blocks } = of;
    let block = blocks.get(from);
    if (block === undefined) {
      blocks.set(from, (block = new Map()));
      of.earliest = Math.min(of.earliest, from);
    }
    const known = block.get(this.#key);
    if (known !== undefined) return known;
    const made = this.#isFolded(level, from)
      ? this.#ofSlices(from, from + width)
      : this.#ofBlocks(level - 1, from, from + width);
    block.set(this.#key, made);
    return made;
  }

  /** Whether its slices are looked at, not smaller blocks. */
  #isFolded(level: number, from: number): boolean {
    return level === 0 || this.#live.count(from, from + this.#levels[level]!.width) <= FOLD;
  }

  #ofBlocks(level: number, from: number, to: number): Part | null {
    let total: Part | null = null;
    for (let at = from; at < to; at += this.#levels[level]!.width) {
      total = this.#joined(total, this.#block(level, at));
    }
    return total;
  }

  #ofSlices(from: number, to: number): Part | null {
    let total: Part | null = null;
    for (const slice of this.#live.between(from, to)) {
      total = this.#joined(total, this.#part(slice) ?? null);
    }
    return total;
  }

  #joined(left: Part | null, right: Part | null): Part | null {
    if (left === null || right === null) return left ?? right;
    return {
      value: this.#options.merge(left.value, right.value),
      earliest: Math.min(left.earliest, right.earliest),
      latest: Math.max(left.latest, right.latest),
    };
  }

  /** Slice by slice. */
  #fold(from: number, to: number, after: number): unknown {
    let total: unknown = undefined;
    for (const slice of this.#live.between(from, to)) {
      total = this.#merged(total, this.#options.read(slice, after));
    }
    return total;
  }

  #merged(left: unknown, right: unknown): unknown {
    if (left === undefined) return right;
    return right === undefined ? left : this.#options.merge(left, right);
  }

  #floor(at: number, width: number): number {
    return Math.floor((at - this.#origin) / width) * width + this.#origin;
  }
}

function wholePart(value: unknown): Part | undefined {
  return value === undefined ? undefined : { value, earliest: 0, latest: 0 };
}
