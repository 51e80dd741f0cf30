/**
 * The rows of a state at one moment, for a snapshot: frozen arenas, which are written as they lie
 * in memory, a chunk an entry, or the blocks that have changed since a base.
 */
import type { ByteReader } from '../../base/byte-reader.ts';
import type { ByteWriter } from '../../base/byte-writer.ts';
import type { EntrySource } from '../heap/entry-writer.ts';
import type { Progress } from '../heap/table-cursor.ts';
import { BLOCK_BYTES, CHUNK_BYTES } from './arena.ts';
import type { Arena, ArenaPiece, FrozenArena } from './arena.ts';
import type { RowUnit } from './row-unit.ts';

interface Part {
  readonly slice: number;
  /** Which of the arenas of the unit. */
  readonly which: number;
  readonly arena: FrozenArena;
}

/** What is not there any more: an arena of a unit, or all of it. */
export interface RemovedRows {
  readonly slice: number;
  readonly which: number;
}

/** Instead of an arena: the unit itself. */
export const WHOLE_UNIT = 255;

/** The units of each key group, by slice. */
export type UnitsOfGroups = readonly (ReadonlyMap<number, RowUnit> | undefined)[];

export class FrozenRows {
  readonly #groups: (readonly Part[] | undefined)[];
  /** By group. */
  readonly #removed: (readonly RemovedRows[])[];

  /** @param removed of all groups, units that have gone since the base */
  constructor(groups: UnitsOfGroups, since: number, removed: (readonly RemovedRows[])[]) {
    this.#groups = groups.map((units) => units && partsOf(units, since));
    this.#removed = removed;
    if (since === 0) return;
    for (const [group, units] of groups.entries()) {
      if (units !== undefined)
        this.#removed[group] = [...removed[group]!, ...replaced(units, since)];
    }
  }

  /** Undefined if the group has none. To be asked once. */
  entriesOf(group: number): EntrySource | undefined {
    const parts = this.#groups[group];
    return parts === undefined || parts.length === 0 ? undefined : new RowEntries(parts);
  }

  /** Undefined if nothing has gone from the group. */
  removedOf(group: number): EntrySource | undefined {
    const removed = this.#removed[group];
    return removed === undefined || removed.length === 0 ? undefined : new RemovedEntries(removed);
  }

  /** Nothing is kept for the group any more. */
  releaseGroup(group: number): void {
    for (const { arena } of this.#groups[group] ?? []) arena.release();
    this.#groups[group] = undefined;
  }

  release(): void {
    for (let group = 0; group < this.#groups.length; group++) this.releaseGroup(group);
  }
}

function partsOf(units: ReadonlyMap<number, RowUnit>, since: number): readonly Part[] {
  const parts: Part[] = [];
  for (const [slice, unit] of units) {
    if (unit.size === 0) continue;
    for (const [which, arena] of unit.arenas.entries()) {
      parts.push({ slice, which, arena: arena.freeze(since) });
    }
  }
  return parts;
}

/** Arenas that are others than the base has. */
function replaced(units: ReadonlyMap<number, RowUnit>, since: number): readonly RemovedRows[] {
  const found: RemovedRows[] = [];
  for (const [slice, { arenas }] of units) {
    for (const [which, { made }] of arenas.entries())
      if (made > since) found.push({ slice, which });
  }
  return found;
}

/**
 * An entry is slice, arena and number of the first block, which order it in its section, and bytes.
 */
class RowEntries implements EntrySource {
  readonly keyBytes = 13;
  readonly #parts: readonly Part[];
  #part = 0;
  #piece: ArenaPiece | undefined;

  constructor(parts: readonly Part[]) {
    this.#parts = parts;
  }

  next(): Progress {
    for (; this.#part < this.#parts.length; this.#part++) {
      const piece = this.#parts[this.#part]!.arena.next();
      if (piece === 'pause') return piece;
      if (piece === 'end') continue;
      this.#piece = piece;
      return 'entry';
    }
    return 'end';
  }

  write(out: ByteWriter): void {
    const { slice, which } = this.#parts[this.#part]!;
    const { at, bytes } = this.#piece!;
    const number = at / BLOCK_BYTES;
    out.float64(slice);
    out.uint8(which);
    for (let shift = 24; shift >= 0; shift -= 8) out.uint8((number >>> shift) & 0xff);
    out.varint(bytes.length);
    out.raw(bytes);
  }
}

class RemovedEntries implements EntrySource {
  readonly keyBytes = 9;
  readonly #removed: readonly RemovedRows[];
  #at = -1;

  constructor(removed: readonly RemovedRows[]) {
    this.#removed = removed;
  }

  next(): Progress {
    this.#at += 1;
    return this.#at < this.#removed.length ? 'entry' : 'end';
  }

  write(out: ByteWriter): void {
    const { slice, which } = this.#removed[this.#at]!;
    out.float64(slice);
    out.uint8(which);
  }
}

/**
 * Takes in what an entry holds; `unitOf` makes the unit of a slice. `changes`: over what is there.
 */
export function restoreRows(
  entry: ByteReader,
  unitOf: (slice: number) => RowUnit,
  changes: boolean,
): void {
  const slice = sliceOf(entry);
  const arena: Arena | undefined = unitOf(slice).arenas[entry.uint8()];
  if (arena === undefined) entry.corrupt('rows that belong nowhere');
  let number = 0;
  for (let i = 0; i < 4; i++) number = number * 256 + entry.uint8();
  const at = number * BLOCK_BYTES;
  if (changes ? at > arena.end : at !== arena.end) {
    entry.corrupt('a piece of rows that is out of order');
  }
  const length = entry.varint();
  if (length === 0 || length > CHUNK_BYTES || length % 8 !== 0) entry.corrupt('a piece of no rows');
  arena.write(at, entry.raw(length));
}

/** Takes away what has gone; `remove` takes a slice, and which arena of it. */
export function restoreRemovedRows(
  entry: ByteReader,
  remove: (slice: number, which: number) => void,
): void {
  const slice = sliceOf(entry);
  remove(slice, entry.uint8());
}

function sliceOf(entry: ByteReader): number {
  const slice = entry.float64();
  if (slice !== slice) entry.corrupt('rows without their slice');
  return slice;
}

/** Once a mark is there (A4). */
export function trackRows(groups: UnitsOfGroups): void {
  for (const units of groups) {
    for (const unit of units?.values() ?? []) for (const arena of unit.arenas) arena.track();
  }
}
