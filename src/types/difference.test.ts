import assert from 'node:assert/strict';
import { it } from 'node:test';
import { firstDifference } from './difference.ts';
import { project, projectionOf } from './projection.ts';
import { t } from './t.ts';

it('firstDifference names the first part that differs', () => {
  const cycle: Record<string, unknown> = {};
  cycle['self'] = cycle;
  const pairs: [unknown, unknown, string][] = [
    [{ a: 1 }, { a: 2 }, 'record.a'],
    [{ a: [1, { 'b c': 0 }] }, { a: [1, { 'b c': -0 }] }, 'record.a[1]["b c"]'],
    [{ a: 1, b: 2 }, { a: 1 }, 'record.b'],
    [{ a: 1 }, { a: 1, b: 2 }, 'record.b'],
    [[1, 2], [1], 'record[1]'],
    [new Map([['k', 1]]), new Map([['k', 2]]), 'record.entries()[0][1]'],
    [new Set([1]), new Set([2]), 'record.values()[0]'],
    [new Uint8Array([1]), new Uint8Array([2]), 'record'],
    [{ at: new Date(1) }, { at: new Date(2) }, 'record.at'],
    [{ a: 1 }, Object.assign(Object.create(null), { a: 1 }), 'record'],
    ['a', 'b', 'record'],
    [
      { x: new Uint8Array([1]), y: NaN, z: undefined },
      { x: new Uint8Array([1]), y: NaN },
      'record',
    ],
    [cycle, { self: { self: { self: 1 } } }, 'record.self.self.self'],
    [cycle, structuredClone(cycle), 'record'],
  ];
  for (const [left, right, path] of pairs) assert.equal(firstDifference(left, right), path);
});

it('a projection has the fields of the schema in their order, and says where there is no object', () => {
  const schema = t.struct({ id: t.string, parts: t.array(t.struct({ n: t.int32 })) });
  const wide = { more: 1, parts: [{ n: 1, m: 2 }], id: 'a' };
  const narrow = project(wide, schema);
  assert.deepStrictEqual(narrow, { id: 'a', parts: [{ n: 1 }] });
  assert.deepStrictEqual(Object.keys(narrow), ['id', 'parts']);
  assert.equal(projectionOf(t.array(t.map(t.string, t.any))), undefined);
  assert.throws(() => projectionOf(schema)!({ id: 'a', parts: [null] }), {
    code: 'DATA_NOT_SERIALIZABLE',
    message: /record\.parts\[0\]/,
  });
});
