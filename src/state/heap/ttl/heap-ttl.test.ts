import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { AssertionError } from '../../../base/assert.ts';
import { milliseconds } from '../../../base/units.ts';
import { state } from '../../../functions/state.ts';
import type { StateTtl } from '../../../functions/state-ttl.ts';
import { t } from '../../../types/index.ts';
import { hashKey } from '../../../types/key.ts';
import type { Key } from '../../../types/schema.ts';
import type { MergingHandle } from '../../keyed-state-backend.ts';
import { code, finish, GROUPS } from '../heap-backend.test-kit.ts';
import { HeapKeyedStateBackend } from '../heap-keyed-state-backend.ts';

const TTL: StateTtl = { duration: milliseconds(100) };
const PLAIN = { duration: milliseconds(100), cleanup: false } as const;

class Clock {
  now = 1000;
}

function openAt(clock: Clock): HeapKeyedStateBackend {
  return HeapKeyedStateBackend.open({
    operator: 'count words',
    keyGroups: { first: 0, last: GROUPS - 1 },
    maxParallelism: GROUPS,
    processingTime: () => clock.now,
  });
}

function at(backend: HeapKeyedStateBackend, key: Key): void {
  backend.setCurrentKey(key, (hashKey(key) >>> 0) % GROUPS);
}

function entriesOf(backend: HeapKeyedStateBackend): number {
  return backend.usage.entries;
}

describe('expiry', () => {
  test('a value is there until its time has come, and then the initial one', () => {
    const clock = new Clock();
    const backend = openAt(clock);
    const count = backend.register('n', state.value(t.int32, { initial: 7, ttl: TTL }));
    at(backend, 'a');
    count.set(1);
    clock.now = 1099;
    assert.equal(count.get(), 1);
    clock.now = 1100;
    assert.equal(count.get(), 7);
    assert.equal(entriesOf(backend), 0);
    count.set(2);
    clock.now = 1150;
    count.set(3);
    clock.now = 1249;
    assert.equal(count.get(), 3);
  });

  test('what is in a namespace expires and is cleaned up as elsewhere, over restores too', async () => {
    const clock = new Clock();
    const backend = openAt(clock);
    const descriptor = state.value(t.int32, { ttl: TTL });
    const plain = state.value(t.int32, { ttl: PLAIN });
    const cleaned = backend.registerNamespaced('cleaned', descriptor, t.string);
    const kept = backend.registerNamespaced('kept', plain, t.string);
    at(backend, 1);
    for (const namespace of ['a', 'b']) {
      for (const counts of [cleaned, kept]) {
        counts.setNamespace(namespace);
        counts.handle.set(1);
      }
      clock.now += 60;
    }
    const memory = finish(backend);
    assert.equal(cleaned.handle.get(), 1);
    cleaned.setNamespace('a');
    assert.equal(cleaned.handle.get(), undefined);
    clock.now += 60;
    at(backend, 2);
    for (let i = 0; i < 100; i++) assert.equal(cleaned.handle.get(), undefined);
    assert.equal(entriesOf(backend), 2);
    backend.forEachKey('kept', () => assert.fail('all have expired'));
    clock.now -= 60;
    const again = openAt(clock);
    await again.restore([[memory.input()]]);
    const restored = again.registerNamespaced('kept', plain, t.string);
    at(again, 1);
    restored.setNamespace('b');
    assert.equal(restored.handle.get(), 1);
    restored.setNamespace('a');
    assert.equal(restored.handle.get(), undefined);
  });

  test('reads let it live on where that is declared, and only there', () => {
    const clock = new Clock();
    const backend = openAt(clock);
    const ttl: StateTtl = { ...TTL, update: 'on-read-and-write' };
    const read = backend.register('read', state.value(t.string, { ttl }));
    const written = backend.register('written', state.value(t.string, { ttl: TTL }));
    at(backend, 'a');
    read.set('x');
    written.set('x');
    for (clock.now = 1060; clock.now < 2000; clock.now += 60) assert.equal(read.get(), 'x');
    assert.equal(written.get(), undefined);
  });

  test('disabled is no time-to-live', () => {
    const backend = HeapKeyedStateBackend.open({
      operator: 'x',
      keyGroups: { first: 0, last: GROUPS - 1 },
      maxParallelism: GROUPS,
    });
    const value = backend.register(
      'v',
      state.value(t.string, { ttl: { ...TTL, update: 'disabled' } }),
    );
    at(backend, 'a');
    value.set('x');
    assert.equal(value.get(), 'x');
    assert.throws(() => {
      const ticking = backend.register('w', state.value(t.string, { ttl: TTL }));
      ticking.set('x');
    }, AssertionError);
  });

  test('what has expired is shown once where that is declared, if it is still there', () => {
    const clock = new Clock();
    const backend = openAt(clock);
    const ttl = { ...PLAIN, visibility: 'return-expired-if-not-cleaned-up' } as const;
    const value = backend.register('v', state.value(t.string, { ttl }));
    const sum = backend.register(
      's',
      state.reducing(t.float64, (a, b) => a + b, { ttl }),
    );
    at(backend, 'a');
    value.set('x');
    sum.add(1);
    clock.now = 5000;
    assert.equal(value.get(), 'x');
    assert.equal(value.get(), undefined);
    sum.add(2);
    assert.equal(sum.get(), 3);
  });

  test('L1: a clock that goes back neither loses what is there nor lets it expire early', () => {
    const clock = new Clock();
    const backend = openAt(clock);
    const old = backend.register('old', state.value(t.string, { ttl: TTL }));
    const young = backend.register('young', state.value(t.string, { ttl: TTL }));
    at(backend, 'a');
    old.set('x');
    clock.now = 200;
    assert.equal(old.get(), 'x');
    young.set('y');
    // Set right again: for `young` no more than 99 have passed.
    clock.now = 1099;
    assert.deepEqual([old.get(), young.get()], ['x', 'y']);
    clock.now = 1100;
    assert.deepEqual([old.get(), young.get()], [undefined, undefined]);
  });

  test('L2: restored under a clock that is behind, it stays', async () => {
    const clock = new Clock();
    const backend = openAt(clock);
    backend.register('v', state.value(t.string, { ttl: TTL }));
    at(backend, 'a');
    backend.register('v', state.value(t.string, { ttl: TTL })).set('x');
    const behind = new Clock();
    behind.now = 5;
    const again = openAt(behind);
    const value = again.register('v', state.value(t.string, { ttl: TTL }));
    await again.restore([[finish(backend).input()]]);
    at(again, 'a');
    for (behind.now = 5; behind.now < 1100; behind.now += 50) assert.equal(value.get(), 'x');
    behind.now = 1100;
    assert.equal(value.get(), undefined);
  });

  test('forEachKey passes by keys of which everything has expired', () => {
    const clock = new Clock();
    const backend = openAt(clock);
    const list = backend.register('l', state.list(t.string, { ttl: PLAIN }));
    const map = backend.register('m', state.map(t.string, t.string, { ttl: PLAIN }));
    const value = backend.register('v', state.value(t.string, { ttl: PLAIN }));
    for (const key of ['a', 'b']) {
      at(backend, key);
      list.add(key);
      map.set(key, key);
      value.set(key);
      clock.now += 60;
    }
    for (const name of ['l', 'm', 'v']) {
      const keys: Key[] = [];
      backend.forEachKey(name, (key) => void keys.push(key));
      assert.deepEqual(keys, ['b'], name);
    }
  });

  test('elements that are merged keep their times', () => {
    const clock = new Clock();
    const backend = openAt(clock);
    const list = backend.register('l', state.list(t.string, { ttl: TTL }));
    const merging = list as unknown as MergingHandle;
    at(backend, 'a');
    list.add('old');
    clock.now = 1060;
    list.add('young');
    const taken = merging.take();
    assert.ok(list.isEmpty);
    at(backend, 'b');
    list.add('own');
    merging.merge(taken);
    assert.deepEqual([...list.values()], ['own', 'old', 'young']);
    clock.now = 1110;
    assert.deepEqual([...list.values()], ['own', 'young']);
  });

  test('a declaration that makes no sense is refused', () => {
    for (const ttl of [
      { duration: milliseconds(0) },
      { duration: NaN as never },
      { ...TTL, update: 'sometimes' as never },
      { ...TTL, visibility: 'always' as never },
      { ...TTL, cleanup: { incremental: { keys: 0 } } },
    ]) {
      assert.throws(
        () => state.map(t.string, t.string, { ttl }),
        code('API_INVALID_ARGUMENT', 'state.map', 'ttl'),
      );
    }
  });
});

describe('cleaning', () => {
  const KEYS = 1000;

  function filled(ttl: StateTtl): [Clock, HeapKeyedStateBackend, () => void] {
    const clock = new Clock();
    const backend = openAt(clock);
    const value = backend.register('v', state.value(t.float64, { ttl }));
    const list = backend.register('l', state.list(t.float64, { ttl }));
    const map = backend.register('m', state.map(t.float64, t.float64, { ttl }));
    for (let i = 0; i < KEYS; i++) {
      at(backend, i * 7);
      value.set(i);
      list.add(i);
      map.set(i, i);
    }
    clock.now += 1000;
    const access = (): void => {
      at(backend, 'never seen'.length);
      value.set(0);
      assert.ok(list.isEmpty && map.isEmpty);
    };
    return [clock, backend, access];
  }

  test('accesses to one key clean up all the others, a few at a time', () => {
    const [, backend, access] = filled(TTL);
    for (let i = 0; i < 10; i++) access();
    const gone = KEYS * 3 + 1 - entriesOf(backend);
    assert.ok(gone > 0 && gone <= 10 * 3 * 5, `${gone} gone by ten accesses to each state`);
    for (let i = 0; i < KEYS; i++) access();
    assert.equal(entriesOf(backend), 1);
  });

  test('every record cleans up where that is declared', () => {
    const ttl = { ...TTL, cleanup: { incremental: { keys: 10, everyRecord: true } } };
    const [, backend] = filled(ttl);
    for (let i = 0; i < KEYS; i++) at(backend, 1_000_000 + i);
    assert.equal(entriesOf(backend), 0);
  });

  test('what is not declared does not happen', () => {
    for (const ttl of [PLAIN, { ...TTL, cleanup: { incremental: false } } as const]) {
      const [, backend, access] = filled(ttl);
      for (let i = 0; i < KEYS; i++) access();
      assert.equal(entriesOf(backend), KEYS * 3 + 1);
    }
  });

  test('snapshots leave out what had expired when they began, unless that is declared', async () => {
    for (const [ttl, left] of [
      [TTL, 1],
      [PLAIN, KEYS * 3 + 1],
      [{ ...TTL, cleanup: { incremental: false } } as const, 1],
      [{ ...TTL, cleanup: { incremental: false, inSnapshots: false } } as const, KEYS * 3 + 1],
    ] as const) {
      const [clock, backend] = filled(ttl);
      at(backend, 12345);
      backend.register('v', state.value(t.float64, { ttl })).set(1);
      const written = finish(backend);
      const again = openAt(clock);
      await again.restore([[written.input()]]);
      assert.ok(Math.abs(entriesOf(again) - left) <= (left === 1 ? 0 : 5), `${entriesOf(again)}`);
    }
  });

  test('long lists and maps are cleaned in part, and written in parts', async () => {
    const clock = new Clock();
    const backend = openAt(clock);
    const list = backend.register('l', state.list(t.float64, { ttl: PLAIN }));
    const map = backend.register('m', state.map(t.float64, t.float64, { ttl: PLAIN }));
    at(backend, 'a');
    for (let i = 0; i < 1500; i++) {
      if (i === 700) clock.now += 60;
      list.add(i);
      map.set(i, i);
    }
    clock.now += 60;
    const again = openAt(clock);
    const restored = again.register('l', state.list(t.float64, { ttl: TTL }));
    const entries = again.register('m', state.map(t.float64, t.float64, { ttl: TTL }));
    await again.restore([[finish(backend).input()]]);
    const expected = Array.from({ length: 800 }, (_, i) => 700 + i);
    at(again, 'b');
    for (let i = 0; i < 10; i++) assert.ok(restored.isEmpty && entries.isEmpty);
    const cleaned = openAt(clock);
    await cleaned.restore([[finish(again).input()]]);
    at(cleaned, 'a');
    const plain = cleaned.register('l', state.list(t.float64));
    const plainMap = cleaned.register('m', state.map(t.float64, t.float64));
    assert.deepEqual([...plain.values()], expected);
    assert.deepEqual([...plainMap.keys()], expected);
  });

  test('numbers and their times stay in typed columns', () => {
    const [, backend] = filled(PLAIN);
    const clock = new Clock();
    const lean = openAt(clock);
    const value = lean.register('v', state.value(t.float64));
    for (let i = 0; i < KEYS; i++) {
      at(lean, i * 7);
      value.set(i);
    }
    const timed = openAt(clock);
    const ticking = timed.register('v', state.value(t.float64, { ttl: PLAIN }));
    for (let i = 0; i < KEYS; i++) {
      at(timed, i * 7);
      ticking.set(i);
    }
    const [plainBytes, timedBytes] = [lean.usage.typedBytes, timed.usage.typedBytes];
    assert.equal(timedBytes, plainBytes * 1.5);
    assert.ok(backend.usage.typedBytes > 0);
  });
});

describe('a change of the declaration', () => {
  const kinds = {
    v: (ttl: StateTtl | undefined) => state.value(t.float64, { ttl }),
    l: (ttl: StateTtl | undefined) => state.list(t.float64, { ttl }),
    m: (ttl: StateTtl | undefined) => state.map(t.float64, t.float64, { ttl }),
    r: (ttl: StateTtl | undefined) => state.reducing(t.float64, (a, b) => a + b, { ttl }),
  };

  function handlesOf(backend: HeapKeyedStateBackend, ttl: StateTtl | undefined) {
    return {
      v: backend.register('v', kinds.v(ttl)),
      l: backend.register('l', kinds.l(ttl)),
      m: backend.register('m', kinds.m(ttl)),
      r: backend.register('r', kinds.r(ttl)),
    };
  }

  function shown(handles: ReturnType<typeof handlesOf>): unknown[] {
    return [handles.v.get(), [...handles.l.values()], [...handles.m.entries()], handles.r.get()];
  }

  const ALL = [1, [1], [[1, 1]], 1];
  const NOTHING = [undefined, [], [], undefined];

  for (const registerFirst of [true, false]) {
    const order = registerFirst ? 'before' : 'after';
    const restoredAt = async (
      clock: Clock,
      written: StateTtl | undefined,
      later: StateTtl | undefined,
    ): Promise<() => unknown[]> => {
      const backend = openAt(new Clock());
      const handles = handlesOf(backend, written);
      at(backend, 5);
      handles.v.set(1);
      handles.l.add(1);
      handles.m.set(1, 1);
      handles.r.add(1);
      const again = openAt(clock);
      if (registerFirst) handlesOf(again, later);
      await again.restore([[finish(backend).input()]]);
      const restored = handlesOf(again, later);
      at(again, 5);
      return () => shown(restored);
    };

    test(`one that gets a time-to-live counts from the restore (declared ${order})`, async () => {
      const clock = new Clock();
      clock.now = 9000;
      const restored = await restoredAt(clock, undefined, TTL);
      clock.now = 9099;
      assert.deepEqual(restored(), ALL);
      clock.now = 9100;
      assert.deepEqual(restored(), NOTHING);
    });

    test(`a state that loses it keeps what was restored (declared ${order})`, async () => {
      const clock = new Clock();
      clock.now = 9000;
      const restored = await restoredAt(clock, TTL, undefined);
      assert.deepEqual(restored(), ALL);
    });

    test(`another duration counts from the last access (declared ${order})`, async () => {
      const clock = new Clock();
      clock.now = 1500;
      const restored = await restoredAt(clock, TTL, { duration: milliseconds(1000) });
      assert.deepEqual(restored(), ALL);
      clock.now = 2000;
      assert.deepEqual(restored(), NOTHING);
    });
  }

  test('H2: restored state that nobody declares keeps its times', async () => {
    const clock = new Clock();
    const backend = openAt(clock);
    const handles = handlesOf(backend, TTL);
    at(backend, 5);
    handles.v.set(1);
    handles.l.add(1);
    handles.m.set(1, 1);
    handles.r.add(1);
    const between = openAt(clock);
    await between.restore([[finish(backend).input()]]);
    clock.now = 1050;
    const again = openAt(clock);
    await again.restore([[finish(between, 'canonical').input()]]);
    const restored = handlesOf(again, TTL);
    at(again, 5);
    clock.now = 1099;
    assert.deepEqual(shown(restored), ALL);
    clock.now = 1100;
    assert.deepEqual(shown(restored), NOTHING);
  });
});
