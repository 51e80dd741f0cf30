import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { t } from '../types/index.ts';
import { ExchangeVerifier, freezeDeep, SharedValues } from './exchange-verifier.ts';

const READ_ONLY = { name: 'TypeError', message: /read only property/ };

describe('ExchangeVerifier', () => {
  it('names operator and field of what does not go through the codec', () => {
    const verifier = new ExchangeVerifier(t.struct({ n: t.int32 }).codec, 'maker', 'all');
    assert.equal(verifier.verify({ n: 1 }), 1);
    assert.throws(() => verifier.verify({ n: 1.5 }), {
      code: 'DATA_NOT_SERIALIZABLE',
      message: /record\.n of the edge after "maker"/,
    });
  });

  it('looks at the first 1,000 records and then at one in 1,024', () => {
    const verifier = new ExchangeVerifier(t.int32.codec, 'maker', 'sample');
    const distances = Array.from({ length: 1002 }, (_, n) => verifier.verify(n));
    assert.deepEqual(distances.slice(0, 999), Array(999).fill(1));
    assert.deepEqual(distances.slice(999), [1024, 1024, 1024]);
  });
});

describe('freezeDeep', () => {
  it('closes objects, arrays, maps and sets, however deep', () => {
    const inner = { n: 1 };
    const key = { k: 1 };
    const map = new Map<unknown, unknown>([[key, [inner]]]);
    const value = { map, set: new Set([{ s: 1 }]), list: [[inner]] };
    freezeDeep(value);
    for (const change of [
      () => (value.list = []),
      () => (inner.n = 2),
      () => (key.k = 2),
      () => map.set('x', 1),
      () => map.delete(key),
      () => map.clear(),
      () => value.set.add({ s: 2 }),
      () => value.set.clear(),
    ]) {
      assert.throws(change, READ_ONLY, String(change));
    }
    assert.throws(() => value.list.push([]), /not extensible/);
    assert.deepEqual(value, {
      map: new Map([[{ k: 1 }, [{ n: 1 }]]]),
      set: new Set([{ s: 1 }]),
      list: [[{ n: 1 }]],
    });
    assert.deepEqual(map.get(key), [inner]);
  });

  it('leaves what is not plain data open where a chain may hold anything', () => {
    class Client {
      calls = 0;
    }
    const record = { client: new Client(), n: 1 };
    freezeDeep(record, 'plain data');
    record.client.calls += 1;
    assert.throws(() => (record.n = 2), READ_ONLY);
    freezeDeep(record.client);
    assert.throws(() => (record.client.calls += 1), READ_ONLY);
  });

  it('ends at a circle', () => {
    const circle: { self?: unknown } = {};
    circle.self = circle;
    freezeDeep(circle, 'plain data');
    assert.ok(Object.isFrozen(circle));
  });
});

describe('SharedValues', () => {
  it('freezes the first 1,000 and then one in 1,024; or all', () => {
    const frozen = (shared: SharedValues): number[] =>
      Array.from({ length: 5000 }, (_, index) => ({ index })).flatMap((record) => {
        shared.take(record);
        return Object.isFrozen(record) ? [record.index] : [];
      });
    const sampled = frozen(new SharedValues('sample'));
    assert.deepEqual(sampled.slice(0, 1000), [...Array(1000).keys()]);
    assert.deepEqual(sampled.slice(1000), [2023, 3047, 4071]);
    assert.equal(frozen(new SharedValues('all')).length, 5000);
  });
});
