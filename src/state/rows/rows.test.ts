import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { AssertionError } from '../../base/assert.ts';
import { ByteReader } from '../../base/byte-reader.ts';
import { ByteWriter } from '../../base/byte-writer.ts';
import { state } from '../../functions/state.ts';
import { t } from '../../types/index.ts';
import { code, finish, open } from '../heap/heap-backend.test-kit.ts';
import { MemorySnapshot } from '../memory-snapshot.ts';
import type { RowChains } from '../row-state.ts';
import { restoreRows } from './frozen-rows.ts';
import { RowLogChains } from './row-log-chains.ts';
import { VersionClock } from '../heap/version-clock.ts';
import { RowSlots } from './row-slots.ts';
import type { RowUnit } from './row-unit.ts';

const KEY = Buffer.from('key');

function chainOf(chains: RowChains, key: Uint8Array): number[] {
  const rows: number[] = [];
  const chain = chains.find(key, 0, key.length);
  for (let row = chains.newest(chain); row >= 0; row = chains.previous(row)) {
    rows.unshift(Buffer.from(chains.bytes.buffer).readDoubleLE(chains.startOf(row)));
  }
  return rows;
}

function add(chains: RowChains, key: Uint8Array, n: number): void {
  const row = Buffer.alloc(100);
  row.writeDoubleLE(n);
  chains.append(chains.findOrInsert(key, 0, key.length), row, 0, row.length);
}

/** Takes out every row but each third, from the newest on. */
function thin(chains: RowChains, key: Uint8Array): void {
  const chain = chains.find(key, 0, key.length);
  let newer = -1;
  for (let row = chains.newest(chain), i = 0; row >= 0; i++) {
    const previous = chains.previous(row);
    if (i % 3 === 0) newer = row;
    else chains.remove(chain, row, newer);
    row = previous;
  }
}

describe('row logs', () => {
  test('N3: rows that were taken out leave no memory behind, and the others their order', async () => {
    const backend = open();
    const log = backend.registerRowLog('rows');
    const chains = log.of(0, 5);
    const model: number[][] = [[], [], []];
    const keys = [KEY, Buffer.from('other'), Buffer.alloc(0)];
    const memory = new MemorySnapshot('while they are taken out');
    let writer: ReturnType<typeof backend.beginSnapshot> | undefined;
    let expected: number[][] = [];
    for (let round = 0; round < 30; round++) {
      for (const [k, key] of keys.entries()) {
        for (let i = 0; i < 50; i++) {
          add(chains, key, round * 1000 + i);
          model[k]!.push(round * 1000 + i);
        }
      }
      if (round === 12) {
        writer = backend.beginSnapshot(memory);
        expected = structuredClone(model);
      }
      for (const [k, key] of keys.entries()) {
        thin(chains, key);
        model[k] = model[k]!.filter((_, i, { length }) => (length - 1 - i) % 3 === 0);
        assert.deepEqual(chainOf(chains, key), model[k]);
      }
      if (round === 12) writer!.writeSlice(0, () => 0);
    }
    assert.equal(chains.size, model.flat().length);
    // 4,500 rows have been there, of 112 bytes each.
    assert.ok(backend.usage.typedBytes < 64 * 1024, `${backend.usage.typedBytes} bytes`);
    while (writer!.writeSlice(1, () => 0) !== 'done');
    const again = open();
    await again.restore([[memory.input()]]);
    const restored = again.registerRowLog('rows').find(0, 5)!;
    for (const [k, key] of keys.entries()) assert.deepEqual(chainOf(restored, key), expected[k]);
  });

  test('a slice that is dropped is gone, and begins anew', () => {
    const backend = open();
    const log = backend.registerRowLog('rows');
    for (const slice of [3, -1, 2])
      for (const group of [0, 2]) add(log.of(group, slice), KEY, slice);
    assert.deepEqual(log.slices(), [-1, 2, 3]);
    log.dropSlice(2);
    assert.deepEqual([log.slices(), log.slicesOf(2), log.slicesOf(1)], [[-1, 3], [-1, 3], []]);
    assert.equal(log.find(0, 2), undefined);
    assert.equal(log.of(0, 2).size, 0);
    add(log.of(0, 2), KEY, 7);
    assert.deepEqual(chainOf(log.of(0, 2), KEY), [7]);
  });

  test('N1: a row is not taken out of a place where it is not', () => {
    const chains = open().registerRowLog('rows').of(0, 0);
    for (let i = 0; i < 3; i++) add(chains, KEY, i);
    const chain = chains.find(KEY, 0, KEY.length);
    const newest = chains.newest(chain);
    const oldest = chains.previous(chains.previous(newest));
    assert.throws(() => chains.remove(chain, oldest, -1), AssertionError);
    assert.throws(() => chains.remove(chain, oldest, newest), AssertionError);
    assert.deepEqual(chainOf(chains, KEY), [0, 1, 2]);
  });
});

describe('row tables', () => {
  test('are told from one another by name, kind and width', async () => {
    const backend = open();
    const table = backend.registerRowTable('sums', 16);
    assert.equal(backend.registerRowTable('sums', 16), table);
    table.of(1).findOrInsert(KEY, 0, KEY.length);
    assert.throws(
      () => backend.registerRowTable('sums', 8),
      code('STATE_INCOMPATIBLE', 'rowTable bytes of 16', 'rowTable bytes of 8'),
    );
    assert.throws(() => backend.registerRowLog('sums'), code('STATE_INCOMPATIBLE', 'rowLog'));
    assert.throws(
      () => backend.register('sums', state.value(t.bytes)),
      code('STATE_INCOMPATIBLE', 'rowTable', 'value bytes'),
    );
    const again = open();
    again.registerRowTable('sums', 24);
    await assert.rejects(
      again.restore([[finish(backend).input()]]),
      code('STATE_NOT_EVOLVABLE', 'its slots have another width'),
    );
  });

  test('a width that is no multiple of 8, and a foreign key group, are mistakes', () => {
    const backend = open();
    assert.throws(() => backend.registerRowTable('sums', 12), AssertionError);
    const table = backend.registerRowTable('sums', 8);
    assert.throws(() => table.of(4), AssertionError);
    assert.throws(() => table.of(-1), AssertionError);
  });

  test('live beside other state of the same operator, and count as entries', async () => {
    const backend = open();
    const value = backend.register('value', state.value(t.string));
    const slots = backend.registerRowTable('sums', 0).of(3);
    for (let i = 0; i < 1000; i++) slots.findOrInsert(Buffer.from(`${i}`), 0, `${i}`.length);
    backend.setCurrentKey('a', 0);
    assert.equal(value.get(), undefined);
    assert.equal(backend.usage.entries, 1000);
    const again = open();
    await again.restore([[finish(backend, 'canonical').input()]]);
    assert.equal(again.usage.entries, 1000);
    for (let i = 0; i < 999; i++) {
      slots.remove(slots.find(Buffer.from(`${i}`), 0, `${i}`.length));
    }
    assert.equal(slots.next(slots.first()), -1);
    slots.remove(slots.first());
    assert.equal(slots.first(), -1);
    assert.ok(backend.usage.typedBytes < 8192);
  });
});

describe('what was written by others', () => {
  const clock = new VersionClock();

  /** Slots and rows as they lie in memory, then what a random generator has made of them. */
  function damagedUnits(seed: number): RowUnit[] {
    const slots = new RowSlots(8, clock);
    const chains = new RowLogChains(clock);
    for (let i = 0; i < 40; i++) {
      const key = Buffer.from(`key ${i % 9}`);
      slots.findOrInsert(key, 0, key.length);
      add(chains, key, i);
    }
    slots.remove(slots.first());
    let random = seed;
    return [slots, chains].map((unit) => {
      const copy = unit === slots ? new RowSlots(8, clock) : new RowLogChains(clock);
      for (const [which, arena] of unit.arenas.entries()) {
        const bytes = arena.bytes.slice(0, arena.end);
        for (let i = 0; i < seed % 4; i++) {
          random = (Math.imul(random, 1_664_525) + 1_013_904_223) >>> 0;
          bytes[random % bytes.length] = random >>> 24;
        }
        copy.arenas[which]!.write(0, bytes.subarray(0, bytes.length - (seed % 3) * 8));
      }
      return copy;
    });
  }

  test('is taken as it is or refused with a reason, whatever it may be', () => {
    let refused = 0;
    for (let seed = 0; seed < 2000; seed++) {
      for (const unit of damagedUnits(seed)) {
        const wrong = unit.takeRestored();
        if (seed % 12 === 0) assert.equal(wrong, undefined);
        if (wrong !== undefined) refused += 1;
      }
    }
    assert.ok(refused > 1000, `${refused} refused`);
  });

  test('pieces out of order, of no arena, of no length or without a slice are refused', () => {
    const piece = (slice: number, which: number, number: number, bytes: number): ByteReader => {
      const out = new ByteWriter();
      out.float64(slice);
      out.uint8(which);
      for (const byte of [0, 0, 0, number]) out.uint8(byte);
      out.varint(bytes);
      out.raw(new Uint8Array(bytes));
      return new ByteReader(out.copy());
    };
    const unit = new RowSlots(8, clock);
    for (const [entry, words] of [
      [piece(NaN, 0, 0, 8), /without their slice/],
      [piece(0, 1, 0, 8), /belong nowhere/],
      [piece(0, 0, 1, 8), /out of order/],
      [piece(0, 0, 0, 0), /of no rows/],
      [piece(0, 0, 0, 12), /of no rows/],
      [piece(0, 0, 0, 1024 * 1024), /of no rows/],
    ] as const) {
      assert.throws(() => restoreRows(entry, () => unit, false), words);
    }
    restoreRows(piece(0, 0, 0, 16), () => unit, false);
    assert.throws(() => restoreRows(piece(0, 0, 0, 16), () => unit, false), /out of order/);
  });
});
