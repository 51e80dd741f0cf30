// Patterns for paths: which names they match, and what stays hidden.
import assert from 'node:assert/strict';
import { matchesGlob } from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { isGlob, parseGlob } from './glob.ts';

function matchesName(pattern: string, name: string): boolean {
  return parseGlob(pattern).some(({ parts }) => {
    const [part] = parts;
    if (part?.kind === 'literal') return part.name === name;
    return part?.kind === 'names' && part.matches(name);
  });
}

describe('glob', () => {
  test('what is a pattern', () => {
    for (const path of ['*.csv', 'a?', 'x/**', '[ab]c', '{a,b}']) assert.ok(isGlob(path), path);
    for (const path of ['a.csv', 'a[.csv', '{a}', 'a,b', '/x/y-1', 'a[]']) {
      assert.ok(!isGlob(path), path);
    }
  });

  test('the search begins in the folder before the first special name', () => {
    assert.deepEqual(
      parseGlob('/data/2001/*.csv').map(({ folder, parts }) => [folder, parts.length]),
      [['/data/2001', 1]],
    );
    assert.deepEqual(parseGlob('*.csv')[0]!.folder, '.');
    assert.deepEqual(parseGlob('/*.csv')[0]!.folder, '/');
    assert.deepEqual(
      parseGlob('x/{a,b/*}/c').map(({ folder, parts }) => [folder, parts.length]),
      [
        ['x/a', 1],
        ['x/b', 2],
      ],
    );
  });

  test('names of every kind, special characters as themselves', () => {
    const yes = [
      ['*.jsonl', 'flights.jsonl'],
      ['f?n', 'fün'],
      ['f?n', 'f😀n'],
      ['[a-c]x', 'bx'],
      ['[!a-c]x', 'dx'],
      ['[]]x*', ']x'],
      ['a[.]b?', 'a.bc'],
      ['(a+b)*$', '(a+b)c$'],
      ['{x,y{1,2}}.csv', 'y2.csv'],
      ['.h*', '.hidden'],
      ['_*', '_SUCCESS'],
      ['a*b*c', 'a-b-b-c'],
    ] as const;
    for (const [pattern, name] of yes) assert.ok(matchesName(pattern, name), `${pattern} ${name}`);
    const no = [
      ['*.jsonl', 'flights.json'],
      ['*', '.hidden'],
      ['*', '_SUCCESS'],
      ['[a-c]x', 'dx'],
      ['[!a-c]x', 'bx'],
      ['a.*', 'axb'],
      ['[z-a]*', 'z'],
      ['a*b*c', 'a-b-b'],
    ] as const;
    for (const [pattern, name] of no) assert.ok(!matchesName(pattern, name), `${pattern} ${name}`);
  });

  test('agrees with Node on names of letters, stars, question marks and brackets', () => {
    const name = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '-', '1'), minLength: 1 });
    const piece = fc.constantFrom('a', 'b', '-', '*', '?', '[ab]', '[!a]', '[a-c]');
    const pattern = fc.array(piece, { minLength: 1, maxLength: 6 }).map((all) => all.join(''));
    fc.assert(
      fc.property(pattern, name, (glob, text) => {
        fc.pre(!glob.includes('**'));
        assert.equal(matchesName(glob, text), matchesGlob(text, glob), `${glob} ${text}`);
      }),
      { seed: 7, numRuns: 2000 },
    );
  });
});
