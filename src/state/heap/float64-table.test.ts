import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Float64Table } from './float64-table.ts';
import { TableMemory } from './table-memory.ts';
import { VersionClock } from './version-clock.ts';
import type { ChangeObserver } from './version-clock.ts';

function tableOf(clock: VersionClock): Float64Table {
  const place = { state: 0, group: 0, column: 'float64', clock, timed: false } as const;
  return new Float64Table(place, new TableMemory(clock));
}

/** A snapshot that begins now. */
class Snapshot implements ChangeObserver {
  readonly version: number;
  readonly saved: number[] = [];

  constructor(clock: VersionClock) {
    this.version = clock.advance();
    clock.open(this);
  }

  beforeChange(table: Float64Table, slot: number): void {
    this.saved.push(table.keyAt(slot));
  }

  beforeRebuild(): void {}
  beforeDrop(): void {}
}

describe('versions of two bytes', () => {
  test('D5: tell old entries from new ones over any number of snapshots', () => {
    const clock = new VersionClock();
    const table = tableOf(clock);
    table.insert(0.5);
    for (let round = 0; round < 5; round++) {
      for (let i = 0; i < 50_000; i++) clock.advance();
      table.insert(round + 1.5);
      const snapshot = new Snapshot(clock);
      table.insert(-round - 0.5);
      for (let i = 0; i < 30_000; i++) clock.advance();
      for (let i = 0; i <= round; i++) table.touch(table.find(i + 0.5));
      table.touch(table.find(-round - 0.5));
      const old = Array.from({ length: round + 1 }, (_, i) => i + 0.5);
      assert.deepEqual(snapshot.saved, old);
      clock.close(snapshot);
      for (let slot = table.first; slot < table.end; slot += table.step) {
        assert.ok(table.versionAt(slot) >= 0 && table.versionAt(slot) <= clock.now);
      }
    }
    assert.equal(table.size, 11);
  });

  test('D5: a snapshot that stays open for too long is found', () => {
    const clock = new VersionClock();
    const table = tableOf(clock);
    const slot = table.insert(0.5);
    const snapshot = new Snapshot(clock);
    for (let i = 0; i < 70_000; i++) clock.advance();
    assert.throws(() => table.touch(slot), /D5/);
    clock.close(snapshot);
    table.touch(slot);
    assert.equal(table.versionAt(slot), clock.now);
  });

  test('D5: a table that is made late begins with the clock', () => {
    const clock = new VersionClock();
    for (let i = 0; i < 200_000; i++) clock.advance();
    const table = tableOf(clock);
    const slot = table.insert(NaN);
    assert.equal(table.versionAt(slot), clock.now);
    assert.equal(table.find(NaN), slot);
    table.markRestored(slot);
    const snapshot = new Snapshot(clock);
    assert.ok(table.versionAt(slot) > 0 && table.versionAt(slot) <= snapshot.version);
  });
});
