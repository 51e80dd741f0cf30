import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseJson } from './parse-json.ts';

test('names with escapes are what they say, whatever was parsed before', () => {
  for (const [before, text, name] of [
    ['{"x":1,"\\\\":2}', '{"x":1,"\\n":2}', '\n'],
    ['{"h":[],"\\\\":0}', '{"h":1,"\\"":2}', '"'],
    ['{"y":1,"a\\\\":2}', '{"y":1,"a\\n":2}', 'a\n'],
    ['{"z":1,"\\\\u":2}', '{"z":1,"\\u0041b":2}', 'Ab'],
  ] as const) {
    assert.ok(JSON.parse(before) !== null);
    const value = parseJson(text) as Record<string, unknown>;
    assert.deepEqual(Object.keys(value)[1], name);
    assert.equal(value[name], 2);
  }
});

test('any value comes back, with names of all characters', () => {
  const values = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom(null, true, false, 0, -1.5e-7, '', '\\', '"', 'a:b', '{}'),
      fc.string({ unit: 'binary' }),
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fc.constantFrom('\\', '\n', '"', '\\u', '__proto__'),
        ),
        tie('value'),
        { maxKeys: 4, noNullPrototype: true },
      ),
    ),
  })).value;
  fc.assert(
    fc.property(values, fc.constantFrom(undefined, 1, '\t'), (value, space) => {
      assert.deepEqual(parseJson(JSON.stringify(value, undefined, space)), value);
    }),
    { seed: 6, numRuns: 2000 },
  );
});

test('of names that stand there twice the last counts, in the place of the first', () => {
  const value = parseJson('{"\\u0061":1,"b":{"\\u0062":2},"a":3,"__proto__":{"c":4}}');
  assert.equal(JSON.stringify(value), '{"a":3,"b":{"b":2},"__proto__":{"c":4}}');
  assert.equal(Object.getPrototypeOf(value), Object.prototype);
});

test('depth is no limit, and what JSON.parse refuses is refused', () => {
  const depth = 20_000;
  const deep = parseJson(`${'{"\\n":['.repeat(depth)}${']}'.repeat(depth)}`);
  assert.deepEqual(Object.keys(deep as object), ['\n']);
  assert.throws(() => parseJson('{"\\n":1'), SyntaxError);
  assert.throws(() => parseJson('{"\\x":1}'), SyntaxError);
});
