import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, beforeEach, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { packEngine } from './pack-engine.ts';

// An engine in miniature: what its parts find by their own place, they must find in the pack.
const SOURCES: Readonly<Record<string, string>> = {
  'package.json': JSON.stringify({
    name: 'millrace',
    version: '1.0.0',
    type: 'module',
    exports: { '.': './src/index.ts', './sub': './src/sub/index.ts', './package.json': './x' },
    dependencies: { 'not-there': '1.0.0' },
  }),
  'src/index.ts': `export { count } from './deep/er/shared.ts';`,
  'src/sub/index.ts': `export { count } from '../deep/er/shared.ts';
export const load = (): Promise<unknown> => import('not-there/part');`,
  'src/deep/er/shared.ts': `export const count: { of: number } = { of: 0 };
export const engine = (): string => import.meta.resolve('millrace');
export const worker: string = new URL('../../bin/slot-worker.js', import.meta.url).href;`,
  'src/env/node/syntax-check.ts': `console.log('checked');`,
  'bin/command-line.ts': `export const beside = new URL('./taskmanager.js', import.meta.url).href;`,
  'bin/cli.ts': `export { beside } from './command-line.ts';`,
  'bin/jobmanager.ts': `export { beside } from './command-line.ts';`,
  'bin/taskmanager.ts': `export { beside } from './command-line.ts';`,
  'bin/supervisor.ts': `export { beside } from './command-line.ts';`,
  'bin/slot-worker.ts': `export const shared = import('../src/deep/er/shared.ts');`,
  'bin/coordinator-worker.ts': `export { engine, worker } from '../src/deep/er/shared.ts';`,
};

const root = mkdtempSync(join(tmpdir(), 'millrace-pack-'));
after(() => rmSync(root, { recursive: true }));

function write(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

async function pack(): Promise<string> {
  const folder = await packEngine(root);
  assert.ok(folder !== undefined);
  return folder;
}

async function load(folder: string, file: string): Promise<Readonly<Record<string, unknown>>> {
  const url = pathToFileURL(join(folder, file)).href;
  return (await import(url)) as Readonly<Record<string, unknown>>;
}

beforeEach(() => {
  rmSync(join(root, 'node_modules'), { recursive: true, force: true });
  for (const [path, text] of Object.entries(SOURCES)) write(path, text);
});

describe('the packed engine', () => {
  test('has one copy of what its entries share', async () => {
    const folder = await pack();
    const { count } = await load(folder, 'src/index.js');
    assert.ok(count !== undefined);
    assert.equal((await load(folder, 'src/sub/index.js'))['count'], count);
  });

  test('finds itself, its threads and its processes', async () => {
    const folder = await pack();
    const at = (path: string): string => pathToFileURL(join(folder, path)).href;
    const { engine, worker } = await load(folder, 'bin/coordinator-worker.js');
    assert.equal((engine as () => string)(), at('src/index.js'));
    assert.equal(worker, at('bin/slot-worker.js'));
    assert.equal((await load(folder, 'bin/cli.js'))['beside'], at('bin/taskmanager.js'));
    assert.ok(existsSync(join(folder, 'src/chunks/syntax-check.js')));
  });

  test('leaves packages where they are installed', async () => {
    const { load: loadPart } = await load(await pack(), 'src/sub/index.js');
    await assert.rejects(loadPart as () => Promise<unknown>, { code: 'ERR_MODULE_NOT_FOUND' });
  });

  test('names every file that went into it, with size and time', async () => {
    utimesSync(join(root, 'src/index.ts'), 1, 2);
    const folder = join(await pack(), '..');
    const { pack: name, inputs } = JSON.parse(
      readFileSync(join(folder, 'current.json'), 'utf8'),
    ) as { readonly pack: string; readonly inputs: readonly (readonly unknown[])[] };
    assert.ok(existsSync(join(folder, name, 'bin', 'cli.js')));
    assert.deepEqual(new Set(inputs.map(([path]) => path)), new Set(Object.keys(SOURCES)));
    const index = inputs.find(([path]) => path === 'src/index.ts');
    assert.deepEqual(index, ['src/index.ts', SOURCES['src/index.ts']!.length, 2000]);
  });

  test('is the same for the same sources; of older ones two are kept', async () => {
    const first = await pack();
    assert.equal(await pack(), first);
    for (const text of ['a', 'b', 'c']) {
      write('src/index.ts', `export const text: string = '${text}';`);
      await pack();
    }
    const kept = readdirSync(join(first, '..'));
    assert.deepEqual(kept.filter((name) => name !== 'current.json').length, 3);
    assert.ok(!existsSync(first));
  });
});
