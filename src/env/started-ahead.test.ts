import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EngineError } from '../base/errors.ts';
import type { WorkerHandle, WorkerOptions, WorkerRole, Workers } from './env.ts';
import { startedAhead } from './started-ahead.ts';

/** Workers that only say what was asked for. */
function recorded(): {
  readonly workers: Workers;
  readonly asked: [WorkerRole, WorkerOptions][];
  readonly given: WorkerHandle[];
} {
  const asked: [WorkerRole, WorkerOptions][] = [];
  const given: WorkerHandle[] = [];
  const unused = (): never => {
    throw new EngineError('INTERNAL', { message: 'not used here' });
  };
  const workers: Workers = {
    spawn: (role, options) => {
      asked.push([role, options]);
      const port = { post: unused, receive: unused };
      const handle = { port, exited: new Promise<never>(() => undefined) };
      given.push({
        ...handle,
        terminate: unused,
        heapUsed: unused,
        captureOutput: unused,
        stack: unused,
        profile: unused,
      });
      return given.at(-1)!;
    },
  };
  return { workers, asked, given };
}

const none = new Uint8Array(0);

test('A1: workers are started at once, and each is handed out once', () => {
  const { workers, asked, given } = recorded();
  const ahead = startedAhead(workers, [
    { role: 'coordinator' },
    { role: 'slot', heapLimitMegabytes: 64 },
  ]);
  assert.deepEqual(asked, [
    ['coordinator', { name: 'coordinator', heapLimitMegabytes: undefined, data: none }],
    ['slot', { name: 'slot', heapLimitMegabytes: 64, data: none }],
  ]);
  const slot = { name: 'slot 1', heapLimitMegabytes: 64, data: none };
  assert.equal(ahead.spawn('slot', slot), given[1]);
  assert.equal(ahead.spawn('coordinator', { name: 'c', data: none }), given[0]);
  assert.equal(ahead.spawn('slot', slot), given[2]);
  assert.deepEqual(asked[2], ['slot', slot]);
});

test('A1: whoever asks for another heap, or brings data, gets a worker of its own', () => {
  const { workers, given } = recorded();
  const ahead = startedAhead(workers, [{ role: 'slot', heapLimitMegabytes: 64 }]);
  const smaller = { name: 'slot 1', heapLimitMegabytes: 32, data: none };
  assert.equal(ahead.spawn('slot', smaller), given[1]);
  const withData = { name: 'slot 2', heapLimitMegabytes: 64, data: new Uint8Array(1) };
  assert.equal(ahead.spawn('slot', withData), given[2]);
  const without = { name: 'slot 3', heapLimitMegabytes: 64, data: none };
  assert.equal(ahead.spawn('slot', without), given[0]);
});
