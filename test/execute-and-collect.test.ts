// Programs that run a job of their own module, as processes: records come back, the process ends by
// itself, and a module that would run its job in every worker is told what to do.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';

function run(fixture: string): {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
} {
  const file = join(import.meta.dirname, 'fixtures', fixture);
  const { status, stdout, stderr } = spawnSync(process.execPath, [file], {
    encoding: 'utf8',
    timeout: 30_000,
  });
  return { status, out: stdout, err: stderr };
}

test('a program collects what its job computes, and ends', () => {
  assert.deepEqual(run('squares.ts'), { status: 0, out: '[1,4,9]\n', err: '' });
});

test('a job that is run while a worker loads its module is refused with the way out', () => {
  const { status, out, err } = run('squares-at-load.ts');
  assert.equal(status, 1);
  assert.equal(out, '');
  assert.match(err, /the module of the job runs a job while a worker loads it/);
  assert.match(err, /import\.meta\.main/);
});
