import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { state } from '../../functions/state.ts';
import { t } from '../../types/index.ts';
import type { Key } from '../../types/schema.ts';
import { at, code, finish, open, restoredFrom } from './heap-backend.test-kit.ts';

const Window = t.struct({ start: t.float64, end: t.float64 });
const count = state.value(t.int32, { initial: 0 });

describe('namespaced state', () => {
  test('is of the current key and namespace, whichever changes', () => {
    const backend = open();
    const counts = backend.registerNamespaced('counts', count, Window);
    assert.equal(backend.registerNamespaced('counts', count, Window), counts);
    const plain = backend.register('plain', count);
    const add = (): void => counts.handle.set(counts.handle.get() + 1);
    at(backend, 'a');
    counts.setNamespace({ start: 0, end: 10 });
    add();
    add();
    plain.set(7);
    counts.setNamespace({ start: 0, end: 20 });
    assert.equal(counts.handle.get(), 0);
    add();
    at(backend, 'b');
    assert.equal(counts.handle.get(), 0);
    assert.equal(plain.get(), 0);
    add();
    at(backend, 'a');
    assert.equal(counts.handle.get(), 1);
    counts.setNamespace({ end: 10, start: 0 });
    assert.equal(counts.handle.get(), 2);
    assert.equal(plain.get(), 7);
    assert.equal(backend.usage.entries, 4);
    counts.handle.clear();
    assert.equal(counts.handle.get(), 0);
    assert.equal(backend.usage.entries, 3);
    const seen: Key[] = [];
    backend.forEachKey('counts', (key) => {
      seen.push(key);
      at(backend, key === 'a' ? 'b' : 'a');
      counts.setNamespace({ start: 0, end: 20 });
      counts.handle.clear();
    });
    assert.equal(seen.length, 1);
  });

  test('K3: handles need a key, and a namespace that fits', () => {
    const backend = open();
    const counts = backend.registerNamespaced('counts', count, Window);
    at(backend, 1);
    assert.throws(() => counts.handle.get(), /N1: namespaced state before setNamespace/);
    for (const namespace of [undefined, null, 7, {}, { start: 0 }, { start: 0, end: '1' }]) {
      assert.throws(
        () => counts.setNamespace(namespace as never),
        code('STATE_VALUE_INVALID', 'counts', 'struct'),
      );
    }
    counts.setNamespace({ start: 0, end: 10 });
    counts.handle.set(3);
    assert.throws(() => counts.setNamespace({ start: 1 } as never), code('STATE_VALUE_INVALID'));
    assert.equal(counts.handle.get(), 3);
    backend.clearCurrentKey();
    const outside = code('USER_CODE_OUTSIDE_CALL', 'state "counts"', 'count words');
    assert.throws(() => counts.handle.get(), outside);
    assert.throws(() => counts.handle.set(1), outside);
    counts.setNamespace({ start: 1, end: 10 });
    assert.throws(() => counts.handle.clear(), outside);
  });

  test('B1: is told from state of keys alone, and from other namespaces', async () => {
    const backend = open();
    const counts = backend.registerNamespaced('counts', count, t.string);
    const says = code('STATE_INCOMPATIBLE', 'counts', 'value int32 by string');
    assert.throws(() => backend.register('counts', count), says);
    assert.throws(() => backend.registerSliced('counts', count), says);
    assert.throws(() => backend.registerNamespaced('counts', count, t.float64), says);
    at(backend, [1, 'a']);
    counts.setNamespace('w');
    counts.handle.set(5);
    const again = await restoredFrom(finish(backend));
    assert.throws(() => again.register('counts', count), code('STATE_NOT_EVOLVABLE', 'counts'));
    const restored = again.registerNamespaced('counts', count, t.string);
    at(again, [1, 'a']);
    restored.setNamespace('w');
    assert.equal(restored.handle.get(), 5);
  });

  test('keys may be nested as deep as they may be elsewhere', async () => {
    let key: Key = 'deep';
    for (let depth = 0; depth < 64; depth++) key = [key];
    const backend = open();
    const counts = backend.registerNamespaced('counts', count, t.float64);
    const timers = backend.registerTimers('timers', t.float64);
    const sliced = backend.registerSliced('sliced', count);
    at(backend, key);
    counts.setNamespace(1);
    counts.handle.set(5);
    timers.register(1, 2);
    sliced.setSlice(0);
    sliced.handle.set(6);
    const again = await restoredFrom(finish(backend, 'canonical'));
    const restored = again.registerNamespaced('counts', count, t.float64);
    at(again, key);
    restored.setNamespace(1);
    assert.equal(restored.handle.get(), 5);
    assert.equal(again.usage.entries, 3);
  });
});
