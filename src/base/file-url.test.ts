import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileUrl } from './file-url.ts';

test('names keep what they contain, drives their colon', () => {
  assert.equal(fileUrl('/jobs/a b#1%.ts'), 'file:///jobs/a%20b%231%25.ts');
  assert.equal(fileUrl('C:/jobs/x.ts'), 'file:///C:/jobs/x.ts');
});
