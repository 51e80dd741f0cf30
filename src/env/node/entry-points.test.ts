/** The extension of the file that asks is the extension of the entry. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { entryPoint } from './entry-points.ts';

test('entryPoint keeps the extension of the file that asks', () => {
  const of = (from: string): string => entryPoint('../bin/slot-worker', from).href;
  assert.equal(of('file:///repo/src/root.ts'), 'file:///repo/bin/slot-worker.ts');
  assert.equal(of('file:///dist/src/root.js'), 'file:///dist/bin/slot-worker.js');
  assert.equal(of('file:///a%20b/src/root.mjs?v=1'), 'file:///a%20b/bin/slot-worker.mjs');
});
