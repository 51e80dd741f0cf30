import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { state } from '../../../functions/state.ts';
import { t } from '../../../types/index.ts';
import { at, code, finish, oneStep, open, restoredFrom } from '../heap-backend.test-kit.ts';
import { MemorySnapshot } from '../../memory-snapshot.ts';

const Window = t.struct({ start: t.float64, end: t.float64 });

describe('timers', () => {
  test('come in the order of time, each with its key and namespace, and once', () => {
    const backend = open();
    const timers = backend.registerTimers('windows', Window);
    const count = backend.register('count', state.value(t.float64, { initial: 0 }));
    assert.equal(timers.next, Infinity);
    assert.ok(!timers.pop(Infinity));
    at(backend, 'b');
    timers.register(19, { start: 10, end: 20 });
    at(backend, 'a');
    count.set(7);
    timers.register(19, { start: 10, end: 20 });
    timers.register(19, { start: 10, end: 20 });
    timers.register(9, { start: 0, end: 10 });
    timers.register(9, { start: -10, end: 10 });
    timers.delete(9, { start: -10, end: 10 });
    timers.delete(9, { start: -10, end: 10 });
    backend.clearCurrentKey();
    assert.equal(timers.size, 3);
    assert.equal(timers.next, 9);
    assert.ok(!timers.pop(8));
    assert.equal(backend.currentKey, undefined);
    assert.ok(timers.pop(9));
    assert.equal(backend.currentKey, 'a');
    assert.equal(count.get(), 7);
    assert.deepEqual([timers.at, timers.namespace], [9, { start: 0, end: 10 }]);
    const keys: string[] = [];
    while (timers.pop(Infinity)) keys.push(String(backend.currentKey));
    assert.deepEqual(keys.sort(), ['a', 'b']);
    assert.equal(count.get(), backend.currentKey === 'a' ? 7 : 0);
  });

  test('J1: most of many are deleted, and memory comes back', async () => {
    for (const text of [false, true]) {
      const backend = open();
      const timers = backend.registerTimers('timers', undefined);
      const key = (i: number): string | number => (text ? `a key of some length ${i}` : i);
      for (let i = 0; i < 20_000; i++) {
        at(backend, key(i));
        timers.register(i % 1000, undefined);
      }
      const full = backend.usage.typedBytes;
      const memory = new MemorySnapshot('s');
      const writer = backend.beginSnapshot(memory);
      writer.writeSlice(...oneStep);
      for (let i = 0; i < 20_000; i++) {
        if (i % 100 === 7) continue;
        at(backend, key(i));
        timers.delete(i % 1000, undefined);
      }
      assert.equal(timers.size, 200);
      assert.ok(backend.usage.typedBytes < full / 10, `${backend.usage.typedBytes} of ${full}`);
      for (let i = 0; i < 200; i++) {
        assert.ok(timers.pop(Infinity));
        assert.equal(timers.at, 7 + Math.floor(i / 20) * 100);
      }
      assert.equal(timers.next, Infinity);
      while (writer.writeSlice(...oneStep) !== 'done');
      const again = await restoredFrom(memory);
      assert.equal(again.usage.entries, 20_000);
      const restored = again.registerTimers('timers', undefined);
      for (let i = 0; i < 20_000; i++) {
        assert.ok(restored.pop(Infinity));
        assert.equal(restored.at, Math.floor(i / 20));
      }
      assert.equal(again.usage.entries, 0);
    }
  });

  test('K3: without a current key they can be popped only', () => {
    const backend = open();
    const timers = backend.registerTimers('my timers', t.string);
    const outside = code('USER_CODE_OUTSIDE_CALL', 'timers "my timers"', 'count words');
    assert.throws(() => timers.register(1, 'a'), outside);
    assert.throws(() => timers.delete(1, 'a'), outside);
    assert.throws(() => timers.timersOfCurrentKey(), outside);
    at(backend, 1);
    timers.register(1, 'a');
    backend.clearCurrentKey();
    assert.throws(() => timers.register(2, 'a'), outside);
    assert.equal(timers.size, 1);
  });

  test('what is no time or no namespace is refused, and changes nothing', () => {
    const backend = open();
    const timers = backend.registerTimers('timers', Window);
    at(backend, 1);
    for (const time of [NaN, Infinity, 0.5, 2 ** 53, '1', undefined, 1n]) {
      assert.throws(
        () => timers.register(time as number, { start: 0, end: 1 }),
        code('STATE_VALUE_INVALID', 'timers', 'timestamp'),
      );
    }
    for (const namespace of [undefined, null, 7, {}, { start: 0 }, { start: 0, end: '1' }]) {
      assert.throws(
        () => timers.register(1, namespace as never),
        code('STATE_VALUE_INVALID', 'timers', 'struct'),
      );
    }
    assert.equal(timers.size, 0);
  });

  test('B1: a name stands for one kind of state and namespace, over restores too', async () => {
    const backend = open();
    const timers = backend.registerTimers('t', Window);
    assert.equal(backend.registerTimers('t', Window), timers);
    assert.throws(
      () => backend.registerTimers('t', t.string),
      code('STATE_INCOMPATIBLE', 'timers timestamp by {"kind":"struct"', 'by string'),
    );
    assert.throws(
      () => backend.register('t', state.value(t.float64)),
      code('STATE_INCOMPATIBLE', 'timers timestamp', 'value float64'),
    );
    at(backend, 'k');
    timers.register(5, { start: 0, end: 6 });
    const again = await restoredFrom(finish(backend));
    assert.throws(() => again.registerTimers('t', undefined), code('STATE_NOT_EVOLVABLE'));
    const restored = again.registerTimers('t', Window);
    at(again, 'k');
    assert.deepEqual(restored.timersOfCurrentKey(), [{ at: 5, namespace: { start: 0, end: 6 } }]);
    again.close();
    assert.equal(restored.size, 0);
    assert.equal(restored.next, Infinity);
  });

  test('forEachKey may change them, and puts the current key back', () => {
    const backend = open();
    const timers = backend.registerTimers('t', undefined);
    for (const key of [1, 2, 3]) {
      at(backend, key);
      timers.register(key, undefined);
      timers.register(10, undefined);
    }
    const seen: unknown[] = [];
    backend.forEachKey('t', (key) => {
      seen.push(key);
      for (const other of [1, 2, 3]) {
        at(backend, other);
        timers.delete(other, undefined);
        timers.delete(10, undefined);
      }
    });
    assert.equal(seen.length, 1);
    assert.equal(timers.size, 0);
    assert.equal(backend.currentKey, 3);
  });
});
