/** P1: a seed is the same wherever the repository lies. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { minutes } from '../src/base/units.ts';
import { simulation } from './simulation.ts';
import { BUNDLE_FOLDER, portableFrame } from './stacks.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Job modules are bundles, and functions of the engine throw in this one. */
const SEED = '18';

async function traceIn(folder: string): Promise<string> {
  const args = [join(folder, 'sim/main.ts'), '--seed', SEED, '--checkpoints', '--quiet'];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: folder });
  return /trace ([0-9a-f]{16})/.exec(stdout)?.[1] ?? assert.fail(stdout);
}

test('P1: a seed has the same trace in another folder', async () => {
  const other = await mkdtemp(join(tmpdir(), 'a-folder-with-another-name-'));
  try {
    for (const name of ['src', 'sim', 'package.json']) {
      await cp(join(root, name), join(other, name), { recursive: true });
    }
    await symlink(join(root, 'node_modules'), join(other, 'node_modules'));
    const [here, there] = await Promise.all([traceIn(root), traceIn(other)]);
    assert.equal(there, here);
  } finally {
    await rm(other, { recursive: true });
  }
});

test('P1: frames name neither the folder of the repository nor that of bundles', () => {
  const engine = 'open (file:///home/me/my repository/src/ha/folder-lock.ts:12:3)';
  assert.equal(
    portableFrame(engine, 'file:///home/me/my repository/'),
    'open (millrace:src/ha/folder-lock.ts:12:3)',
  );
  const job = `async map (file:///tmp/${BUNDLE_FOLDER}x7Yz/job-copied.mjs?instance=31:44:9)`;
  assert.equal(portableFrame(job), 'async map (job:///job-copied:44:9)');
});

test('P1, P2: what a simulated thread sees of a stack, and what others see after it', async () => {
  const before = Object.getOwnPropertyDescriptor(Error, 'prepareStackTrace');
  const world = simulation({ seed: 1 });
  const stack = await world.runProcess(
    world.host('one'),
    async () => new Error('here').stack!,
    minutes(1),
  );
  assert.match(stack, /^Error: here\n {4}at .*\(?millrace:sim\/stacks\.test\.ts:\d+:\d+\)?/);
  assert.ok(!stack.includes(root), stack);
  assert.deepEqual(Object.getOwnPropertyDescriptor(Error, 'prepareStackTrace'), before);
  assert.ok(new Error('there').stack!.includes(root));
});
