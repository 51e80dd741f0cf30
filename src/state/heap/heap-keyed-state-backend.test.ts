import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { meanOf } from '../../functions/aggregates.ts';
import { state } from '../../functions/state.ts';
import type { ValueState } from '../../functions/state.ts';
import { t } from '../../types/index.ts';
import { hashKey } from '../../types/key.ts';
import type { Key } from '../../types/schema.ts';
import type { MergingHandle } from '../keyed-state-backend.ts';
import { at, code, finish, GROUPS, open } from './heap-backend.test-kit.ts';
import { HeapKeyedStateBackend } from './heap-keyed-state-backend.ts';

describe('handles', () => {
  test('K3: throw outside of a call', () => {
    const backend = open();
    const value = backend.register('v', state.value(t.float64));
    const list = backend.register('l', state.list(t.string));
    const map = backend.register('m', state.map(t.string, t.string));
    const sum = backend.register(
      's',
      state.reducing(t.float64, (a, b) => a + b),
    );
    const uses = [
      () => value.get(),
      () => value.set(1),
      () => value.clear(),
      () => list.add('a'),
      () => list.values(),
      () => list.isEmpty,
      () => map.get('a'),
      () => map.set('a', 'b'),
      () => map.entries(),
      () => map.delete('a'),
      () => sum.get(),
      () => sum.add(1),
    ];
    for (const use of uses) assert.throws(use, code('USER_CODE_OUTSIDE_CALL', 'count words'));
    at(backend, 1);
    value.set(1);
    backend.clearCurrentKey();
    for (const use of uses) assert.throws(use, code('USER_CODE_OUTSIDE_CALL'));
    at(backend, 1);
    assert.equal(value.get(), 1);
  });

  test('a value that does not fit is refused and changes nothing', () => {
    const backend = open();
    const cases: readonly [ValueState<any>, unknown, readonly unknown[]][] = [
      [backend.register('int32', state.value(t.int32)), 7, [1.5, 2 ** 31, NaN, '7', null, 7n]],
      [backend.register('uint8', state.value(t.uint8)), 7, [-1, 256, 0.5]],
      [backend.register('uint32', state.value(t.uint32)), 2 ** 32 - 1, [-1, 2 ** 32]],
      [backend.register('integer', state.value(t.integer)), 2 ** 53 - 1, [2 ** 53, 0.5, Infinity]],
      [backend.register('float32', state.value(t.float32)), 0.5, [0.1, 'x']],
      [backend.register('float64', state.value(t.float64)), NaN, ['7', true, null]],
      [backend.register('boolean', state.value(t.boolean)), false, [0, 'false', null]],
      [backend.register('int64', state.value(t.int64)), -(2n ** 63n), [2n ** 63n, 1]],
      [backend.register('string', state.value(t.string)), '', [0, null, ['a']]],
      [backend.register('struct', state.value(t.struct({ a: t.int32 }))), { a: 1 }, ['a', null]],
    ];
    at(backend, 'a');
    for (const [handle, good, bad] of cases) {
      for (const value of bad) {
        assert.throws(() => handle.set(value), code('STATE_VALUE_INVALID', 'count words'));
        assert.equal(handle.get(), undefined);
      }
      handle.set(good);
      for (const value of bad) assert.throws(() => handle.set(value), code('STATE_VALUE_INVALID'));
      assert.equal(handle.get(), good);
      handle.set(undefined);
      assert.equal(handle.get(), undefined);
    }
    assert.equal(backend.usage.entries, 0);
  });

  test('initial stands for a missing value, in every kind of column', () => {
    const backend = open();
    const count = backend.register('count', state.value(t.int32, { initial: 5 }));
    const flag = backend.register('flag', state.value(t.boolean, { initial: true }));
    const name = backend.register('name', state.value(t.string, { initial: 'nobody' }));
    at(backend, 'a');
    assert.deepEqual([count.get(), flag.get(), name.get()], [5, true, 'nobody']);
    count.set(0);
    flag.set(false);
    name.set('');
    assert.deepEqual([count.get(), flag.get(), name.get()], [0, false, '']);
    count.clear();
    assert.equal(count.get(), 5);
  });

  test('-0 among whole numbers is 0, as it is after a restore; among fractions it stays', () => {
    const backend = open();
    const whole = backend.register('whole', state.value(t.integer));
    const any = backend.register('any', state.value(t.float64));
    at(backend, 1);
    whole.set(-0);
    any.set(-0);
    assert.ok(Object.is(whole.get(), 0));
    assert.ok(Object.is(any.get(), -0));
  });

  test('reducing: an error of the function changes nothing, no value and promises are refused', () => {
    const backend = open();
    let next: (a: number, b: number) => unknown = (a, b) => a + b;
    const sum = backend.register(
      'sum',
      state.reducing(t.float64, (a, b) => next(a, b) as number),
    );
    const any = backend.register(
      'any',
      state.reducing(t.any, async () => 1),
    );
    at(backend, 'a');
    sum.add(1);
    sum.add(2);
    next = () => {
      throw new Error('no');
    };
    assert.throws(() => sum.add(3), /no/);
    next = () => undefined;
    assert.throws(() => sum.add(3), code('STATE_VALUE_INVALID'));
    assert.equal(sum.get(), 3);
    any.add(1);
    assert.throws(() => any.add(2), code('USER_CODE_ASYNC', 'count words'));
    sum.clear();
    assert.equal(sum.get(), undefined);
  });

  test('aggregating: an error of the function changes nothing, no value and promises are refused', () => {
    const backend = open();
    let next: (sum: number, value: string) => unknown = (sum, value) => sum + value.length;
    let result: (sum: number) => unknown = (sum) => `length ${sum}`;
    const lengths = backend.register(
      'lengths',
      state.aggregating({
        accumulator: t.int32,
        create: () => 0,
        add: (sum: number, value: string) => next(sum, value) as number,
        merge: (left, right) => left + right,
        result: (sum) => result(sum),
      }),
    );
    at(backend, 'a');
    assert.equal(lengths.get(), undefined);
    lengths.add('one');
    lengths.add('three');
    next = () => {
      throw new Error('no');
    };
    assert.throws(() => lengths.add('x'), /no/);
    for (const bad of [undefined, 0.5, 'text']) {
      next = () => bad;
      assert.throws(() => lengths.add('x'), code('STATE_VALUE_INVALID', 'lengths'));
    }
    next = () => Promise.reject(new Error('later'));
    assert.throws(() => lengths.add('x'), code('USER_CODE_ASYNC', 'count words', 'aggregate'));
    assert.equal(lengths.get(), 'length 8');
    result = async (sum) => sum;
    assert.throws(() => lengths.get(), code('USER_CODE_ASYNC', 'count words'));
    at(backend, 'b');
    assert.equal(lengths.get(), undefined);
    at(backend, 'a');
    lengths.clear();
    assert.equal(lengths.get(), undefined);
  });

  test('an accumulator that is made by a promise is refused', () => {
    const backend = open();
    const broken = backend.register(
      'broken',
      state.aggregating<string, unknown, unknown>({
        accumulator: t.any,
        create: async () => 0,
        add: (sum) => sum,
        merge: (left) => left,
        result: (sum) => sum,
      }),
    );
    at(backend, 'a');
    assert.throws(() => broken.add('x'), code('USER_CODE_ASYNC', 'count words'));
  });

  test('what reducing, aggregating and list state hold can be taken and merged elsewhere', () => {
    const backend = open();
    const handles = {
      most: backend.register('most', state.reducing(t.float64, Math.max)),
      mean: backend.register('mean', state.aggregating(meanOf((n: number) => n))),
      list: backend.register('list', state.list(t.float64)),
    };
    const merge = (from: string, to: string): void => {
      for (const handle of Object.values(handles)) {
        const merging = handle as unknown as MergingHandle;
        at(backend, from);
        const taken = merging.take();
        assert.equal(merging.take(), undefined);
        at(backend, to);
        merging.merge(taken);
      }
    };
    for (const [key, values] of [
      ['a', [1, 2]],
      ['b', [9]],
    ] as const) {
      at(backend, key);
      for (const value of values) {
        handles.most.add(value);
        handles.mean.add(value);
        handles.list.add(value);
      }
    }
    merge('a', 'b');
    assert.deepEqual(
      [handles.most.get(), handles.mean.get(), [...handles.list.values()]],
      [9, 4, [9, 1, 2]],
    );
    merge('b', 'c');
    assert.deepEqual(
      [handles.most.get(), handles.mean.get(), [...handles.list.values()]],
      [9, 4, [9, 1, 2]],
    );
    assert.equal(backend.usage.entries, 3);
  });

  test('list: iterations show the list as it was; addAll may take them', () => {
    const backend = open();
    const list = backend.register('list', state.list(t.float64));
    at(backend, 'a');
    list.addAll([1, 2]);
    const before = list.values();
    for (const value of list.values()) list.add(value * 10);
    assert.deepEqual([...list.values()], [1, 2, 10, 20]);
    list.addAll(list.values());
    assert.equal([...list.values()].length, 8);
    list.update([5]);
    assert.deepEqual([...list.values()], [5]);
    assert.deepEqual([...before], [1, 2]);
    assert.throws(() => list.addAll([6, 'x' as never]), code('STATE_VALUE_INVALID'));
    assert.deepEqual([...list.values()], [5]);
    list.update([]);
    assert.ok(list.isEmpty);
    assert.equal(backend.usage.entries, 0);
  });

  test('map: iterations show the map as it was, in the order of first setting', () => {
    const backend = open();
    const map = backend.register('map', state.map(t.int32, t.string));
    at(backend, 'a');
    for (let i = 0; i < 1000; i++) map.set(i, `${i}`);
    const seen: number[] = [];
    for (const [key] of map.entries()) {
      map.delete(key);
      map.set(key + 1000, 'new');
      seen.push(key);
    }
    assert.deepEqual(
      seen,
      Array.from({ length: 1000 }, (_, i) => i),
    );
    assert.deepEqual(
      [...map.keys()],
      Array.from({ length: 1000 }, (_, i) => i + 1000),
    );
    map.set(1500, 'changed');
    assert.equal([...map.values()][500], 'changed');
    map.clear();
    assert.deepEqual([...map.entries()], []);
  });

  test('map keys are compared by value: tuples, structs, NaN and -0', () => {
    const backend = open();
    const tuples = backend.register('tuples', state.map(t.tuple(t.string, t.float64), t.int32));
    const structs = backend.register('structs', state.map(t.struct({ a: t.string }), t.int32));
    const numbers = backend.register('numbers', state.map(t.float64, t.int32));
    at(backend, 'a');
    for (let round = 0; round < 3; round++) {
      tuples.set(['a', 1], round);
      tuples.set(['a', 2], round);
      structs.set({ a: 'x' }, round);
      for (let i = 0; i < 20; i++) numbers.set(i, round);
      numbers.set(NaN, round);
      numbers.set(-0, round);
    }
    assert.deepEqual(
      [...tuples.keys()],
      [
        ['a', 1],
        ['a', 2],
      ],
    );
    assert.deepEqual([...structs.entries()], [[{ a: 'x' }, 2]]);
    assert.equal([...numbers.keys()].length, 21);
    assert.ok(numbers.has(0) && numbers.has(NaN));
    tuples.delete(['a', 1]);
    assert.ok(!tuples.has(['a', 1]) && tuples.has(['a', 2]));
  });
});

describe('keys', () => {
  test('K2: the first key pins the family, and another is refused with both names', () => {
    const backend = open();
    at(backend, 'a');
    assert.throws(
      () => at(backend, 1),
      code('STATE_KEY_FAMILY', 'count words', 'string', 'number'),
    );
    assert.throws(() => at(backend, ['a']), code('STATE_KEY_FAMILY', '["a"]', 'tuple'));
    assert.throws(() => at(open(t.int32), 'a'), code('STATE_KEY_FAMILY', '"a"'));
    at(open(t.tuple(t.string, t.int32)), ['a', 1]);
  });

  test('K1: a key group of somebody else fails', () => {
    const backend = HeapKeyedStateBackend.open({
      operator: 'x',
      keyGroups: { first: 2, last: 3 },
      maxParallelism: 8,
    });
    for (const group of [1, 4, -1, NaN]) {
      assert.throws(() => backend.setCurrentKey('a', group), /K1/);
    }
  });

  test('numbers are one key exactly if they are equal: NaN of any bits, -0, large, fractions', () => {
    const backend = open();
    const value = backend.register('v', state.value(t.string));
    const nans = new Float64Array(
      new BigUint64Array([0x7ff8_0000_0000_0001n, 0xfff8_0000_0000_0000n]).buffer,
    );
    const keys = [0, 1, -1, 2 ** 31, -(2 ** 31), 2 ** 32, 2 ** 32 + 1, 0.5, -0.5, 5e-324, Infinity];
    for (const key of [...keys, -Infinity, NaN]) {
      backend.setCurrentKey(key, 0);
      assert.equal(value.get(), undefined, `${key}`);
      value.set(`${key}`);
    }
    for (const key of keys) {
      backend.setCurrentKey(key, 0);
      assert.equal(value.get(), `${key}`);
    }
    for (const key of [nans[0]!, nans[1]!, -nans[0]!]) {
      backend.setCurrentKey(key, 0);
      assert.equal(value.get(), 'NaN');
    }
    backend.setCurrentKey(-0, 0);
    assert.equal(value.get(), '0');
  });

  test('tuples are compared by their content at each call', () => {
    const backend = open();
    const value = backend.register('v', state.value(t.float64, { initial: 0 }));
    const reused: [string, number] = ['a', 1];
    at(backend, reused);
    value.set(1);
    reused[1] = 2;
    at(backend, reused);
    assert.equal(value.get(), 0);
    at(backend, ['a', 1]);
    assert.equal(value.get(), 1);
  });

  test('forEachKey: sees every key once, may change any state of it, and leaves the current key', () => {
    const backend = open();
    const count = backend.register('count', state.value(t.float64, { initial: 0 }));
    const list = backend.register('list', state.list(t.float64));
    for (let i = 0; i < 1000; i++) {
      at(backend, i);
      count.set(i);
    }
    at(backend, 7);
    const seen = new Set<Key>();
    backend.forEachKey('count', (key) => {
      assert.equal(count.get(), key);
      assert.equal(backend.currentKey, key);
      seen.add(key);
      list.add(count.get());
      if ((key as number) % 2 === 0) count.clear();
    });
    assert.equal(seen.size, 1000);
    assert.equal(backend.currentKey, 7);
    assert.equal(count.get(), 7);
    let odd = 0;
    backend.forEachKey('count', () => {
      odd += 1;
      backend.forEachKey('list', () => undefined);
    });
    assert.equal(odd, 500);
    backend.clearCurrentKey();
    assert.throws(
      () =>
        backend.forEachKey('count', () => {
          throw new Error('stop');
        }),
      /stop/,
    );
    assert.equal(backend.currentKey, undefined);
  });

  test('forEachKey: passes over keys that another visit has removed', () => {
    const backend = open();
    const count = backend.register('count', state.value(t.float64));
    for (let i = 0; i < 100; i++) {
      at(backend, i);
      count.set(i);
    }
    let visits = 0;
    backend.forEachKey('count', () => {
      visits += 1;
      backend.forEachKey('count', () => count.clear());
    });
    assert.equal(visits, 1);
  });

  test('register: one handle a name; another kind or schema is refused', () => {
    const backend = open();
    const first = backend.register('v', state.value(t.int32));
    assert.equal(backend.register('v', state.value(t.int32)), first);
    assert.throws(
      () => backend.register('v', state.value(t.float64)),
      code('STATE_INCOMPATIBLE', 'value int32', 'value float64'),
    );
    assert.throws(() => backend.register('v', state.list(t.int32)), code('STATE_INCOMPATIBLE'));
  });

  test('unused key groups and states cost next to nothing', () => {
    const groups = 128;
    const backend = HeapKeyedStateBackend.open({
      operator: 'x',
      keyGroups: { first: 0, last: groups - 1 },
      maxParallelism: groups,
    });
    const handles = Array.from({ length: 100 }, (_, i) =>
      backend.register(`s${i}`, state.value(t.float64)),
    );
    assert.equal(backend.usage.typedBytes, 0);
    for (let key = 0; key < 1000; key++) {
      backend.setCurrentKey(key, (hashKey(key) >>> 0) % groups);
      handles[key % 10]!.set(1);
    }
    assert.equal(backend.usage.entries, 1000);
    assert.ok(backend.usage.typedBytes < 200_000, `${backend.usage.typedBytes} bytes`);
  });
});

describe('fetching entries ahead', () => {
  test('changes nothing, whatever is there for the keys', () => {
    const backend = open();
    const value = backend.register('v', state.value(t.float64));
    backend.register('m', state.map(t.string, t.float64));
    const keys = [0, -0, 7, -7, 2 ** 31, 2 ** 40, 0.5, NaN, Infinity];
    const groups = Uint16Array.from(keys, (key) => (hashKey(key) >>> 0) % GROUPS);
    backend.approach(keys, groups);
    assert.equal(backend.usage.entries, 0);
    for (const [i, key] of keys.entries()) {
      at(backend, key);
      value.set(i);
    }
    const before = finish(backend, 'canonical').bytes();
    backend.approach(keys, groups);
    backend.approach([...keys, 9], Uint16Array.from([...groups, 1]));
    assert.deepEqual(finish(backend, 'canonical').bytes(), before);
  });

  test('pays for many numbers, and for nothing else', () => {
    const filled = (count: number, keyOf: (i: number) => Key): boolean => {
      const backend = open();
      const value = backend.register('v', state.value(t.float64));
      for (let i = 0; i < count; i++) {
        at(backend, keyOf(i));
        value.set(i);
      }
      return backend.approaches;
    };
    assert.equal(
      filled(500_000, (i) => i),
      true,
    );
    assert.equal(
      filled(1000, (i) => i),
      false,
    );
    assert.equal(
      filled(1000, (i) => `user-${i}`),
      false,
    );
    assert.equal(open().approaches, false);
  });
});

describe('memory', () => {
  test('tables give it back when their entries go', () => {
    for (const key of [
      (i: number): Key => i,
      (i: number): Key => i + 0.5,
      (i: number): Key => `${i}`,
    ]) {
      const backend = open();
      const value = backend.register('v', state.value(t.float64));
      for (let i = 0; i < 50_000; i++) {
        at(backend, key(i));
        value.set(i);
      }
      const full = backend.usage.typedBytes;
      for (let i = 0; i < 49_990; i++) {
        at(backend, key(i));
        value.clear();
      }
      assert.ok(backend.usage.typedBytes < full / 100, `${backend.usage.typedBytes} of ${full}`);
      for (let i = 49_990; i < 50_000; i++) {
        at(backend, key(i));
        assert.equal(value.get(), i);
      }
    }
  });

  test('keys that come and go do not make a table grow', () => {
    const backend = open();
    const value = backend.register('v', state.value(t.float64));
    for (let i = 0; i < 200_000; i++) {
      at(backend, i);
      value.set(i);
      at(backend, i - 100);
      value.clear();
    }
    assert.equal(backend.usage.entries, 100);
    assert.ok(backend.usage.typedBytes < 10_000, `${backend.usage.typedBytes}`);
  });

  test('a key does not keep the text alive that it was cut out of', () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const backend = open();
    const value = backend.register('v', state.value(t.float64));
    const map = backend.register('m', state.map(t.string, t.float64));
    collect();
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < 500; i++) {
      const line = `${i}${'x'.repeat(100_000)}`.split('').join('');
      at(backend, line.slice(0, 20));
      value.set(i);
      map.set(line.slice(1, 30), i);
    }
    collect();
    const kept = process.memoryUsage().heapUsed - before;
    assert.equal(backend.usage.entries, 1000);
    assert.ok(kept < 10_000_000, `${kept} bytes kept by 500 lines of 100,000`);
  });
});
