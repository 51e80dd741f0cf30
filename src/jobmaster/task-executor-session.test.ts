import assert from 'node:assert/strict';
import { test } from 'node:test';
import { milliseconds, seconds } from '../base/units.ts';
import { taskExecutorService, TASK_EXECUTOR } from '../protocol/task-executor-service.ts';
import type { HeldSlots } from '../protocol/task-executor-service.ts';
import { MainThread } from '../rpc/main-thread.ts';
import type { Handlers } from '../rpc/rpc-endpoint.ts';
import { RpcService } from '../rpc/rpc-service.ts';
import { testEnv } from '../rpc/test-env.test-kit.ts';
import { TaskExecutorSession } from './task-executor-session.ts';

/** A session with a TaskExecutor that answers heartbeats as the test says. */
async function rig(options: {
  readonly expected: readonly string[];
  readonly answer: () => readonly string[];
}) {
  const env = testEnv();
  const fatal = (_component: string, error: Error): never => assert.fail(error);
  const main = new MainThread('test', env.clock, fatal);
  const there = new RpcService({ env, name: 'there' });
  const asked: HeldSlots[] = [];
  const handlers: Partial<Handlers<typeof taskExecutorService>> = {
    heartbeatFromJobMaster: (request) => {
      asked.push(request);
      return { executionIds: options.answer() };
    },
  };
  there.register({
    ...{ name: TASK_EXECUTOR, service: taskExecutorService, fence: () => true },
    main: new MainThread('there', env.clock, fatal),
    handlers: handlers as Handlers<typeof taskExecutorService>,
  });
  const address = await there.listen('there', 0);
  const here = new RpcService({ env, name: 'here' });
  const dialled = here.connect(address);
  await env.clock.pass();
  const missing: string[] = [];
  const lost: string[] = [];
  const connection = await dialled;
  const session = new TaskExecutorSession({
    ...{ main, connection, taskExecutorId: 'te', host: 'h', token: 't' },
    heartbeat: { interval: seconds(1), timeout: seconds(5), failureThreshold: 2 },
    leaseDuration: milliseconds(800),
    held: () => ({ allocationIds: ['slot'], executionIds: options.expected }),
    onMissing: (_session, ids) => missing.push(...ids),
    onLost: (_session, reason) => lost.push(reason),
  });
  return { clock: env.clock, asked, missing, lost, session, there };
}

test('a heartbeat names the slots that the job has, and hears of what runs in them', async () => {
  const { clock, asked, missing } = await rig({ expected: ['a', 'b'], answer: () => ['b', 'a'] });
  await clock.pass(seconds(2));
  assert.deepEqual(asked, [{ allocationIds: ['slot'] }, { allocationIds: ['slot'] }]);
  assert.deepEqual(missing, []);
});

test('U3: what was deployed and is not there is missing; what is there besides is not', async () => {
  const { clock, missing } = await rig({ expected: ['a', 'b'], answer: () => ['b', 'new'] });
  await clock.pass(seconds(1));
  assert.deepEqual(missing, ['a']);
});

test('a closed connection is noticed at once', async () => {
  const closed = await rig({ expected: [], answer: () => [] });
  closed.session.connection.close();
  await closed.clock.pass();
  assert.deepEqual(closed.lost, ['the connection was lost']);
  assert.equal(closed.clock.armed, 0, 'no heartbeat afterwards');
});
