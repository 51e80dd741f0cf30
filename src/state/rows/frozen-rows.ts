/**
 * The rows of a state at one moment, for a snapshot: frozen arenas, which are written as they lie
 * in memory, a chunk an entry.
 */
import type { ByteReader } from '../../base/byte-reader.ts';
import type { ByteWriter } from '../../base/byte-writer.ts';
import type { EntrySource } from '../heap/entry-writer.ts';
import type { Progress } from '../heap/table-cursor.ts';
import { CHUNK_BYTES } from './arena.ts';
import type { Arena, FrozenArena } from './arena.ts';
import type { RowUnit } from './row-unit.ts';

interface Part {
  readonly slice: number;
  /** Which of the arenas of the unit. */
  readonly which: number;
  readonly arena: FrozenArena;
}

/** The units of each key group, by slice. */
export type UnitsOfGroups = readonly (ReadonlyMap<number, RowUnit> | undefined)[];

export class FrozenRows {
  readonly #groups: (readonly Part[] | undefined)[];

  constructor(groups: UnitsOfGroups) {
    this.#groups = groups.map((units) => units && partsOf(units));
  }

  /** Undefined if the group has none. To be asked once. */
  entriesOf(group: number): EntrySource | undefined {
    const parts = this.#groups[group];
    return parts === undefined || parts.length === 0 ? undefined : new RowEntries(parts);
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

function partsOf(units: ReadonlyMap<number, RowUnit>): readonly Part[] {
  const parts: Part[] = [];
  for (const [slice, unit] of units) {
    if (unit.size === 0) continue;
    for (const [which, arena] of unit.arenas.entries()) {
      parts.push({ slice, which, arena: arena.freeze() });
    }
  }
  return parts;
}

/**
 * An entry is slice, arena and number of a chunk, which order it in its section, and its bytes.
 */
class RowEntries implements EntrySource {
  readonly keyBytes = 13;
  readonly #parts: readonly Part[];
  #part = 0;
  #piece: Uint8Array | undefined;

  constructor(parts: readonly Part[]) {
    this.#parts = parts;
  }

  next(): Progress {
    for (; this.#part < this.#parts.length; this.#part++) {
      this.#piece = this.#parts[this.#part]!.arena.next();
      if (this.#piece !== undefined) return 'entry';
    }
    return 'end';
  }

  write(out: ByteWriter): void {
    const { slice, which, arena } = this.#parts[this.#part]!;
    const piece = this.#piece!;
    const number = arena.given - 1;
    out.float64(slice);
    out.uint8(which);
    for (let shift = 24; shift >= 0; shift -= 8) out.uint8((number >>> shift) & 0xff);
    out.varint(piece.length);
    out.raw(piece);
  }
}

/** Takes in what an entry holds; `unitOf` makes the unit of a slice. */
export function restoreRows(entry: ByteReader, unitOf: (slice: number) => RowUnit): void {
  const slice = entry.float64();
  if (slice !== slice) entry.corrupt('rows without their slice');
  const arena: Arena | undefined = unitOf(slice).arenas[entry.uint8()];
  if (arena === undefined) entry.corrupt('rows that belong nowhere');
  let number = 0;
  for (let i = 0; i < 4; i++) number = number * 256 + entry.uint8();
  if (arena.end !== number * CHUNK_BYTES) entry.corrupt('a piece of rows that is out of order');
  const length = entry.varint();
  if (length === 0 || length > CHUNK_BYTES || length % 8 !== 0) entry.corrupt('a piece of no rows');
  arena.append(entry.raw(length));
}
