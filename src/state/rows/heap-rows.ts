/**
 * Row state of a backend in memory: the tables or logs of its key groups, and how they are frozen
 * and restored.
 *
 * Invariants
 * Y1. `#groups` has the units of a key group by slice; a table has the slice 0 alone.
 * Y2. `#current` has the units of the slice `#slice`, as far as they have been asked for.
 */
import { assert } from '../../base/assert.ts';
import type { ByteReader } from '../../base/byte-reader.ts';
import type { KeyGroupRange } from '../keyed-state-backend.ts';
import type { RowLog, RowTable } from '../row-state.ts';
import type { StateDescription } from '../state-description.ts';
import { RemovalLog } from '../heap/removal-log.ts';
import type { VersionClock } from '../heap/version-clock.ts';
import {
  FrozenRows,
  restoreRemovedRows,
  restoreRows,
  trackRows,
  WHOLE_UNIT,
} from './frozen-rows.ts';
import type { RemovedRows } from './frozen-rows.ts';
import { RowLogChains } from './row-log-chains.ts';
import { RowSlots } from './row-slots.ts';
import type { RowUnit } from './row-unit.ts';

export abstract class HeapRows<U extends RowUnit = RowUnit> {
  readonly description: StateDescription;
  /** Y1 */
  protected readonly groups: (Map<number, U> | undefined)[];
  readonly #first: number;
  /** Y2 */
  #slice = NaN;
  #current: (U | undefined)[] = [];

  protected readonly clock: VersionClock;
  /** By group: the slices of units that have gone. */
  readonly #drops: (RemovalLog<number> | undefined)[] = [];

  constructor(description: StateDescription, { first, last }: KeyGroupRange, clock: VersionClock) {
    this.description = description;
    this.clock = clock;
    this.groups = Array.from({ length: last - first + 1 });
    this.#first = first;
  }

  get name(): string {
    return this.description.name;
  }

  protected abstract makeUnit(): U;

  protected unitsOf(keyGroup: number): Map<number, U> | undefined {
    const group = keyGroup - this.#first;
    assert(group >= 0 && group < this.groups.length, 'K1: rows of a foreign key group');
    return this.groups[group];
  }

  /** Made if there is none. */
  protected unitOf(keyGroup: number, slice: number): U {
    if (slice === this.#slice) {
      const known = this.#current[keyGroup - this.#first];
      if (known !== undefined) return known;
    } else {
      this.forgetCurrent();
      this.#slice = slice;
    }
    const unit = this.#makeUnitOf(keyGroup, slice);
    this.#current[keyGroup - this.#first] = unit;
    return unit;
  }

  /** Y2: before units go away. */
  protected forgetCurrent(): void {
    this.#slice = NaN;
    this.#current = Array.from({ length: this.groups.length });
  }

  #makeUnitOf(keyGroup: number, slice: number): U {
    const units = this.unitsOf(keyGroup) ?? (this.groups[keyGroup - this.#first] = new Map());
    let unit = units.get(slice);
    if (unit === undefined) units.set(slice, (unit = this.makeUnit()));
    return unit;
  }

  // ------------------------------------------------------------------------------------ snapshots

  freeze(since: number, version: number): FrozenRows {
    if (this.clock.newestMark !== 0) trackRows(this.groups);
    const removed = this.groups.map((_, group) => this.#droppedSince(group, since, version));
    return new FrozenRows(this.groups, since, removed);
  }

  #droppedSince(group: number, since: number, version: number): readonly RemovedRows[] {
    if (since === 0) return [];
    const slices = this.#drops[group]?.between(since, version) ?? [];
    return slices.map((slice) => ({ slice, which: WHOLE_UNIT }));
  }

  protected noteDrop(group: number, slice: number): void {
    const { clock } = this;
    if (clock.newestMark !== 0) (this.#drops[group] ??= new RemovalLog(clock)).add(slice);
  }

  /** An entry of a section of this key group. */
  restore(keyGroup: number, entry: ByteReader, changes: boolean): void {
    restoreRows(entry, (slice) => this.unitOf(keyGroup, slice), changes);
  }

  /** The same of a section of what has gone. */
  restoreRemoved(keyGroup: number, entry: ByteReader): void {
    const units = this.unitsOf(keyGroup);
    restoreRemovedRows(entry, (slice, which) => {
      this.forgetCurrent();
      if (which === WHOLE_UNIT) units?.delete(slice);
      else units?.get(slice)?.resetArena(which);
    });
  }

  /** After the last entry of all sections of the group; what is wrong, if something is. */
  takeRestored(keyGroup: number): string | undefined {
    for (const unit of this.unitsOf(keyGroup)?.values() ?? []) {
      const wrong = unit.takeRestored();
      if (wrong !== undefined) return wrong;
    }
    return undefined;
  }

  /** Gives away all units, a key group after another. Before the first snapshot. */
  *takeUnits(): Iterable<readonly [keyGroup: number, slice: number, unit: U]> {
    this.forgetCurrent();
    for (const [group, units] of this.groups.entries()) {
      for (const [slice, unit] of units ?? []) yield [this.#first + group, slice, unit];
      this.groups[group] = undefined;
    }
  }

  get size(): number {
    return this.#sum((unit) => unit.size);
  }

  get bytes(): number {
    return this.#sum((unit) => unit.typedBytes);
  }

  /** Lets go of everything. */
  drop(): void {
    this.forgetCurrent();
    this.groups.fill(undefined);
  }

  #sum(of: (unit: U) => number): number {
    let sum = 0;
    for (const units of this.groups) for (const unit of units?.values() ?? []) sum += of(unit);
    return sum;
  }
}

export class HeapRowTable extends HeapRows<RowSlots> implements RowTable {
  of(keyGroup: number): RowSlots {
    return this.unitOf(keyGroup, 0);
  }

  protected override makeUnit(): RowSlots {
    return new RowSlots(this.description.width!, this.clock);
  }
}

export class HeapRowLog extends HeapRows<RowLogChains> implements RowLog {
  of(keyGroup: number, slice: number): RowLogChains {
    return this.unitOf(keyGroup, slice);
  }

  find(keyGroup: number, slice: number): RowLogChains | undefined {
    return this.unitsOf(keyGroup)?.get(slice);
  }

  slices(): readonly number[] {
    const slices = new Set(this.groups.flatMap((units) => [...(units?.keys() ?? [])]));
    return [...slices].sort((a, b) => a - b);
  }

  slicesOf(keyGroup: number): readonly number[] {
    return [...(this.unitsOf(keyGroup)?.keys() ?? [])].sort((a, b) => a - b);
  }

  dropSlice(slice: number): void {
    this.forgetCurrent();
    for (const [group, units] of this.groups.entries()) {
      if (units?.delete(slice) === true) this.noteDrop(group, slice);
    }
  }

  protected override makeUnit(): RowLogChains {
    return new RowLogChains(this.clock);
  }
}
