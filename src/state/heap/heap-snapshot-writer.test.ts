import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { state } from '../../functions/state.ts';
import type { ListState, MapState } from '../../functions/state.ts';
import { t } from '../../types/index.ts';
import { hashKey } from '../../types/key.ts';
import type { Key } from '../../types/schema.ts';
import { MemorySnapshot } from '../memory-snapshot.ts';
import { at, code, finish, GROUPS, oneStep, open, restoredFrom } from './heap-backend.test-kit.ts';
import { HeapKeyedStateBackend } from './heap-keyed-state-backend.ts';

describe('snapshots', () => {
  test('U2, U3: a table is rebuilt under the cursor, then lists and maps change in place', async () => {
    for (const key of [
      (i: number): Key => i,
      (i: number): Key => `key ${i}`,
      (i: number): Key => i + 0.5,
    ]) {
      const backend = open();
      const list = backend.register('list', state.list(t.float64));
      for (let i = 0; i < 2000; i++) {
        at(backend, key(i));
        list.addAll([i, i + 1]);
      }
      const memory = new MemorySnapshot('s');
      const writer = backend.beginSnapshot(memory);
      for (let steps = 0; steps < 3; steps++) writer.writeSlice(...oneStep);
      // Nearly all go, so that the tables give memory back; those that stay are appended to.
      for (let i = 0; i < 1900; i++) {
        at(backend, key(i));
        list.clear();
      }
      for (let i = 1900; i < 2000; i++) {
        at(backend, key(i));
        list.add(-1);
      }
      while (writer.writeSlice(...oneStep) !== 'done');
      const again = await restoredFrom(memory);
      const restored = again.register('list', state.list(t.float64));
      for (let i = 0; i < 2000; i++) {
        at(again, key(i));
        assert.deepEqual([...restored.values()], [i, i + 1]);
      }
      assert.equal(again.usage.entries, 2000);
    }
  });

  test('E1: a long map changes while its parts are written', async () => {
    const backend = open();
    const map = backend.register('map', state.map(t.int32, t.string));
    const wide = 'wide '.repeat(30);
    at(backend, 'a');
    for (let i = 0; i < 1000; i++) map.set(i, `${wide}${i}`);
    const memory = new MemorySnapshot('s');
    const writer = backend.beginSnapshot(memory);
    while (writer.entriesWritten === 0 && writer.bytesWritten < 1000) writer.writeSlice(...oneStep);
    for (let i = 0; i < 1000; i += 2) map.set(i, 'changed');
    for (let i = 1; i < 1000; i += 2) map.delete(i);
    while (writer.writeSlice(...oneStep) !== 'done');
    const again = await restoredFrom(memory);
    const restored = again.register('map', state.map(t.int32, t.string));
    at(again, 'a');
    assert.deepEqual(
      [...restored.entries()],
      Array.from({ length: 1000 }, (_, i) => [i, `${wide}${i}`]),
    );
  });

  test('Z1: canonical snapshots sort by key and keep the order of long lists', async () => {
    const backend = open();
    const list = backend.register('list', state.list(t.float64));
    const text = backend.register('text', state.value(t.string));
    for (const key of ['b', 'c', 'a']) {
      at(backend, key);
      list.addAll(Array.from({ length: 300_000 }, (_, i) => i));
    }
    for (let i = 0; i < 5000; i++) {
      at(backend, `key ${i}`);
      text.set(`${i}`);
    }
    const memory = finish(backend, 'canonical');
    const again = await restoredFrom(memory);
    const restored = again.register('list', state.list(t.float64));
    again.register('text', state.value(t.string));
    for (const key of ['a', 'b', 'c']) {
      at(again, key);
      let i = 0;
      for (const value of restored.values()) assert.equal(value, i++);
      assert.equal(i, 300_000);
    }
    // The restored tables lie in memory in another order, the canonical bytes are the same.
    assert.deepEqual(finish(again, 'canonical').bytes(), memory.bytes());
  });

  test('W3: aborting lets go, and a later snapshot is whole', async () => {
    const backend = open();
    const value = backend.register('v', state.value(t.float64, { initial: 0 }));
    for (let i = 0; i < 1000; i++) {
      at(backend, i);
      value.set(i);
    }
    const aborted = backend.beginSnapshot(new MemorySnapshot('a'));
    aborted.writeSlice(...oneStep);
    const finished = backend.beginSnapshot(new MemorySnapshot('b'));
    assert.equal(backend.usage.openSnapshots, 2);
    aborted.abort();
    aborted.abort();
    assert.equal(backend.usage.openSnapshots, 1);
    finished.writeSlice(Infinity, () => 0);
    assert.equal(backend.usage.openSnapshots, 0);
    finished.abort();
    assert.throws(() => aborted.writeSlice(...oneStep), /W3/);
    for (let i = 0; i < 1000; i++) {
      at(backend, i);
      value.set(-i);
    }
    const again = await restoredFrom(finish(backend));
    const restored = again.register('v', state.value(t.float64, { initial: 0 }));
    at(again, 999);
    assert.equal(restored.get(), -999);
    assert.equal(again.usage.entries, 1000);
  });

  test('F3: memory that is released is written into again, and no other', async () => {
    const backend = open();
    const value = backend.register('v', state.value(t.string));
    for (let i = 0; i < 5000; i++) {
      at(backend, i);
      value.set(`value ${i}`.repeat(160));
    }
    const memory = new MemorySnapshot('s');
    const used = new Set<ArrayBufferLike>();
    let kept: (() => void)[] = [];
    const writer = backend.beginSnapshot({
      write(bytes, release) {
        memory.write(bytes.slice());
        if (release === undefined) return;
        used.add(bytes.buffer);
        kept.push(() => {
          bytes.fill(0xff);
          release();
        });
        if (kept.length < 2) return;
        for (const each of kept) each();
        kept = [];
      },
    });
    assert.equal(
      writer.writeSlice(Infinity, () => 0),
      'done',
    );
    assert.ok(writer.bytesWritten > 7 * 2 ** 20 && used.size <= 4, `${used.size} pieces of memory`);
    assert.equal((await restoredFrom(memory)).usage.entries, 5000);
  });

  test('a full output blocks without losing anything', async () => {
    const backend = open();
    const value = backend.register('v', state.value(t.string));
    for (let i = 0; i < 5000; i++) {
      at(backend, i);
      value.set(`value ${i}`.repeat(160));
    }
    const memory = new MemorySnapshot('s');
    let full = true;
    let blocked = 0;
    const writer = backend.beginSnapshot({
      write: (bytes) => {
        memory.write(bytes);
        full = true;
      },
      get full() {
        return full;
      },
    });
    for (;;) {
      const result = writer.writeSlice(Infinity, () => 0);
      if (result === 'done') break;
      assert.equal(result, 'blocked');
      blocked += 1;
      full = false;
    }
    assert.ok(blocked > 5);
    assert.equal((await restoredFrom(memory)).usage.entries, 5000);
  });

  test('a slice stops at its budget', () => {
    const backend = open();
    const list = backend.register('list', state.list(t.string));
    for (let i = 0; i < 100; i++) {
      at(backend, i);
      list.addAll(Array.from({ length: 2000 }, (_, j) => `element ${j}`));
    }
    let looks = 0;
    const writer = backend.beginSnapshot(new MemorySnapshot('s'));
    const before = writer.bytesWritten;
    // The clock goes on by one at every look: two steps.
    assert.equal(
      writer.writeSlice(2, () => looks++),
      'more',
    );
    assert.ok(writer.bytesWritten - before < 64 * 1024, `${writer.bytesWritten} bytes`);
    writer.abort();
  });

  test('a value that its codec refuses fails the snapshot, names key and state, and nothing else', () => {
    const backend = open();
    const value = backend.register('order', state.value(t.struct({ id: t.string })));
    at(backend, 'k1');
    value.set({ id: 7 as never });
    const writer = backend.beginSnapshot(new MemorySnapshot('s'));
    assert.throws(
      () => writer.writeSlice(Infinity, () => 0),
      code('STATE_NOT_SERIALIZABLE', 'count words', 'order', 'k1', 'id'),
    );
    writer.abort();
    value.set({ id: '7' });
    finish(backend);
  });

  test('K5: what nobody registers is kept, and is in the next snapshot', async () => {
    const backend = open();
    const old = backend.register('old', state.map(t.string, t.int64));
    at(backend, ['a', 1]);
    old.set('x', 2n ** 62n);
    const between = await restoredFrom(finish(backend));
    const added = between.register('new', state.value(t.float64));
    at(between, ['a', 1]);
    added.set(1);
    const again = await restoredFrom(finish(between));
    const restored: MapState<string, bigint> = again.register('old', state.map(t.string, t.int64));
    at(again, ['a', 1]);
    assert.deepEqual([...restored.entries()], [['x', 2n ** 62n]]);
    assert.throws(
      () => again.register('new', state.list(t.float64)),
      code('STATE_NOT_EVOLVABLE', '"new"', 'was a value state', 'is a list state'),
    );
  });

  test('K5: a handle that has looked before the restore sees what was restored', async () => {
    const backend = open();
    const sum = backend.register(
      'sum',
      state.reducing(t.float64, (a, b) => a + b),
    );
    at(backend, 'a');
    sum.add(5);
    const again = open();
    const restored = again.register(
      'sum',
      state.reducing(t.float64, (a, b) => a + b),
    );
    at(again, 'a');
    assert.equal(restored.get(), undefined);
    await again.restore([[finish(backend).input()]]);
    assert.equal(restored.get(), 5);
    restored.add(1);
    assert.equal(restored.get(), 6);
    assert.equal(again.usage.entries, 1);
  });

  test('K5: an empty restore is a fresh start', async () => {
    const backend = open();
    await backend.restore([]);
    assert.equal(backend.usage.entries, 0);
    const empty = await restoredFrom(finish(open()));
    assert.equal(empty.usage.entries, 0);
  });

  test('K5: other settings, a missing or a doubled key group are refused', async () => {
    const backend = open();
    const list: ListState<number> = backend.register('l', state.list(t.float64));
    for (let i = 0; i < 100; i++) {
      at(backend, i);
      list.add(i);
    }
    const memory = finish(backend);
    const wider = HeapKeyedStateBackend.open({
      operator: 'x',
      keyGroups: { first: 0, last: 7 },
      maxParallelism: 8,
    });
    await assert.rejects(
      wider.restore([[memory.input()]]),
      code('STATE_SNAPSHOT_MISMATCH', 'a snapshot', 'maximal parallelism is 4, not 8'),
    );
    await assert.rejects(
      open().restore([[memory.input()], [memory.input()]]),
      code('STATE_SNAPSHOT_MISMATCH', 'key group 0 as well'),
    );
    const half = HeapKeyedStateBackend.open({
      operator: 'x',
      keyGroups: { first: 0, last: 1 },
      maxParallelism: GROUPS,
    });
    await half.restore([[memory.input()]]);
    const halfOfIt = finish(half);
    await assert.rejects(
      open().restore([[halfOfIt.input()]]),
      code('STATE_SNAPSHOT_MISMATCH', 'no snapshot given holds key group 2'),
    );
    const foreign = open();
    const value = foreign.register('v', state.value(t.float64));
    foreign.setCurrentKey(1, ((hashKey(1) >>> 0) + 1) % GROUPS);
    value.set(1);
    await assert.rejects(
      open().restore([[finish(foreign).input()]]),
      code('STATE_SNAPSHOT_CORRUPT', 'another key group'),
    );
    const texts = open();
    at(texts, 'text');
    await assert.rejects(
      texts.restore([[memory.input()]]),
      code('STATE_KEY_FAMILY', 'number', 'string'),
    );
    const other = open();
    other.register('l', state.list(t.string));
    await assert.rejects(
      other.restore([[memory.input()]]),
      code('STATE_NOT_EVOLVABLE', '"l"', 'was float64', 'is string'),
    );
  });
});
