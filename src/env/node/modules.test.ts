/**
 * Job modules in folders of their own, outside of the repository: they reach the running engine,
 * and whatever is wrong with them is told in a sentence with the place.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, describe, test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { isEngineError } from '../../base/errors.ts';
import type { EngineError, ErrorCode } from '../../base/errors.ts';
import { nodeModules } from './modules.ts';

const modules = nodeModules();
const folder = await fs.mkdtemp(join(tmpdir(), 'millrace-modules-'));
after(() => fs.rm(folder, { recursive: true }));

/** Writes files into a new folder and gives the URL of the first. */
async function write(files: Readonly<Record<string, string>>): Promise<string> {
  const job = await fs.mkdtemp(join(folder, 'job-'));
  for (const [name, text] of Object.entries(files)) {
    await fs.mkdir(dirname(join(job, name)), { recursive: true });
    await fs.writeFile(join(job, name), text);
  }
  return pathToFileURL(join(job, Object.keys(files)[0] ?? '')).href;
}

async function fails(
  files: Readonly<Record<string, string>>,
  code: ErrorCode,
): Promise<EngineError> {
  return failsAt(await write(files), code);
}

async function failsAt(url: string, code: ErrorCode): Promise<EngineError> {
  try {
    await modules.load(url);
  } catch (thrown) {
    assert.ok(isEngineError(thrown, code), `${String(thrown)} is not ${code}`);
    return thrown;
  }
  return assert.fail('it was loaded');
}

describe('load', () => {
  test('a module and what it imports, from anywhere, of any kind', async () => {
    const url = await write({
      'job.ts':
        "import { b } from './b.mjs';\nimport c from './c.cjs';\nexport const sum: number = b + c.c;",
      'b.mjs': 'export const b = 20;',
      'c.cjs': 'exports.c = 3;',
    });
    assert.equal((await modules.load(url))['sum'], 23);
  });

  test('asked twice it is the same instance', async () => {
    const url = await write({ 'job.ts': 'export const identity: object = {};' });
    assert.equal(await modules.load(url), await modules.load(url));
  });

  test('top-level await is waited for', async () => {
    const url = await write({
      'job.ts': 'export const answer: number = await Promise.resolve(42);',
    });
    assert.equal((await modules.load(url))['answer'], 42);
  });

  test('millrace is the running engine, whatever is installed beside the job', async () => {
    const url = await write({
      'job.ts':
        "export const engine: string = import.meta.resolve('millrace');\nexport const testing: string = import.meta.resolve('millrace/testing');",
      'node_modules/millrace/package.json': '{"name":"millrace","version":"0.0.1","main":"x.js"}',
      'node_modules/millrace/x.js': 'exports.wrong = true;',
    });
    const job = await modules.load(url);
    assert.equal(job['engine'], new URL('../../index.ts', import.meta.url).href);
    assert.equal(job['testing'], new URL('../../testing/index.ts', import.meta.url).href);
  });

  test('millrace is the running engine for CommonJS too', async () => {
    const url = await write({
      'job.mjs': "import resolved from './helper.cjs';\nexport default resolved;",
      'helper.cjs': "module.exports = require('millrace/package.json').name;",
      'node_modules/millrace/package.json': '{"name":"wrong"}',
    });
    assert.equal((await modules.load(url))['default'], 'millrace');
  });

  test('a package beside the job is found there', async () => {
    const url = await write({
      'job.ts': "import { x } from 'some-package';\nexport const found: number = x;",
      'node_modules/some-package/package.json': '{"type":"module","exports":"./index.js"}',
      'node_modules/some-package/index.js': 'export const x = 5;',
    });
    assert.equal((await modules.load(url))['found'], 5);
  });
});

describe('a job module that cannot be loaded', () => {
  test('is not there', async () => {
    const url = pathToFileURL(join(folder, 'no-such-job.ts')).href;
    const error = await failsAt(url, 'JOB_MODULE_NOT_FOUND');
    assert.equal(error.message, `There is no job module at ${join(folder, 'no-such-job.ts')}.`);
    await failsAt(pathToFileURL(folder).href, 'JOB_MODULE_NOT_FOUND');
  });

  test('imports a package that is not installed', async () => {
    const url = await write({
      'job.ts': "import './helper.ts';",
      'helper.ts': "import pg from '@scope/driver/deep';\nexport default pg;",
    });
    const error = await failsAt(url, 'JOB_MODULE_DEPENDENCY_MISSING');
    const importer = fileURLToPath(new URL('./helper.ts', url));
    assert.equal(
      error.message,
      `${importer} imports "@scope/driver/deep", which cannot be found: ` +
        'the package @scope/driver is not installed there.',
    );
    assert.equal(error.fix, 'Install it beside the job: npm install @scope/driver');
  });

  test('requires a package that is not installed', async () => {
    const error = await fails(
      { 'job.mjs': "import './helper.cjs';", 'helper.cjs': "require('not-installed');" },
      'JOB_MODULE_DEPENDENCY_MISSING',
    );
    assert.equal(error.parameters['specifier'], 'not-installed');
  });

  test('imports a file without its extension', async () => {
    const url = await write({
      'job.ts': "import { b } from './b';\nexport default b;",
      'b.ts': 'export const b = 1;',
    });
    const error = await failsAt(url, 'JOB_MODULE_DEPENDENCY_MISSING');
    assert.equal(
      error.message,
      `${fileURLToPath(url)} imports "./b", which cannot be found: there is no such file.`,
    );
    assert.match(error.fix ?? '', /with its extension/);
  });

  test('imports a part of the engine that there is not', async () => {
    const error = await fails(
      { 'job.ts': "import 'millrace/nothing';" },
      'JOB_MODULE_DEPENDENCY_MISSING',
    );
    assert.match(error.message, /imports "millrace\/nothing".*has no such part/);
  });

  test('imports a type as a value', async () => {
    const url = await write({
      'job.ts': "import { ok,\n  Shape } from './b.ts';\nexport default ok as Shape;",
      'b.ts': 'export const ok = 1;\nexport type Shape = number;',
    });
    const error = await failsAt(url, 'JOB_MODULE_EXPORT_MISSING');
    assert.match(error.message, /job\.ts:2:3: "\.\/b\.ts" has no export named "Shape"\.$/);
    assert.match(error.fix ?? '', /import type/);
  });

  const syntaxErrors: Readonly<
    Record<string, readonly [file: string, text: string, place: string]>
  > = {
    'in TypeScript': ['job.ts', 'const a: number = 1;\nconst b = ;\n', 'job.ts:2:11'],
    'in JavaScript': ['job.mjs', 'const a = 1;\n  const b = ;\n', 'job.mjs:2:13'],
    'in TypeScript, found only after the types are gone': [
      'job.ts',
      'let a: number = 1;\n let a: string = "";\nexport default a;\n',
      'job.ts:2:6',
    ],
    'in an imported file': ['b.mjs', '\n\nfor (;\n', 'b.mjs:4'],
  };
  for (const [name, [file, text, place]] of Object.entries(syntaxErrors)) {
    test(`is not well formed: ${name}`, async () => {
      const files: Record<string, string> = file.startsWith('job')
        ? { [file]: text }
        : {
            'job.ts': `import './ok.ts';\nimport './${file}';`,
            'ok.ts': 'export {};',
            [file]: text,
          };
      const error = await fails(files, 'JOB_MODULE_SYNTAX');
      assert.ok(error.message.includes(`${place}:`), error.message);
    });
  }

  test('has an enum, a namespace or a parameter property', async () => {
    for (const [text, place] of [
      ['export const a = 1;\nenum Color { Red }\n', 'job.ts:2:1'],
      ['namespace Space { export const x = 1; }\n', 'job.ts:1:1'],
      ['class A {\n  constructor(private x: number) {}\n}\n', 'job.ts:2:23'],
    ] as const) {
      const error = await fails({ 'job.ts': text }, 'JOB_MODULE_UNSUPPORTED_TYPESCRIPT');
      assert.ok(error.message.includes(`${place}: TypeScript `), error.message);
      assert.match(error.fix ?? '', /union of literals/);
    }
  });

  test('throws while it is imported', async () => {
    const url = await write({ 'job.ts': "\n  throw new RangeError('not today');\n" });
    const error = await failsAt(url, 'JOB_MODULE_FAILED');
    assert.equal(error.message, `${fileURLToPath(url)} threw while it was imported: not today`);
    assert.match(error.stack ?? '', /job\.ts:2:9/);
    await fails({ 'job.ts': "throw 'only text';" }, 'JOB_MODULE_FAILED');
    await fails({ 'job.ts': "await Promise.reject(new Error('later'));" }, 'JOB_MODULE_FAILED');
  });

  test('throws a SyntaxError of its own, which is not one of the module', async () => {
    await fails({ 'job.ts': "JSON.parse('{');" }, 'JOB_MODULE_FAILED');
    await fails({ 'job.ts': "new Function('(');" }, 'JOB_MODULE_FAILED');
  });

  test('throws an error of the engine, which stays what it is', async () => {
    const errors = new URL('../../base/errors.ts', import.meta.url).href;
    const text = `
      import { EngineError } from ${JSON.stringify(errors)};
      throw new EngineError('IO_EXISTS', { path: 'x' });`;
    await fails({ 'job.ts': text }, 'IO_EXISTS');
  });

  test('is of an unknown kind', async () => {
    const error = await fails({ 'job.tsx': 'export default 1;' }, 'JOB_MODULE_UNSUPPORTED');
    assert.match(error.message, /job\.tsx cannot be imported: Unknown file extension/);
  });
});
