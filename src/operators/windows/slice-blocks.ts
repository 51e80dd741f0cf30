/**
 * What a single window of a single key comes to, asked for out of turn: early, or for a late
 * record. So that this does not take a look at each of its slices, runs of slices that event time
 * has passed are added up once, in blocks of 4, 16, 64 and so on steps. Blocks follow from the
 * slices in the state, are no state themselves, and are made anew after a restore.
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
const EMPTY = Symbol('nothing in the block');

export interface SliceBlocksOptions {
  readonly slices: Slices;
  readonly merge: Merge;
  /** What a slice holds for the current key; undefined is nothing. */
  readonly read: (slice: number) => unknown;
}

interface Level {
  readonly width: number;
  /** By the start of a block, what is in it by key. */
  readonly blocks: Map<number, Map<ComparableKey, unknown>>;
}

export class SliceBlocks {
  readonly #options: SliceBlocksOptions;
  readonly #step: number;
  /** Where blocks of all levels begin, among other places. */
  readonly #origin: number;
  readonly #levels: readonly Level[];
  readonly #keys = new ComparableKeys();
  /** Of a call. */
  #live!: LiveSlices;
  #key!: ComparableKey;

  constructor(options: SliceBlocksOptions) {
    const { slices } = options;
    this.#options = options;
    this.#step = slices.step;
    this.#origin = slices.windowStart(slices.endAtOrAfter(0));
    const longest = slices.lastEnd(this.#origin) - this.#origin;
    const levels: Level[] = [];
    for (let width = FOLD * this.#step; width <= longest; width *= FOLD) {
      levels.push({ width, blocks: new Map() });
    }
    this.#levels = levels;
  }

  /**
   * Of the current key, from `start`, where a window may begin, to before `end`; undefined if there
   * is nothing. Event time has passed what is before `passed`.
   */
  total(
    key: Key,
    { start, end }: { readonly start: number; readonly end: number },
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
      const value = level < 0 ? this.#fold(at, Math.min(next, end)) : this.#block(level, at);
      total = this.#merged(total, value);
      at = next;
    }
    return total;
  }

  /** B1: a record has come to a slice that event time had passed. */
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
    for (const { width, blocks } of this.#levels) {
      for (const from of blocks.keys()) if (from + width <= start) blocks.delete(from);
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

  #block(level: number, from: number): unknown {
    const { width, blocks } = this.#levels[level]!;
    let block = blocks.get(from);
    if (block === undefined) blocks.set(from, (block = new Map()));
    const known = block.get(this.#key);
    if (known !== undefined) return known === EMPTY ? undefined : known;
    const to = from + width;
    const value =
      level === 0 || this.#live.count(from, to) <= FOLD
        ? this.#fold(from, to)
        : this.#parts(level - 1, from, to);
    block.set(this.#key, value === undefined ? EMPTY : value);
    return value;
  }

  #parts(level: number, from: number, to: number): unknown {
    let total: unknown = undefined;
    for (let at = from; at < to; at += this.#levels[level]!.width) {
      total = this.#merged(total, this.#block(level, at));
    }
    return total;
  }

  /** Slice by slice. */
  #fold(from: number, to: number): unknown {
    let total: unknown = undefined;
    for (const slice of this.#live.between(from, to)) {
      total = this.#merged(total, this.#options.read(slice));
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
