import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { state } from '../../functions/state.ts';
import { t } from '../../types/index.ts';
import { at, code, finish, open, restoredFrom } from './heap-backend.test-kit.ts';

const total = state.reducing(t.float64, (a, b) => a + b);

describe('sliced state', () => {
  test('is of the current key and slice, and a slice goes at once', () => {
    const backend = open();
    const totals = backend.registerSliced('totals', total);
    assert.equal(backend.registerSliced('totals', total), totals);
    assert.deepEqual(totals.slices(), []);
    for (const start of [1000, 0, 2000]) {
      for (const key of [1, 2, 0.5]) {
        at(backend, key);
        totals.setSlice(start);
        totals.handle.add(start + key);
        totals.handle.add(1);
      }
    }
    // The handle has looked up this key in the slice that is dropped.
    assert.equal(totals.handle.get(), 2001.5);
    totals.dropSlice(2000);
    assert.equal(totals.handle.get(), undefined);
    assert.deepEqual(totals.slices(), [0, 1000]);
    assert.ok(!totals.cursor(2000).next());
    totals.handle.add(5);
    assert.deepEqual(totals.slices(), [0, 1000, 2000]);
    totals.handle.clear();
    assert.deepEqual(totals.slices(), [0, 1000]);
    const seen: [unknown, unknown][] = [];
    for (const cursor = totals.cursor(1000); cursor.next();) seen.push([cursor.key, cursor.value]);
    assert.deepEqual(
      seen.sort(([a], [b]) => Number(a) - Number(b)),
      [
        [0.5, 1001.5],
        [1, 1002],
        [2, 1003],
      ],
    );
    assert.equal(backend.usage.entries, 6);
    backend.close();
    assert.equal(backend.usage.entries, 0);
    assert.deepEqual(totals.slices(), []);
  });

  test('K3: handles need a key, and a slice', () => {
    const backend = open();
    const totals = backend.registerSliced('totals', total);
    at(backend, 'a');
    assert.throws(() => totals.handle.add(1), /L1: sliced state before setSlice/);
    assert.throws(() => totals.setSlice(NaN), /L1/);
    totals.setSlice(0);
    totals.handle.add(1);
    backend.clearCurrentKey();
    const outside = code('USER_CODE_OUTSIDE_CALL', 'state "totals"', 'count words');
    assert.throws(() => totals.handle.get(), outside);
    totals.setSlice(1);
    assert.throws(() => totals.handle.add(1), outside);
    totals.dropSlice(0);
    assert.throws(() => totals.handle.clear(), outside);
  });

  test('B1: is another kind of state than that of keys alone', async () => {
    const backend = open();
    const totals = backend.registerSliced('totals', total);
    const says = code('STATE_INCOMPATIBLE', 'totals', 'reducing float64 by slice');
    assert.throws(() => backend.register('totals', total), says);
    at(backend, 'a');
    totals.setSlice(-7);
    totals.handle.add(1);
    const again = await restoredFrom(finish(backend));
    assert.throws(() => again.register('totals', total), code('STATE_NOT_EVOLVABLE', 'totals'));
    const restored = again.registerSliced('totals', total);
    assert.deepEqual(restored.slices(), [-7]);
    at(again, 'a');
    restored.setSlice(-7);
    assert.equal(restored.handle.get(), 1);
  });
});
