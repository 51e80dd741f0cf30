import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileUrl, pathOfFileUrl } from './file-url.ts';

test('names keep what they contain, drives their colon', () => {
  assert.equal(fileUrl('/jobs/a b#1%.ts'), 'file:///jobs/a%20b%231%25.ts');
  assert.equal(fileUrl('C:/jobs/x.ts'), 'file:///C:/jobs/x.ts');
  for (const path of ['/jobs/a b#1%.ts', 'C:/jobs/x.ts']) {
    assert.equal(pathOfFileUrl(fileUrl(path)), path);
  }
});
