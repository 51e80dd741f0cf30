// The page of options says what the code does.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { OPTION_GROUPS } from '../src/config/options.ts';
import { CONFIGURATION_PAGE, configurationPage } from './configuration-page.ts';

test('docs/configuration.md is what `npm run docs` writes', () => {
  const page = readFileSync(CONFIGURATION_PAGE, 'utf8');
  assert.ok(page === configurationPage(), 'docs/configuration.md is out of date: npm run docs');
});

/** Declared ahead of TaskManagers that are started on other machines. */
const AHEAD: readonly string[] = ['env.ssh.opts'];

test('no option is declared that nothing reads', () => {
  const src = join(import.meta.dirname, '..', 'src');
  const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter(
    (path) => path.endsWith('.ts') && !/\.test\.|^config\/options/.test(path),
  );
  const text = files.map((path) => readFileSync(join(src, path), 'utf8')).join('\n');
  const names = new Set(text.match(/\w+/g));
  const unread = OPTION_GROUPS.flatMap(({ options }) => Object.entries(options))
    .filter(([name, { key }]) => !names.has(name) && !AHEAD.includes(key))
    .map(([, { key }]) => key);
  assert.deepEqual(unread, []);
});
