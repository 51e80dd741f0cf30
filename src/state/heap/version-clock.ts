/**
 * Versions order changes of entries against the beginnings of snapshots: an entry carries the
 * version at which it was last changed, and a snapshot holds the entries as they were when the
 * clock was moved on.
 *
 * Invariants
 * V1. `now` grows by one at the beginning of every snapshot and never goes back; entries changed
 *     since then carry `now`, all others less. Versions of entries are greater than 0.
 * V2. `observers` are the snapshots that are open, in the order of their beginning.
 */
import { assert } from '../../base/assert.ts';
import type { KeyGroupTable } from './key-group-table.ts';

/** Restored entries carry it: they have not changed since the snapshot that they came from. */
export const RESTORED_VERSION = 1;

/** An open snapshot, as tables know it. */
export interface ChangeObserver {
  /** Entries of this version or less belong to the snapshot. */
  readonly version: number;
  /** The entry at `slot`, of version `entryVersion`, is about to be changed or removed. */
  beforeChange(table: KeyGroupTable, slot: number): void;
  /**
   * The slots of the table are about to be given out anew; its columns will be replaced, not
   * reused.
   */
  beforeRebuild(table: KeyGroupTable): void;
  /** The table is about to leave its state; nobody changes it any more. */
  beforeDrop(table: KeyGroupTable): void;
}

export class VersionClock {
  now: number = RESTORED_VERSION + 1;
  readonly observers: ChangeObserver[] = [];

  /** Begins a snapshot: returns the version of the last changes that belong to it. */
  advance(): number {
    assert(this.now < 0x7fff_ffff, 'V1: no versions left');
    this.now += 1;
    return this.now - 1;
  }

  open(observer: ChangeObserver): void {
    this.observers.push(observer);
  }

  close(observer: ChangeObserver): void {
    const index = this.observers.indexOf(observer);
    if (index >= 0) this.observers.splice(index, 1);
  }
}
