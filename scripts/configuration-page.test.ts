// The page of options says what the code does.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { CONFIGURATION_PAGE, configurationPage } from './configuration-page.ts';

test('docs/configuration.md is what `npm run docs` writes', () => {
  const page = readFileSync(CONFIGURATION_PAGE, 'utf8');
  assert.ok(page === configurationPage(), 'docs/configuration.md is out of date: npm run docs');
});
