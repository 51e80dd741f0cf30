import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  type Stats,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import manifest from '../package.json' with { type: 'json' };

// bin/millrace.js decides under which Node the command line runs. What matters: the right Node runs
// it in place; any other hands over, and arguments, exit codes and signals come through.

const repository = join(import.meta.dirname, '..');
const launcher = join(repository, 'bin', 'millrace.js');

/**
 * A checkout in miniature, whose command line says what it was given and then does as it is told.
 */
const CLI = `
const [what, code] = process.argv.slice(2);
if (what === 'wait') process.on('SIGTERM', () => process.exit(7));
if (what === 'wait') setInterval(() => {}, 1000);
if (what === 'exit') process.exitCode = Number(code);
if (what === 'cache') {
  const { Worker } = process.getBuiltinModule('worker_threads');
  new Worker('console.log(process.env.NODE_COMPILE_CACHE)', { eval: true });
}
console.log(JSON.stringify({ node: process.execPath, args: process.argv.slice(2) }));
`;

/** Takes away what newer Nodes have, so that the ways of older ones are taken. */
const NO_EXECVE = 'data:text/javascript,delete process.execve';
const NO_BUILTINS = 'data:text/javascript,delete process.getBuiltinModule';

/** Without a cache that the tests themselves run with: the launcher keeps to one that is given. */
const { NODE_COMPILE_CACHE: _, ...ENVIRONMENT } = process.env;

let checkout = '';
let pinned = '';

before(() => {
  const cache = join(repository, 'node_modules', '.cache');
  mkdirSync(cache, { recursive: true });
  checkout = mkdtempSync(join(cache, 'launcher-'));
  pinned = join(checkout, 'node_modules', 'node-here', 'bin', 'node');
  for (const folder of ['bin', 'tools/node', 'node_modules/node-here/bin']) {
    mkdirSync(join(checkout, folder), { recursive: true });
  }
  copyFileSync(launcher, join(checkout, 'bin', 'millrace.js'));
  writeFileSync(join(checkout, 'package.json'), '{ "type": "module" }');
  writeFileSync(join(checkout, 'bin', 'cli.js'), CLI);
  const tools = { optionalDependencies: { 'node-elsewhere': '1.0.0', 'node-here': '1.0.0' } };
  writeFileSync(join(checkout, 'tools', 'node', 'package.json'), JSON.stringify(tools));
  // The same program under another name counts as another Node.
  linkSync(process.execPath, pinned);
});

after(() => rmSync(checkout, { recursive: true }));

function run(node: string, args: readonly string[], preload?: string) {
  const options = preload === undefined ? [] : ['--import', preload];
  const file = join(checkout, 'bin', 'millrace.js');
  return spawnSync(node, [...options, file, ...args], { encoding: 'utf8', env: ENVIRONMENT });
}

test('what was compiled is kept for the next run, in worker threads too', () => {
  const { stdout } = run(pinned, ['cache']);
  const cache = join(checkout, 'node_modules', '.cache', 'millrace');
  assert.equal(stdout.split('\n')[1], cache);
  assert.equal(readdirSync(cache).length, 1);
});

describe('an engine that was packed', () => {
  const PACKED = `console.log('packed')`;
  const source = 'bin/cli.js';
  let folder = '';

  function pack(inputs: readonly (readonly [string, number, number])[]): void {
    writeFileSync(join(folder, 'current.json'), JSON.stringify({ pack: 'one', inputs }));
  }

  /** The first line of what the command line says. */
  function says(): string {
    return run(pinned, ['exit', '0']).stdout.split('\n')[0]!;
  }

  beforeEach(() => {
    folder = join(checkout, 'node_modules', '.cache', 'millrace-engine');
    mkdirSync(join(folder, 'one', 'bin'), { recursive: true });
    writeFileSync(join(folder, 'one', 'bin', 'cli.js'), PACKED);
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test('runs while its sources are as they were', () => {
    const { size, mtimeMs } = statSync(join(checkout, source));
    pack([[source, size, mtimeMs]]);
    assert.equal(says(), 'packed');
  });

  for (const [what, change] of [
    ['of another size', ({ size, mtimeMs }: Stats) => [source, size + 1, mtimeMs]],
    ['written since', ({ size, mtimeMs }: Stats) => [source, size, mtimeMs - 1]],
    ['gone', ({ size, mtimeMs }: Stats) => ['bin/gone.js', size, mtimeMs]],
  ] as const) {
    test(`does not run when a source is ${what}`, () => {
      const stats = statSync(join(checkout, source));
      pack([[source, stats.size, stats.mtimeMs], change(stats) as [string, number, number]]);
      assert.notEqual(says(), 'packed');
    });
  }

  test('does not run when it is gone itself', () => {
    pack([]);
    rmSync(join(folder, 'one'), { recursive: true });
    assert.notEqual(says(), 'packed');
  });
});

test('--version is the version of the package', () => {
  const { stdout, status } = spawnSync(process.execPath, [launcher, '--version']);
  assert.equal(String(stdout), `${manifest.version}\n`);
  assert.equal(status, 0);
});

describe('launcher', { timeout: 20_000 }, () => {
  test('the pinned Node runs the command line in place', () => {
    const { stdout, status } = run(pinned, ['exit', '3'], NO_EXECVE);
    assert.deepEqual(JSON.parse(stdout), { node: pinned, args: ['exit', '3'] });
    assert.equal(status, 3);
  });

  for (const [how, preload] of [
    ['by becoming it', undefined],
    ['as its parent', NO_EXECVE],
  ] as const) {
    test(`another Node hands over to the pinned one ${how}`, () => {
      const { stdout, status } = run(process.execPath, ['exit', '3', 'a b', ''], preload);
      assert.deepEqual(JSON.parse(stdout), { node: pinned, args: ['exit', '3', 'a b', ''] });
      assert.equal(status, 3);
    });
  }

  test('a parent passes signals on and ends as its child ends', async () => {
    const child = await waiting(['--import', NO_EXECVE]);
    child.kill('SIGTERM');
    assert.deepEqual(await once(child, 'exit'), [7, null]);
    const other = await waiting(['--import', NO_EXECVE]);
    other.kill('SIGHUP');
    assert.deepEqual(await once(other, 'exit'), [null, 'SIGHUP']);
  });

  test('a command that npm started ends when its shell is gone', async () => {
    const shell = spawn('sh', ['-c', `"${pinned}" bin/millrace.js wait; true`], {
      cwd: checkout,
      env: { ...process.env, npm_lifecycle_script: 'millrace wait' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(shell.stdout, 'data');
    shell.kill('SIGKILL');
    // The pipe ends with its last writer.
    await once(shell.stdout.resume(), 'end');
  });

  test('a Node that cannot even hand over says what to do', () => {
    const { stderr, status } = run(process.execPath, [], NO_BUILTINS);
    assert.match(stderr, /^millrace does not run on Node [\d.]+\. Start it with `npx millrace`/);
    assert.equal(status, 1);
  });
});

async function waiting(options: readonly string[]): Promise<ChildProcess> {
  const file = join(checkout, 'bin', 'millrace.js');
  const child = spawn(process.execPath, [...options, file, 'wait'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  return child;
}
