/** Real child processes: how they are started, how they end, that they can be killed. */
import assert from 'node:assert/strict';
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
});
