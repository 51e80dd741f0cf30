/**
 * Chains of rows by key: the rows of a RowLog in one key group and slice.
 *
 * Invariants
 * N1. A row lies in `#rows` at row * 8: where the row before it in its chain lies, in units of 8
 *     bytes and plus 1 (0: it is the first), its length, and its bytes. Rows before lie before.
 * N2. The slot of a key has its newest row, plus 1, and how many there are; a key without rows has
 *     no slot, but between `findOrInsert` and `append`.
 * N3. `#garbage` counts the bytes of `#rows` that belong to no chain any more.
 */
import { assert } from '../../base/assert.ts';
import type { VersionClock } from '../heap/version-clock.ts';
import type { RowChains } from '../row-state.ts';
import { Arena } from './arena.ts';
import { RowSlots } from './row-slots.ts';
import type { RowUnit } from './row-unit.ts';

const HEADER_BYTES = 8;
const SLOT_BYTES = 8;

export class RowLogChains implements RowChains, RowUnit {
  size = 0;
  readonly #clock: VersionClock;
  readonly #heads: RowSlots;
  #rows: Arena;
  #garbage = 0;

  constructor(clock: VersionClock) {
    this.#clock = clock;
    this.#heads = new RowSlots(SLOT_BYTES, clock);
    this.#rows = new Arena(clock);
  }

  get keys(): number {
    return this.#heads.size;
  }

  get bytes(): Uint8Array {
    return this.#rows.bytes;
  }

  find(bytes: Uint8Array, start: number, end: number): number {
    return this.#heads.find(bytes, start, end);
  }

  findOrInsert(bytes: Uint8Array, start: number, end: number): number {
    return this.#heads.findOrInsert(bytes, start, end);
  }

  count(chain: number): number {
    return chain < 0 ? 0 : this.#heads.words[(this.#heads.valueAt(chain) >> 2) + 1]!;
  }

  append(chain: number, bytes: Uint8Array, start: number, end: number): number {
    const length = end - start;
    if (this.#rows.isFull(HEADER_BYTES + length) && this.#garbage * 2 > this.#rows.end) {
      this.#compact();
    }
    const rows = this.#rows;
    const at = rows.extend(HEADER_BYTES);
    rows.put(bytes, start, end);
    this.#link(chain, at, length);
    this.size += 1;
    return at >> 3;
  }

  newest(chain: number): number {
    return chain < 0 ? -1 : this.#heads.words[this.#heads.valueAt(chain) >> 2]! - 1;
  }

  previous(row: number): number {
    return this.#rows.words[row * 2]! - 1;
  }

  remove(chain: number, row: number, newer: number): void {
    const rows = this.#rows;
    const heads = this.#heads;
    const before = rows.words[row * 2]!;
    const at = heads.valueAt(chain) >> 2;
    if (newer < 0) assert(heads.words[at] === row + 1, 'N1: a row that is not the newest');
    else assert(rows.words[newer * 2] === row + 1, 'N1: a row that does not come before another');
    this.size -= 1;
    this.#garbage += HEADER_BYTES + ((rows.words[row * 2 + 1]! + 7) & ~7);
    if (heads.words[at + 1] === 1) return this.#removeChain(chain);
    heads.touch(chain);
    heads.words[at + 1]! -= 1;
    if (newer < 0) {
      heads.words[at] = before;
      return;
    }
    rows.touch(newer * 8, HEADER_BYTES);
    rows.words[newer * 2] = before;
  }

  startOf(row: number): number {
    return row * 8 + HEADER_BYTES;
  }

  endOf(row: number): number {
    return row * 8 + HEADER_BYTES + this.#rows.words[row * 2 + 1]!;
  }

  touch(row: number): void {
    this.#rows.touch(this.startOf(row), this.endOf(row) - this.startOf(row));
  }

  firstChain(): number {
    return this.#heads.first();
  }

  nextChain(chain: number): number {
    return this.#heads.next(chain);
  }

  /** The key of a chain, in these: */
  get keyBytes(): Uint8Array {
    return this.#heads.bytes;
  }

  keyStart(chain: number): number {
    return this.#heads.keyStart(chain);
  }

  keyEnd(chain: number): number {
    return this.#heads.keyEnd(chain);
  }

  // ------------------------------------------------------------------------------------ snapshots

  get arenas(): readonly Arena[] {
    return [...this.#heads.arenas, this.#rows];
  }

  resetArena(which: number): void {
    if (which === 0) this.#heads.resetArena();
    else this.#rows = new Arena(this.#clock);
  }

  get typedBytes(): number {
    return this.#heads.typedBytes + this.#rows.bytes.length;
  }

  takeRestored(): string | undefined {
    const wrong = this.#heads.takeRestored();
    if (wrong !== undefined) return wrong;
    this.#garbage = this.#rows.end;
    for (let chain = this.firstChain(); chain >= 0; chain = this.nextChain(chain)) {
      let left = this.count(chain);
      let bound = this.#rows.end >> 3;
      for (let row = this.newest(chain); row >= 0; row = this.previous(row)) {
        const bytes = HEADER_BYTES + ((this.#rows.words[row * 2 + 1]! + 7) & ~7);
        if (row >= bound || row * 8 + bytes > this.#rows.end || bytes < HEADER_BYTES) {
          return 'a row that is not there';
        }
        bound = row;
        left -= 1;
        this.size += 1;
        this.#garbage -= bytes;
      }
      if (left !== 0 || this.count(chain) === 0) return 'a chain of another length';
    }
    return undefined;
  }

  #removeChain(chain: number): void {
    this.#heads.remove(chain);
    if (this.#heads.size > 0) return;
    this.#rows = new Arena(this.#clock);
    this.#garbage = 0;
  }

  #link(chain: number, at: number, length: number): void {
    const rows = this.#rows;
    const heads = this.#heads;
    const head = heads.valueAt(chain) >> 2;
    rows.words[at >> 2] = heads.words[head]!;
    rows.words[(at >> 2) + 1] = length;
    heads.touch(chain);
    heads.words[head] = (at >> 3) + 1;
    heads.words[head + 1]! += 1;
  }

  /** N3: puts the rows into other memory, chain by chain, without gaps. */
  #compact(): void {
    const old = this.#rows;
    const heads = this.#heads;
    this.#rows = new Arena(this.#clock);
    this.#garbage = 0;
    const chainRows: number[] = [];
    for (let chain = this.firstChain(); chain >= 0; chain = this.nextChain(chain)) {
      chainRows.length = 0;
      for (let row = this.newest(chain); row >= 0; row = old.words[row * 2]! - 1) {
        chainRows.push(row);
      }
      heads.touch(chain);
      const head = heads.valueAt(chain) >> 2;
      heads.words[head] = 0;
      heads.words[head + 1] = 0;
      for (let i = chainRows.length - 1; i >= 0; i--) {
        const from = chainRows[i]! * 8 + HEADER_BYTES;
        const length = old.words[chainRows[i]! * 2 + 1]!;
        const at = this.#rows.extend(HEADER_BYTES);
        this.#rows.put(old.bytes, from, from + length);
        this.#link(chain, at, length);
      }
    }
  }
}
