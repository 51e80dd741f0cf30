// The keys of records: asked once, in the order of the records, and failures where they belong,
// whether or not the state of the next records is fetched ahead.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isEngineError } from '../base/errors.ts';
import type { KeyedStateBackend } from '../state/keyed-state-backend.ts';
import type { Key } from '../types/schema.ts';
import { KeySelection } from './key-selection.ts';
import { RECORDS_AHEAD } from './operator.ts';
import type { OperatorContext } from './operator.ts';

class Recorded {
  approaches = true;
  readonly approached: [number, number][] = [];
  readonly current: [Key, number][] = [];

  approach(keys: readonly number[], groups: Uint16Array): void {
    groups.forEach((group, i) => this.approached.push([keys[i]!, group]));
  }

  setCurrentKey(key: Key, group: number): void {
    this.current.push([key, group]);
  }
}

function selection(backend: Recorded, select: (value: unknown) => unknown): KeySelection {
  return new KeySelection(
    { select } as never,
    {
      open: { operatorName: 'sums' },
      keyedState: backend as unknown as KeyedStateBackend,
    } as OperatorContext,
  );
}

function next(values: readonly unknown[]): Parameters<KeySelection['approach']>[0] {
  const keyGroups = Uint16Array.from(values, (_, i) => i % 7);
  return { values, keyGroups, from: 0, end: values.length };
}

const double = (value: unknown): number => (value as number) * 2;

describe('the keys of records', () => {
  test('K1: are asked once, and are fetched and current in order with their groups', () => {
    const backend = new Recorded();
    const values = Array.from({ length: RECORDS_AHEAD }, (_, i) => i);
    let asked = 0;
    const keys = selection(backend, (value) => {
      asked += 1;
      return double(value);
    });
    keys.approach(next(values));
    for (const value of values) assert.equal(keys.enter(value, value % 7), value * 2);
    assert.equal(asked, RECORDS_AHEAD);
    const wanted = values.map((value): [number, number] => [value * 2, value % 7]);
    assert.deepEqual(backend.approached, wanted);
    assert.deepEqual(backend.current, wanted);
  });

  test('K2: what the function throws comes with its record, those before it are whole', () => {
    const backend = new Recorded();
    const keys = selection(backend, (value) => {
      if (value === 3) throw new Error('no key');
      return double(value);
    });
    keys.approach(next([1, 2, 3, 4]));
    assert.deepEqual(
      backend.approached.map(([key]) => key),
      [2, 4],
    );
    assert.equal(keys.enter(1, 0), 2);
    assert.equal(keys.enter(2, 1), 4);
    assert.throws(
      () => keys.enter(3, 2),
      (thrown) => isEngineError(thrown, 'USER_CODE_FAILED') && thrown.message.includes('no key'),
    );
    assert.equal(keys.enter(4, 3), 8);
  });

  test('keys that are no numbers are asked for when their record comes', () => {
    const backend = new Recorded();
    const keys = selection(backend, (value) => (value === 2 ? 'two' : double(value)));
    keys.approach(next([1, 2, 3]));
    assert.deepEqual(backend.approached, [[2, 0]]);
    assert.deepEqual([keys.enter(1, 0), keys.enter(2, 1), keys.enter(3, 2)], [2, 'two', 6]);
  });

  test('other records than those that were expected have keys of their own', () => {
    const backend = new Recorded();
    const keys = selection(backend, double);
    keys.approach(next([1, 2, 3]));
    assert.deepEqual([keys.enter(1, 0), keys.enter(9, 0), keys.enter(3, 0)], [2, 18, 6]);
    keys.approach(next([5, NaN, 6]));
    assert.deepEqual([keys.enter(5, 0), keys.enter(NaN, 0), keys.enter(6, 0)], [10, NaN, 12]);
  });

  test('nothing is fetched, or asked ahead, where that does not pay', () => {
    const backend = new Recorded();
    backend.approaches = false;
    const keys = selection(backend, double);
    keys.approach(next([1, 2]));
    assert.deepEqual([keys.enter(1, 0), keys.enter(2, 0)], [2, 4]);
    assert.deepEqual(backend.approached, []);
  });
});
