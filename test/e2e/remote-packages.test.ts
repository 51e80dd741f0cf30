// A job with packages from npm, brought to a cluster by `millrace run`: twice without a trace of
// the first time, and with a package that has native parts and is installed on the cluster.
import assert from 'node:assert/strict';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { REPOSITORY, startProgram, type Ended } from '../command.test-kit.ts';

const LAUNCHER = join(REPOSITORY, 'bin', 'millrace.js');
const home = realpathSync(mkdtempSync(join(tmpdir(), 'millrace-packages-')));
const project = join(home, 'project');
/** Where the cluster is started: what is installed there its workers find. */
const machine = join(home, 'machine');
const cluster = join(home, 'clusters', 'default');

const FILES: Readonly<Record<string, string>> = {
  'project/package.json': '{"type":"module"}',
  'project/orders.ts': `
import { defineJob } from 'millrace';
import { z } from 'zod';
import { next } from './lib/counter.ts';

enum Kind { Buy = 'buy', Sell = 'sell' }
const Order = z.object({ kind: z.enum(Kind) });

export const counted = defineJob({
  name: 'counted',
  build(env) {
    env
      .fromElements({ kind: 'buy' }, { kind: 'sell' })
      .map((order) => Order.parse(order).kind + ' ' + next())
      .print();
  },
});

export const refused = defineJob({
  name: 'refused',
  build(env) {
    env.fromElements({ kind: 'give' }).map((order) => Order.parse(order).kind).print();
  },
});
`,
  'project/lib/counter.ts': `
let count: number = 0;
export const next = (): number => (count += 1);
`,
  'project/native.ts': `
import { defineJob } from 'millrace';
import native from 'native';
export default defineJob({
  name: 'native',
  build: (env) => void env.fromElements(1).map((n) => native + n).print(),
});
`,
  'project/node_modules/native/package.json': '{"name":"native","gypfile":true}',
  'project/node_modules/native/index.js': 'module.exports = 0;',
  'project/collects.ts': `
import { defineJob, executeAndCollect, t } from 'millrace';
import { next } from './lib/counter.ts';

export const numbered = defineJob({
  name: 'numbered',
  build: (env) =>
    env.fromElements('to', 'be').map((word) => word + next()).returns(t.string).collect(),
});
export const fails = defineJob({
  name: 'fails',
  build(env) {
    return env.sequence(1, 3).map((n): number => { throw new RangeError('no ' + n); }).collect();
  },
});

if (import.meta.main) {
  const configuration = { 'execution.target': 'remote' };
  console.log(await executeAndCollect(numbered, { configuration, exportName: 'numbered' }));
  console.log(await executeAndCollect(numbered, { configuration, exportName: 'numbered' }));
  await executeAndCollect(fails, { configuration, exportName: 'fails' }).catch((error) =>
    console.log(error.code, error.stack.includes('collects.ts:13:')),
  );
}
`,
  'machine/other/package.json': '{}',
};

function millrace(cwd: string, ...args: readonly string[]): Promise<Ended> {
  const env = { ...process.env, MILLRACE_HOME: home };
  return startProgram(process.execPath, [LAUNCHER, ...args], { cwd, env }).ended;
}

function run(file: string, ...args: readonly string[]): Promise<Ended> {
  return millrace(project, 'run', file, '-t', 'remote', ...args);
}

function put(files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(home, name)), { recursive: true });
    writeFileSync(join(home, name), text);
  }
}

before(async () => {
  put(FILES);
  symlinkSync(join(REPOSITORY, 'node_modules', 'zod'), join(project, 'node_modules', 'zod'));
  symlinkSync(REPOSITORY, join(project, 'node_modules', 'millrace'));
  const ports = ['-D', 'jobmanager.rpc.port=0', '-D', 'rest.port=0'];
  const { code, stderr } = await millrace(machine, 'cluster', 'start', '--slots', '1', ...ports);
  assert.deepEqual([stderr, code], ['', 0]);
});

after(async () => {
  await millrace(machine, 'cluster', 'stop');
  rmSync(home, { recursive: true, maxRetries: 3 });
});

describe('a job with packages, on a cluster', { timeout: 120_000 }, () => {
  test('runs twice, each time from its beginning, and leaves no bundle', async () => {
    for (let i = 0; i < 2; i++) {
      const { stdout, stderr, code } = await run('orders.ts', '--job', 'counted');
      assert.deepEqual([stderr, code], ['', 0]);
      assert.match(stdout, /^buy 1\nsell 2\n/m);
    }
    const bundles = readdirSync(cluster, { recursive: true }).filter((name) =>
      String(name).endsWith('.mjs'),
    );
    assert.deepEqual(bundles, []);
  });

  test('fails with the line of the TypeScript', async () => {
    const { stderr, code } = await run('orders.ts', '--job', 'refused');
    assert.equal(code, 1);
    assert.match(stderr, /^error\[USER_CODE_FAILED\]: The map function of "map" threw/);
    assert.match(stderr, /^ {2}at: orders\.ts:22:61$/m);
  });

  test('gives a program the records that it collects', async () => {
    const env = { ...process.env, MILLRACE_HOME: home };
    const program = startProgram(process.execPath, ['collects.ts'], { cwd: project, env });
    const { stdout, stderr, code } = await program.ended;
    assert.deepEqual([stderr, code], ['', 0]);
    const records = "[ 'to1', 'be2' ]\n";
    assert.equal(stdout, `${records}${records}USER_CODE_FAILED true\n`);
  });

  test('names a package with native parts, or takes that of the cluster', async () => {
    const refused = await run('native.ts');
    assert.equal(refused.code, 1);
    assert.match(
      refused.stderr,
      /^error\[JOB_BUNDLE_NATIVE\]: The package native has native parts/,
    );
    assert.match(refused.stderr, /--externals native/);

    const missing = await run('native.ts', '--externals', 'native');
    assert.equal(missing.code, 1);
    assert.match(
      missing.stderr,
      /^error\[JOB_EXTERNAL_MISSING\]: native\.ts needs the package native/,
    );

    put({
      'machine/node_modules/native/package.json': '{"name":"native"}',
      'machine/node_modules/native/index.js': 'module.exports = 41;',
    });
    const { stdout, stderr, code } = await run('native.ts', '--externals', 'native');
    assert.deepEqual([stderr, code], ['', 0]);
    assert.match(stdout, /^42\n/m);
  });
});
