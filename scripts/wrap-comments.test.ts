import assert from 'node:assert/strict';
import { test } from 'node:test';
import { wrapComments } from './wrap-comments.ts';

const words = (count: number): string => Array.from({ length: count }, () => 'word').join(' ');
const wrap = (...lines: string[]): string[] => wrapComments('a.ts', lines.join('\n')).split('\n');

test('what is too long moves into the next line of the paragraph', () => {
  assert.deepEqual(wrap(`// ${words(20)} end`, '// next'), [`// ${words(19)}`, '// word end next']);
  assert.deepEqual(wrap('/**', ` * ${words(20)}`, ' */'), [
    '/**',
    ` * ${words(19)}`,
    ' * word',
    ' */',
  ]);
});

test('paragraphs, lists and invariants stay apart', () => {
  for (const next of [' *', ' * - item', ' * A2. Other.', ' * @throws', ' * 2. two']) {
    const out = wrap('/**', ` * A1. ${words(20)}`, next, ' */').slice(1, -1);
    assert.deepEqual(out, [` * A1. ${words(18)}`, ' * word word', next]);
  }
  assert.deepEqual(wrap(`// - ${words(20)}`), [`// - ${words(19)}`, '//   word']);
});

test('a comment in too little room gets lines of its own', () => {
  assert.deepEqual(wrap(`  /** ${words(19)}. @example f() */`), [
    '  /**',
    `   * ${words(19)}.`,
    '   * @example f()',
    '   */',
  ]);
  assert.deepEqual(wrap(`  f(${'a'.repeat(90)}); // why`), ['  // why', `  f(${'a'.repeat(90)});`]);
});

test('code, strings, examples and short comments stay as they are', () => {
  const lines = [
    `const a = '// ${words(30)}';`,
    `const b = \`\n * ${words(30)}\n\`;`,
    `// ${words(10)}`,
    '/**',
    ` * @example ${words(30)}`,
    ` * ${words(30)}`,
    ' */',
  ];
  assert.deepEqual(wrap(...lines), lines.join('\n').split('\n'));
});
