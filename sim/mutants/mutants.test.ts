/** Planted bugs fit into the sources as they are: what fits no more finds nothing. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { MUTANTS } from './mutants.ts';

const root = new URL('../../', import.meta.url);

test('every planted bug fits its file once, and names a test that there is', () => {
  const names = new Set(MUTANTS.map(({ name }) => name));
  assert.equal(names.size, MUTANTS.length);
  for (const { name, file, from, unseen } of MUTANTS) {
    const parts = readFileSync(new URL(file, root), 'utf8').split(from);
    assert.equal(parts.length - 1, 1, `${name} in ${file}`);
    if (unseen !== undefined) assert.ok(existsSync(new URL(unseen.test, root)), unseen.test);
  }
});
