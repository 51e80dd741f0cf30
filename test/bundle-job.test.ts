// Jobs as users write them become one file each; what cannot is refused with the place and the fix.
import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { bundleHeaderOf } from '../src/base/bundle-header.ts';
import { isEngineError } from '../src/base/errors.ts';
import type { EngineError, ErrorCode } from '../src/base/errors.ts';
import { bundleJob } from '../src/client/bundle/bundle-job.ts';
import type { Bundle } from '../src/client/bundle/bundle-job.ts';
import { loadRolldown } from '../src/client/bundle/load-rolldown.ts';
import { nodeDisk } from '../src/env/node/disk.ts';
import { nodeModules } from '../src/env/node/modules.ts';

type Files = Readonly<Record<string, string>>;

const folder = await mkdtemp(join(tmpdir(), 'millrace-bundle-'));
after(() => rm(folder, { recursive: true }));
let count = 0;

async function write(files: Files, into: string = `project-${++count}`): Promise<string> {
  const project = join(folder, into);
  for (const [name, text] of Object.entries({ 'package.json': '{"type":"module"}', ...files })) {
    await mkdir(dirname(join(project, name)), { recursive: true });
    await writeFile(join(project, name), text);
  }
  return project;
}

function bundle(project: string, settings: { externals?: string[]; limitBytes?: number } = {}) {
  const moduleUrl = pathToFileURL(join(project, 'job.ts')).href;
  return bundleJob({ disk: nodeDisk(), moduleUrl, engine: '1.0.0', externals: [], ...settings });
}

async function refused(files: Files, code: ErrorCode): Promise<EngineError> {
  const project = await write(files);
  try {
    await bundle(project);
  } catch (error) {
    assert.ok(isEngineError(error), String(error));
    assert.equal(error.code, code, error.message);
    return error;
  }
  return assert.fail(`expected ${code}`);
}

/** Loads it as a worker does, from a folder in which nothing is installed. */
async function load({ bytes, hash }: Bundle): Promise<Readonly<Record<string, any>>> {
  const path = join(folder, `${hash}.mjs`);
  await writeFile(path, bytes);
  return nodeModules().load(pathToFileURL(path).href);
}

function sourcesOf({ bytes }: Bundle): readonly string[] {
  const text = Buffer.from(bytes).toString().split('base64,').at(-1)!;
  return JSON.parse(Buffer.from(text, 'base64').toString()).sources;
}

const EVERYTHING: Files = {
  'job.ts': `
import { defineJob, type Job } from 'millrace';
import type { Nothing } from './types-only.ts';
import data from './data.json' with { type: 'json' };
import { Color, Point } from './lib/point.ts';
import greet from 'commonjs-package';
import { partOf } from 'esm-package/part';
import { readFileSync } from 'fs';
export const lazy = (): Promise<number> => import('./lib/lazy.ts').then((m) => m.lazy);
export const values = [data.a, Color.Blue, new Point(3).x, greet('you'), partOf(6), typeof readFileSync];
export const job: Job = defineJob({ name: 'x', build: (env) => void env.sequence(1, 2).print() });
export default job;
`,
  'types-only.ts': 'export interface Nothing { readonly a: number }',
  'data.json': '{ "a": 1 }',
  'lib/point.ts': `
export enum Color { Red = 'red', Blue = 'blue' }
export class Point { constructor(readonly x: number) {} }
`,
  'lib/lazy.ts': 'export const lazy: number = 5;',
  'node_modules/commonjs-package/package.json': '{"name":"commonjs-package","main":"main.cjs"}',
  'node_modules/commonjs-package/main.cjs':
    "const os = require('os');\nlet fast;\ntry { fast = require('not-there'); } catch {}\n" +
    'module.exports = (name) => `hello ${name}${os.EOL}${fast}`;\n',
  'node_modules/esm-package/package.json':
    '{"name":"esm-package","type":"module","exports":{"./part":"./part.js"}}',
  'node_modules/esm-package/part.js': 'export function partOf(n) { return n + 1; }\n',
};

describe('bundleJob', () => {
  test('one file of modules, packages, JSON, enums and dynamic imports, without the engine', async () => {
    const made = await bundle(await write(EVERYTHING));
    const text = Buffer.from(made.bytes).toString();
    assert.deepEqual(bundleHeaderOf(text), {
      version: 1,
      engine: '1.0.0',
      job: 'job.ts',
      externals: [],
    });
    assert.match(text, /from "millrace"/);
    const module = await load(made);
    assert.deepEqual(module['values'], [1, 'blue', 3, 'hello you\nundefined', 7, 'function']);
    assert.equal(await module['lazy'](), 5);
    assert.equal(module['default'].name, 'x');
    assert.equal(module['default'], module['job']);
  });

  test('the same sources give the same bytes, wherever they lie; other sources others', async () => {
    const first = await write(EVERYTHING);
    const second = join(folder, 'a/longer/way to', 'it');
    await cp(first, second, { recursive: true });
    const [one, other] = [await bundle(first), await bundle(second)];
    assert.equal(one.hash, other.hash);
    assert.deepEqual(sourcesOf(one).toSorted(), [
      'job:///data.json',
      'job:///job.ts',
      'job:///lib/lazy.ts',
      'job:///lib/point.ts',
      'npm:commonjs-package/main.cjs',
      'npm:esm-package/part.js',
    ]);
    assert.doesNotMatch(Buffer.from(one.bytes).toString(), new RegExp(folder));
    await writeFile(join(second, 'lib/lazy.ts'), 'export const lazy: number = 6;');
    assert.notEqual((await bundle(second)).hash, one.hash);
  });

  test('sources beside the package of the job are found from the folder above both', async () => {
    const project = await write({}, 'monorepo');
    await write({ 'x.ts': 'export const x: number = 1;' }, 'monorepo/libs/x');
    const job = await write(
      { 'job.ts': "export { x } from '../../libs/x/x.ts';" },
      'monorepo/apps/j',
    );
    const made = await bundle(job);
    assert.equal(made.root, project);
    assert.deepEqual(sourcesOf(made), ['job:///libs/x/x.ts']);
  });

  test('places of errors are those of the TypeScript, columns included', async () => {
    const project = await write({
      'job.ts':
        "import { fail } from './lib/fail.ts';\nexport const run = (): void => fail('no');\n",
      'lib/fail.ts':
        'type A = {\n  b: string;\n};\n\nexport function fail(why: A["b"]): never {\n  throw new Error(why);\n}\n',
    });
    const module = await load(await bundle(project));
    assert.throws(module['run'], (error: Error) => {
      assert.match(error.stack!, /job:\/\/\/lib\/fail\.ts:6:9\)?\n.*job:\/\/\/job\.ts:2:32/);
      return true;
    });
  });

  test('what cannot be resolved, parsed or found is told with file, line and column', async () => {
    const missing = await refused(
      { 'job.ts': "\nimport { a } from './a.ts';\nexport default a;\n" },
      'JOB_MODULE_DEPENDENCY_MISSING',
    );
    assert.match(missing.message, /job\.ts:2:19 imports "\.\/a\.ts".*no such file/);
    const absent = await refused(
      { 'job.ts': "import a from '@scope/absent/part';\nexport default a;\n" },
      'JOB_MODULE_DEPENDENCY_MISSING',
    );
    assert.match(absent.message, /job\.ts:1:15 imports.*package @scope\/absent is not installed/);
    assert.match(absent.fix!, /npm install @scope\/absent$/);
    const syntax = await refused({ 'job.ts': 'const a: = 1;' }, 'JOB_MODULE_SYNTAX');
    assert.match(syntax.message, /job\.ts:1:10: /);
    const name = await refused(
      {
        'job.ts': "import { b } from './a.ts';\nexport default b;\n",
        'a.ts': 'export const a = 1;',
      },
      'JOB_MODULE_EXPORT_MISSING',
    );
    assert.match(name.message, /job\.ts:1:10: "a\.ts" has no export named "b"/);
  });

  test('decorators of TypeScript are translated where tsconfig.json asks, others refused', async () => {
    const job = `
function twice(_target: object, _key: string, d: PropertyDescriptor): void {
  const once = d.value;
  d.value = (n: number) => once(once(n));
}
export class A {
  @twice
  add(n: number): number { return n + 1; }
}
`;
    const error = await refused({ 'job.ts': job }, 'JOB_BUNDLE_DECORATORS');
    assert.match(error.message, /job\.ts:7: /);
    const tsconfig = '{"compilerOptions":{"experimentalDecorators":true}}';
    const made = await bundle(await write({ 'job.ts': job, 'tsconfig.json': tsconfig }));
    const { A } = await load(made);
    assert.equal(new A().add(1), 3);
  });

  const PARTS: Readonly<Record<string, Files>> = {
    'addon.node': {
      'index.js': "module.exports = require('./addon.node');",
      'addon.node': '\x7fELF',
    },
    'depends on node-gyp-build': {
      'index.js': 'module.exports = 1;',
      'package.json': '{"name":"native","dependencies":{"node-gyp-build":"4"}}',
    },
    'binding.gyp': { 'index.js': 'module.exports = 1;', 'binding.gyp': '{}' },
    prebuilds: { 'index.js': 'module.exports = 1;', 'prebuilds/x': '' },
    '@native/native-linux-x64-gnu': {
      'index.js': 'module.exports = 1;',
      'package.json':
        '{"name":"native","optionalDependencies":{"@native/native-linux-x64-gnu":"1"}}',
    },
  };

  test('packages with native parts are named, whatever shows that they have them', async () => {
    for (const [what, files] of Object.entries(PARTS)) {
      const named = { 'package.json': '{"name":"native"}', ...files };
      const installed = Object.fromEntries(
        Object.entries(named).map(([name, text]) => [`node_modules/native/${name}`, text]),
      );
      const job = "import native from 'native';\nexport default native;\n";
      const error = await refused({ ...installed, 'job.ts': job }, 'JOB_BUNDLE_NATIVE');
      assert.match(error.message, /package native has native parts/);
      assert.ok(error.message.includes(what), error.message);
      assert.match(error.fix!, /--externals native/);
    }
  });

  test('externals are left out, found where the process was started, or missed by name', async () => {
    const project = await write({
      'job.ts': "import native from 'native/part.js';\nexport default native;\n",
      'node_modules/native/package.json': '{"name":"native","gypfile":true}',
      'node_modules/native/part.js': 'module.exports = 1;',
    });
    const made = await bundle(project, { externals: ['native', 'native'] });
    assert.deepEqual(bundleHeaderOf(Buffer.from(made.bytes).toString())?.externals, ['native']);
    await assert.rejects(load(made), (error) => {
      assert.ok(isEngineError(error, 'JOB_EXTERNAL_MISSING'), String(error));
      assert.match(error.message, /^job\.ts needs the package native/);
      assert.match(error.fix!, /npm install native$/);
      return true;
    });
    for (const name of ['../x', '', './native', 'a b', '.*'])
      await assert.rejects(bundle(project, { externals: [name] }), {
        code: 'CONFIG_INVALID_VALUE',
      });
  });

  test('a bundle past the limit is refused with what is largest in it', async () => {
    const project = await write({
      'job.ts': "import { large } from 'large';\nexport default large;\n",
      'node_modules/large/package.json': '{"name":"large","type":"module","main":"large.js"}',
      'node_modules/large/large.js': `export const large = '${'x'.repeat(200_000)}';`,
    });
    await assert.rejects(bundle(project, { limitBytes: 100_000 }), (error) => {
      assert.ok(isEngineError(error, 'JOB_BUNDLE_TOO_LARGE'));
      assert.match(error.message, /larger than 0\.1 MiB; most of it is large \(0\.2 MiB\)/);
      return true;
    });
  });

  test('a linked package is bundled as any other', async () => {
    const index = 'export function linked(n: number): number { return n * n; }';
    await write({ 'index.ts': index }, 'linked/packages/shared');
    await writeFile(
      join(folder, 'linked/packages/shared/package.json'),
      '{"name":"shared","type":"module","exports":"./index.ts"}',
    );
    const job = "import { linked } from 'shared';\nexport const x = linked(3);\n";
    const project = await write({ 'job.ts': job }, 'linked/packages/job');
    await mkdir(join(project, 'node_modules'));
    await symlink(join(folder, 'linked/packages/shared'), join(project, 'node_modules/shared'));
    const made = await bundle(project);
    assert.equal((await load(made))['x'], 9);
    assert.deepEqual(sourcesOf(made), ['job:///shared/index.ts', 'job:///job/job.ts']);
  });

  test('without the bundler it is said how to install it', async () => {
    const missing = (): Promise<never> =>
      Promise.reject(Object.assign(new Error('no'), { code: 'ERR_MODULE_NOT_FOUND' }));
    await assert.rejects(loadRolldown(missing), (error) => {
      assert.ok(isEngineError(error, 'JOB_BUNDLER_MISSING'));
      assert.match(error.message, /it is not installed/);
      assert.match(error.fix!, /npm install --save-dev rolldown@\^1/);
      return true;
    });
  });
});
