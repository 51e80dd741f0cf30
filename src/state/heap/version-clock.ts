/**
 * Versions order changes of entries against the beginnings of snapshots: an entry carries the
 * version at which it was last changed, and a snapshot holds the entries as they were when the
 * clock was moved on; one with a base only those that were changed after the base began.
 *
 * Invariants
 * V1. `now` is even, grows by two at the beginning of every snapshot and never goes back; entries
 *     changed since then carry `now`, those made since then `now + 1`, all others less. Versions of
 *     entries are greater than 0. The version of a snapshot is odd: it is that of the entries made
 *     just before it.
 * V2. `observers` are the snapshots that are open, in the order of their beginning.
 * V3. Every removal since the oldest mark, and since the base of any open snapshot, of an entry
 * that
 *     a marked snapshot may hold is in the log of its table. `logs` are those that hold something.
 */
import { assert } from '../../base/assert.ts';
import type { SnapshotIdentity } from '../snapshot-layout.ts';
import type { KeyGroupTable } from './key-group-table.ts';

/** Restored entries carry it: they have not changed since the snapshot that they came from. */
export const RESTORED_VERSION = 1;

/** An open snapshot, as tables know it. */
export interface ChangeObserver {
  /** Entries of this version or less belong to the snapshot... */
  readonly version: number;
  /** ... if it is greater than this one, which is 0 where there is no base. */
  readonly since: number;
  /** The entry at `slot` is about to be changed or removed. It belongs to the snapshot. */
  beforeChange(table: KeyGroupTable, slot: number): void;
  /**
   * The slots of the table are about to be given out anew; its columns will be replaced, not
   * reused.
   */
  beforeRebuild(table: KeyGroupTable): void;
  /** The table is about to leave its state; nobody changes it any more. */
  beforeDrop(table: KeyGroupTable): void;
}

/** What forgets removals that no base needs any more. */
interface PrunedLog {
  /** Forgets what was removed before `version`; whether something is left. */
  prune(version: number): boolean;
}

export class VersionClock {
  now: number = RESTORED_VERSION + 1;
  readonly observers: ChangeObserver[] = [];
  /** The version of the newest marked snapshot; 0: removals are of no interest. */
  newestMark = 0;
  /** What a mark's snapshot is told by, once it is done. */
  readonly #marks = new Map<number, SnapshotIdentity | undefined>();
  /** V3 */
  readonly #logs = new Set<PrunedLog>();

  /** Begins a snapshot: returns the version of the last changes that belong to it. */
  advance(): number {
    assert(this.now < 0x7fff_fff0, 'V1: no versions left');
    this.now += 2;
    return this.now - 1;
  }

  open(observer: ChangeObserver): void {
    this.observers.push(observer);
  }

  close(observer: ChangeObserver): void {
    const index = this.observers.indexOf(observer);
    if (index < 0) return;
    this.observers.splice(index, 1);
    this.#prune();
  }

  get marks(): number {
    return this.#marks.size;
  }

  mark(version: number): void {
    this.#marks.set(version, undefined);
    this.newestMark = version;
  }

  /** The snapshot of a mark, unless it was released, is complete. */
  complete(version: number, identity: SnapshotIdentity): void {
    if (this.#marks.has(version)) this.#marks.set(version, identity);
  }

  identityOf(version: number): SnapshotIdentity {
    const identity = this.#marks.get(version);
    assert(identity !== undefined, 'V3: a base that was released, or is not complete');
    return identity;
  }

  release(version: number): void {
    if (!this.#marks.delete(version)) return;
    this.newestMark = Math.max(0, ...this.#marks.keys());
    this.#prune();
  }

  /** V3: the log, which was empty, holds something. */
  enlist(log: PrunedLog): void {
    this.#logs.add(log);
  }

  /** The version that anything is looked at from: no base is older. */
  get horizon(): number {
    let oldest = this.now;
    for (const version of this.#marks.keys()) oldest = Math.min(oldest, version);
    for (const { version, since } of this.observers) {
      oldest = Math.min(oldest, since === 0 ? version : since);
    }
    return oldest;
  }

  #prune(): void {
    if (this.#logs.size === 0) return;
    const { horizon } = this;
    for (const log of this.#logs) if (!log.prune(horizon)) this.#logs.delete(log);
  }
}
