import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { resolveEngineDirectly } from './engine-resolution.ts';

let root = '';

before(async () => {
  root = await mkdtemp(join(tmpdir(), 'engine-'));
  resolveEngineDirectly(pathToFileURL(`${root}/`).href);
});

after(() => rm(root, { recursive: true }));

async function load(files: Readonly<Record<string, string>>): Promise<Record<string, unknown>> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, name)), { recursive: true });
    await writeFile(join(root, name), text);
  }
  return import(pathToFileURL(join(root, Object.keys(files)[0]!)).href);
}

test('TypeScript and JavaScript of the engine import each other, whatever package.json says', async () => {
  const module = await load({
    'bin/start.mts': "export * from '../src/one.ts';",
    'src/one.ts': "import { two } from './deep/two.ts'; export const one: number = two + 1;",
    'src/deep/two.ts': "import { three } from '../three.js'; export const two: number = three;",
    'src/three.js': 'export const three = 3;',
    'package.json': '{ "type": "commonjs" }',
  });
  assert.equal(module['one'], 4);
});

test('what is not a file of the engine is resolved as ever', async () => {
  const module = await load({
    'src/outside.mts':
      "import { join } from 'node:path'; import data from '../data.json' with { type: 'json' }; export default [typeof join, data.a];",
    'data.json': '{ "a": 1 }',
  });
  assert.deepEqual(module['default'], ['function', 1]);
  const job = load({ 'job/job.mts': "import './missing.ts';" });
  await assert.rejects(job, { code: 'ERR_MODULE_NOT_FOUND' });
});

test('a file that is missing is an error that names it', async () => {
  await assert.rejects(load({ 'src/lost.mts': "import './missing.ts';" }), /src\/missing\.ts/);
});
