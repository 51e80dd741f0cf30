import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { hours } from '../../base/units.ts';
import { state } from '../../functions/state.ts';
import type { ListState, MapState, ValueState } from '../../functions/state.ts';
import { timeline } from '../../functions/timeline-state.ts';
import type { TimelineState } from '../../functions/timeline-state.ts';
import { t } from '../../types/index.ts';
import { hashKey } from '../../types/key.ts';
import type { Key } from '../../types/schema.ts';
import { MemorySnapshot } from '../memory-snapshot.ts';
import { code } from './heap-backend.test-kit.ts';
import { HeapKeyedStateBackend } from './heap-keyed-state-backend.ts';

const GROUPS = 4;
const KEYS = 120;
const ttl = { duration: hours(1) };

function open(): HeapKeyedStateBackend {
  return HeapKeyedStateBackend.open({
    operator: 'orders',
    keyGroups: { first: 0, last: GROUPS - 1 },
    maxParallelism: GROUPS,
    processingTime: () => 1000,
  });
}

function at(backend: HeapKeyedStateBackend, key: Key): void {
  backend.setCurrentKey(key, (hashKey(key) >>> 0) % GROUPS);
}

function written(backend: HeapKeyedStateBackend): MemorySnapshot {
  const memory = new MemorySnapshot('old');
  backend.beginSnapshot(memory).writeSlice(Infinity, () => 0);
  return memory;
}

/**
 * Restores before the program registers its states, and after, and checks both; then the same from
 * what they write themselves.
 */
async function bothWays(
  old: HeapKeyedStateBackend,
  check: (backend: HeapKeyedStateBackend) => () => void,
): Promise<void> {
  let memory = written(old);
  for (let round = 0; round < 2; round++) {
    const [first, later] = [open(), open()];
    await first.restore([[memory.input()]]);
    check(first)();
    const checkLater = check(later);
    await later.restore([[memory.input()]]);
    checkLater();
    assert.equal(later.usage.entries, first.usage.entries);
    memory = written(first);
  }
}

const Old = t.struct({ user: t.string, count: t.int32 });
const New = t.struct({
  customer: t.field(t.string, { alias: 'user' }),
  count: t.int64,
  currency: t.field(t.string, { default: 'EUR' }),
});
const oldOf = (i: number): { user: string; count: number } => ({ user: `user ${i}`, count: i });
const newOf = (i: number): { customer: string; count: bigint; currency: string } => ({
  customer: `user ${i}`,
  count: BigInt(i),
  currency: 'EUR',
});

const FAMILIES: Readonly<Record<string, (i: number) => Key>> = {
  int32: (i) => i,
  number: (i) => i + 0.5,
  string: (i) => `key ${i}`,
  tuple: (i) => [i, 'x'],
};

describe('state of an older program', () => {
  for (const [family, keyAt] of Object.entries(FAMILIES)) {
    test(`all kinds of state go on with the schemas of now (${family} keys)`, async () => {
      const old = open();
      const before = {
        number: old.register('number', state.value(t.int32)),
        value: old.register('value', state.value(Old)),
        live: old.register('live', state.value(Old, { ttl })),
        list: old.register('list', state.list(Old)),
        liveList: old.register('live list', state.list(t.int32, { ttl })),
        map: old.register('map', state.map(t.int32, Old)),
        liveMap: old.register('live map', state.map(t.string, t.int32, { ttl })),
        line: old.register('line', timeline(t.int32)),
        sliced: old.registerSliced('sliced', state.value(t.int32)),
        windowed: old.registerNamespaced('windowed', state.list(Old), t.float64),
      };
      for (let i = 0; i < KEYS; i++) {
        at(old, keyAt(i));
        before.number.set(i);
        before.value.set(oldOf(i));
        before.live.set(oldOf(i));
        before.list.addAll([oldOf(i), oldOf(i + 1)]);
        before.liveList.add(i);
        before.map.set(i, oldOf(i));
        before.liveMap.set('a', i);
        before.line.add(5, i);
        before.line.add(7, i + 1);
        before.sliced.setSlice(i % 3);
        before.sliced.handle.set(i);
        before.windowed.setNamespace(i % 2);
        before.windowed.handle.add(oldOf(i));
      }
      await bothWays(old, (backend) => {
        const number: ValueState<bigint | undefined> = backend.register(
          'number',
          state.value(t.int64),
        );
        const value = backend.register('value', state.value(New));
        const live = backend.register('live', state.value(New, { ttl }));
        const list = backend.register('list', state.list(New));
        const liveList: ListState<number> = backend.register(
          'live list',
          state.list(t.float64, { ttl }),
        );
        const map: MapState<bigint, unknown> = backend.register('map', state.map(t.int64, New));
        const liveMap = backend.register('live map', state.map(t.string, t.int64, { ttl }));
        const line: TimelineState<number> = backend.register('line', timeline(t.float64));
        const sliced = backend.registerSliced('sliced', state.value(t.float64));
        const windowed = backend.registerNamespaced('windowed', state.list(New), t.float64);
        return () => {
          for (let i = 0; i < KEYS; i++) {
            at(backend, keyAt(i));
            assert.equal(number.get(), BigInt(i));
            assert.deepEqual(value.get(), newOf(i));
            assert.deepEqual(live.get(), newOf(i));
            assert.deepEqual([...list.values()], [newOf(i), newOf(i + 1)]);
            assert.deepEqual([...liveList.values()], [i]);
            assert.deepEqual([...map.entries()], [[BigInt(i), newOf(i)]]);
            assert.deepEqual([...liveMap.entries()], [['a', BigInt(i)]]);
            assert.deepEqual([line.entries?.valueAt(0), line.entries?.timeAt(1)], [i, 7]);
            sliced.setSlice(i % 3);
            assert.equal(sliced.handle.get(), i);
            windowed.setNamespace(i % 2);
            assert.deepEqual([...windowed.handle.values()], [newOf(i)]);
          }
        };
      });
    });
  }

  test('a declared migration is asked, from its own schema or one that leads to it', async () => {
    const migrations = [state.migration(t.float64, (n) => `${n} euros`)];
    for (const stored of [t.float64, t.int32]) {
      const old = open();
      const amount = old.register('amount', state.value(stored));
      for (let i = 0; i < KEYS; i++) {
        at(old, i);
        amount.set(i);
      }
      await bothWays(old, (backend) => {
        const text = backend.register('amount', state.value(t.string, { migrations }));
        return () => {
          for (let i = 0; i < KEYS; i++) {
            at(backend, i);
            assert.equal(text.get(), `${i} euros`);
          }
        };
      });
    }
  });

  test('what cannot go on is refused with state, field and fix, whoever comes first', async () => {
    const old = open();
    const value = old.register('order', state.value(Old));
    at(old, 1);
    value.set(oldOf(1));
    const memory = written(old);
    const refused = async (
      register: (backend: HeapKeyedStateBackend) => unknown,
      ...words: string[]
    ): Promise<void> => {
      const says = code('STATE_NOT_EVOLVABLE', '"order"', '"orders"', ...words);
      const [first, later] = [open(), open()];
      await first.restore([[memory.input()]]);
      assert.throws(() => register(first), says);
      register(later);
      await assert.rejects(later.restore([[memory.input()]]), says);
    };
    const more = t.struct({ ...Old.fields, more: t.int32 });
    await refused((b) => b.register('order', state.value(more)), 'value.more', 'does not have');
    const narrow = t.struct({ user: t.string, count: t.int16 });
    await refused((b) => b.register('order', state.value(narrow)), 'value.count', 'is int16');
    await refused((b) => b.register('order', state.list(Old)), 'was a value state');
    await refused((b) => b.registerSliced('order', state.value(Old)), 'slices of time');
    await refused(
      (b) => b.registerNamespaced('order', state.value(Old), t.string),
      'other namespaces in one',
    );
  });

  test('a migration that fails or gives what does not fit says so, and damages nothing', async () => {
    const old = open();
    const value = old.register('n', state.value(t.float64));
    at(old, 1);
    value.set(5);
    const memory = written(old);
    const failing = (migrate: (n: number) => never): ReturnType<typeof state.value<string>> =>
      state.value(t.string, { migrations: [state.migration(t.float64, migrate)] });
    const toss = failing(() => {
      throw new Error('no idea');
    });
    const wrong = failing((n) => n as never);
    const late = failing((async () => 'a') as never);
    for (const [descriptor, error] of [
      [toss, code('STATE_MIGRATION_FAILED', 'no idea', '"n"')],
      [wrong, code('STATE_VALUE_INVALID', '5')],
      [late, code('USER_CODE_ASYNC', 'migrate')],
    ] as const) {
      const [first, later] = [open(), open()];
      await first.restore([[memory.input()]]);
      assert.throws(() => first.register('n', descriptor), error);
      later.register('n', descriptor);
      await assert.rejects(later.restore([[memory.input()]]), error);
    }
  });

  test('subtasks of which one had not written the state anew come together', async () => {
    const memories = [];
    for (const [half, registers] of [
      [0, true],
      [1, false],
    ] as const) {
      const keyGroups = { first: half * 2, last: half * 2 + 1 };
      const options = { operator: 'orders', keyGroups, maxParallelism: GROUPS };
      const old = HeapKeyedStateBackend.open(options);
      const value = old.register('n', state.value(t.int32));
      for (let i = 0; i < KEYS; i++) {
        const group = (hashKey(i) >>> 0) % GROUPS;
        if (group >> 1 !== half) continue;
        old.setCurrentKey(i, group);
        value.set(i);
      }
      const between = HeapKeyedStateBackend.open(options);
      await between.restore([[written(old).input()]]);
      if (registers) between.register('n', state.value(t.float64));
      memories.push(written(between));
    }
    for (const order of [memories, memories.toReversed()]) {
      const again = open();
      await again.restore(order.map((memory) => [memory.input()]));
      const value = again.register('n', state.value(t.float64));
      for (let i = 0; i < KEYS; i++) {
        at(again, i);
        assert.equal(value.get(), i);
      }
    }
  });
});
