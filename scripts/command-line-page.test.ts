// The page of commands says what the code does.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { COMMAND_LINE_PAGE, commandLinePage } from './command-line-page.ts';

test('docs/command-line.md is what `npm run docs` writes', () => {
  const page = readFileSync(COMMAND_LINE_PAGE, 'utf8');
  assert.ok(page === commandLinePage(), 'docs/command-line.md is out of date: npm run docs');
});
