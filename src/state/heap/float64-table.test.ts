import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { loadValue, storeValue } from './column.ts';
import type { ColumnKind } from './column.ts';
import { Float64Table } from './float64-table.ts';
import { ABSENT } from './key-group-table.ts';
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
  readonly since = 0;
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
        assert.ok(table.versionAt(slot) >= 0 && table.versionAt(slot) <= clock.now + 1);
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
    assert.equal(table.versionAt(slot), clock.now + 1);
    assert.equal(table.find(NaN), slot);
    table.markRestored(slot);
    const snapshot = new Snapshot(clock);
    assert.ok(table.versionAt(slot) > 0 && table.versionAt(slot) <= snapshot.version);
  });
});

class CountingTable extends Float64Table {
  moves = 0;

  override moved(): void {
    this.moves += 1;
    super.moved();
  }
}

const ENTRIES = 100_000;

/** One of 40 tables; some get much more than others. */
function tableIndex(i: number): number {
  return Math.floor((((i * 48_271) % 65_537) / 65_537) ** 1.5 * 40);
}

describe('tables that share memory', () => {
  for (const column of ['float64', 'bigint', 'boolean'] as const) {
    test(`D6: hold what they held, wherever they move (${column})`, () => {
      const clock = new VersionClock();
      const memory = new TableMemory(clock);
      const place = { state: 0, group: 0, column, clock, timed: false } as const;
      const tables = Array.from({ length: 40 }, () => new CountingTable(place, memory));
      for (let i = 0; i < ENTRIES; i += 1) {
        const table = tables[tableIndex(i)]!;
        const slot = table.insert(i + 0.5);
        storeValue(column, table.values, slot, valueOf(column, i));
        if (i % 5 === 0) table.remove(slot);
        // What a snapshot sees is kept meanwhile, and goes to others after it.
        if (i % 30_000 === 20_000) {
          const snapshot = new Snapshot(clock);
          const { values } = tables[7]!.rows();
          const seen = Array.from<unknown>(values);
          for (const grown of tables) grown.reserve(Math.ceil(grown.size * 1.3));
          assert.deepEqual(Array.from<unknown>(values), seen);
          clock.close(snapshot);
        }
      }
      for (let i = 0; i < ENTRIES; i += 1) {
        const table = tables[tableIndex(i)]!;
        const slot = table.find(i + 0.5);
        if (i % 5 === 0) {
          assert.equal(slot, ABSENT);
          continue;
        }
        assert.equal(table.keyAt(slot), i + 0.5);
        assert.equal(loadValue(column, table.values, slot), valueOf(column, i));
        assert.ok(table.versionAt(slot) > 0 && table.versionAt(slot) <= clock.now + 1);
      }
      const moves = tables.reduce((count, table) => count + table.moves, 0);
      assert.ok(moves > 20, `${moves} moves`);
    });
  }
});

function valueOf(column: ColumnKind, i: number): unknown {
  if (column === 'bigint') return (BigInt(i) << 40n) - 1n;
  return column === 'boolean' ? i % 3 === 0 : i / 7;
}
