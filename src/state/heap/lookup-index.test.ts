import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LookupIndex } from './lookup-index.ts';
import type { Lookup } from './lookup-index.ts';

const KINDS: Readonly<Record<string, (i: number) => Lookup>> = {
  text: (i) => `key ${i} \ud800`,
  'texts that differ in one character': (i) => `${'x'.repeat(i % 60)}y${'x'.repeat(60)}${i >> 6}`,
  integer: (i) => i,
  'multiples of a power of two': (i) => i * 2 ** 20,
  fraction: (i) => (i === 7 ? NaN : i / 4096),
  bigint: (i) => BigInt(i) << 40n,
  mixed: (i) => [undefined, null, true, false, '', 0, 0n, NaN, 'a', i][i < 10 ? i : 9],
};

for (const [kind, keyOf] of Object.entries(KINDS)) {
  test(`X1, X2, X3: the index agrees with a Map over ${kind}`, () => {
    const index = new LookupIndex();
    const lookups: Lookup[] = [];
    const holder = { lookupAt: (position: number) => lookups[position] };
    const model = new Map<Lookup, number>();
    for (let i = 0; i < 4000; i++) {
      const key = keyOf(i);
      assert.equal(index.find(key, holder), model.get(key) ?? -1);
      if (!model.has(key)) {
        model.set(key, lookups.length);
        index.add(key, lookups.length);
        lookups.push(key);
      }
      // First they come faster than they go, then the other way round.
      for (let n = 0; n < (i < 2000 ? i % 2 : 3); n++) {
        const gone = keyOf(Math.imul(i * 3 + n, 0x9e3779b1) >>> 20);
        const position = model.get(gone);
        assert.equal(index.find(gone, holder), position ?? -1);
        if (position === undefined) continue;
        index.remove(gone, position);
        model.delete(gone);
      }
      assert.equal(index.size, model.size);
    }
    for (let i = 0; i < 4096; i++) {
      assert.equal(index.find(keyOf(i), holder), model.get(keyOf(i)) ?? -1);
    }
  });
}
