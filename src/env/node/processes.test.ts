/** Real child processes: how they are started, how they end, that they can be killed. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { isEngineError } from '../../base/errors.ts';
import { entryPoint } from './entry-points.ts';
import { nodeProcesses } from './processes.ts';

const main = entryPoint('./main.test-kit', import.meta.url);
const processes = nodeProcesses({ slot: main, coordinator: main, taskmanager: main });

describe('nodeProcesses', () => {
  test('a process ends with its code', async () => {
    const handle = await processes.spawn('taskmanager', ['exit', '7']);
    assert.ok(handle.pid > 0 && handle.pid !== process.pid);
    assert.deepEqual(await handle.exited, { code: 7, signal: undefined });
    handle.kill('SIGKILL');
  });

  test('kill ends it with the signal', async () => {
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      const handle = await processes.spawn('taskmanager', ['signalsNoMore']);
      handle.kill(signal);
      assert.deepEqual(await handle.exited, { code: undefined, signal });
    }
  });

  test("a role without an entry point is a programmer's error", () => {
    assert.throws(() => void processes.spawn('jobmanager', []), { name: 'AssertionError' });
  });

  test('a process that cannot be started is PROCESS_START_FAILED', async () => {
    // More than the system takes as arguments.
    const long = 'x'.repeat(4_000_000);
    await assert.rejects(processes.spawn('taskmanager', [long]), (error) => {
      assert.ok(isEngineError(error, 'PROCESS_START_FAILED'), String(error));
      assert.match(error.message, /^Could not start a taskmanager process: /);
      return true;
    });
  });

  test('it tells its parent, and hears when that has released it', async () => {
    const handle = await processes.spawn('taskmanager', ['tellParent']);
    const told = Promise.withResolvers<string>();
    handle.onMessage(told.resolve);
    assert.equal(await told.promise, 'it lives');
    handle.release();
    assert.deepEqual(await handle.exited, { code: 3, signal: undefined });
  });

  test('what it writes is appended to its output', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'millrace-output-'));
    const output = join(folder, 'a.log');
    try {
      for (const text of ['first', 'second']) {
        const options = { output, detached: true };
        await (
          await processes.spawn('taskmanager', ['printArguments', text], options)
        ).exited;
      }
      assert.equal(readFileSync(output, 'utf8'), '["first"]\n["second"]\n');
      await assert.rejects(processes.spawn('taskmanager', [], { output: folder }), {
        code: 'IO_FAILED',
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('a process is told from others with its id while it lives, and not afterwards', async () => {
    const handle = await processes.spawn('taskmanager', ['signalsNoMore']);
    const [first, again, own] = await Promise.all(
      [handle.pid, handle.pid, processes.pid].map((pid) => processes.identify(pid)),
    );
    assert.notEqual(first, undefined);
    assert.equal(first, again);
    assert.notEqual(first, own);
    processes.signal(handle.pid, 'SIGKILL');
    await handle.exited;
    assert.equal(await processes.identify(handle.pid), undefined);
    processes.signal(handle.pid, 'SIGTERM');
  });

  test('a program of the system: input, output, exit code', async () => {
    const script = 'process.stdin.pipe(process.stdout); console.error("e"); process.exitCode = 4';
    const { execPath } = process;
    assert.deepEqual(await processes.run(execPath, ['-e', script], 'in'), {
      ...{ code: 4, signal: undefined, stdout: 'in', stderr: 'e\n' },
    });
    // It does not read what it is given.
    assert.equal((await processes.run(execPath, ['-e', ''], 'x'.repeat(1e6))).code, 0);
    await assert.rejects(processes.run('/no/such/program', [], ''), {
      code: 'PROCESS_START_FAILED',
    });
  });
});
