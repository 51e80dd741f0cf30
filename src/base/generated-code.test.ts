import assert from 'node:assert/strict';
import { it } from 'node:test';
import { compile, quote, quoteProperty } from './generated-code.ts';

it('compile caches by text and names the code in stack traces', () => {
  const body = 'return a.b.c;';
  const read = compile('codec/Order', ['a'], body);
  assert.equal(read, compile('codec/Order', ['a'], body));
  assert.equal(read({ b: { c: 7 } }), 7);
  assert.throws(
    () => read({}),
    (error: Error) => /millrace:codec\/Order/.test(error.stack ?? ''),
  );
});

it('hostile names stay data', () => {
  for (const name of [
    '__proto__',
    'a"b',
    "a'b",
    'a\nb',
    'a\u2028b',
    '`${x}`',
    '\\',
    '1',
    'constructor',
    '\ud800',
    '',
  ]) {
    const value = compile('test/names', [], `return { ${quoteProperty(name)}: 1 };`)() as object;
    assert.deepStrictEqual(Object.keys(value), [name]);
    assert.equal(Object.getPrototypeOf(value), Object.prototype);
    assert.equal(compile('test/quote', [], `return ${quote(name)};`)(), name);
  }
});
